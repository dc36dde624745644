import { fork } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { ledgerPackage } from '../../__test__/support/ledger.js';
import { checkWritable, writeJson } from '../../src/cli/output-file.js';
import type { Aftermath } from './meeting.js';
import { table } from './report.js';
import { wrongCounts, wrongSlope } from './verdict.js';

/** What `npm run soak` was asked for. */
export interface SoakOptions {
  readonly minutes: number;
  /** Where the figures go, too. */
  readonly json?: string | undefined;
  /** Whether memory that grows is a failure; without, the counts alone are. */
  readonly assertSlope: boolean;
}

/**
 * V8's young generation stays at one size, small enough to be in use as a whole long before the warm-up ends. Otherwise V8
 * doubles it when the machine was busy, and the process grows by 15 MB at once, which is no leak.
 */
const FIXED_HEAP = ['--min-semi-space-size=4', '--max-semi-space-size=4'];

/** How long a side may take beyond its meeting, in ms: to collect a heap with every frame of 10 minutes takes seconds. */
const EXTRA_MS = 240_000;

/**
 * The same meeting on LiveKit's engine, with narrowcast and with plain rtc-node, at the same time, in a process each.
 * Returns the exit status: whether narrowcast left nothing behind.
 *
 * @throws {Failure} the file can't be written
 */
export async function soak({ minutes, json, assertSlope }: SoakOptions): Promise<0 | 1> {
  if (json !== undefined) await checkWritable(json);
  const before = os.loadavg()[0]!;
  // The addon that knows its handles, on both sides: what it notes is small, and the same code is measured and counted.
  const root = ledgerPackage('soak');
  const [peer, ours] = await Promise.all([run('peer', minutes, root), run('ours', minutes, root)]);
  const load = { cpus: os.cpus().length, model: os.cpus()[0]!.model.trim(), before, after: os.loadavg()[0]! };
  const wrong = [...wrongCounts(ours), ...(assertSlope ? wrongSlope(ours) : [])];

  console.log(
    `soak, ${minutes} min: Node ${process.version}, ${load.cpus} × ${load.model}, ` +
      `load ${load.before.toFixed(1)} → ${load.after.toFixed(1)}`,
  );
  console.log(table(minutes, peer, ours));
  for (const what of wrong) console.log(`narrowcast: ${what}`);
  if (wrong.length === 0) console.log('narrowcast left nothing behind.');
  if (json !== undefined) await writeJson(json, { name: 'soak', minutes, load, peer, ours, wrong });
  return wrong.length === 0 ? 0 : 1;
}

/** One side, in a process of its own that ends with this one. */
function run(side: 'ours' | 'peer', minutes: number, root: string): Promise<Aftermath> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('side.ts', import.meta.url)), [side, String(minutes)], {
      execArgv: ['--expose-gc', ...FIXED_HEAP, '--import', 'tsx'],
      // Where tsx is found.
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, NARROWCAST_ROOT: root },
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), minutes * 60_000 + EXTRA_MS);
    let sent: Aftermath | undefined;
    child.on('message', (aftermath: Aftermath) => (sent = aftermath));
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      clearTimeout(limit);
      if (sent && status === 0) resolve(sent);
      else reject(new Error(`the process of ${side} ended with ${signal ?? `status ${status}`}`));
    });
  });
}
