import { ledgerPackage } from '../../__test__/support/ledger.js';
import { checkWritable, writeJson } from '../../src/cli/output-file.js';
import { inProcess } from '../support/child.js';
import { loadLine, watchLoad } from '../support/load.js';
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
  const look = watchLoad();
  // The addon that knows its handles, on both sides: what it notes is small, and the same code is measured and counted.
  const root = ledgerPackage('soak');
  const [peer, ours] = await Promise.all([run('peer', minutes, root), run('ours', minutes, root)]);
  const load = look();
  const wrong = [...wrongCounts(ours), ...(assertSlope ? wrongSlope(ours) : [])];

  console.log(loadLine(`soak, ${minutes} min`, load));
  console.log(table(minutes, peer, ours));
  for (const what of wrong) console.log(`narrowcast: ${what}`);
  if (wrong.length === 0) console.log('narrowcast left nothing behind.');
  if (json !== undefined) await writeJson(json, { name: 'soak', minutes, load, peer, ours, wrong });
  return wrong.length === 0 ? 0 : 1;
}

/** One side, in a process of its own that ends with this one. */
function run(side: 'ours' | 'peer', minutes: number, root: string): Promise<Aftermath> {
  return inProcess(new URL('side.ts', import.meta.url), [side, String(minutes)], {
    limitMs: minutes * 60_000 + EXTRA_MS,
    nodeArgs: FIXED_HEAP,
    env: { ...process.env, NARROWCAST_ROOT: root },
  });
}
