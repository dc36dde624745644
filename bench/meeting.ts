/**
 * Whether the figures of `narrowcast meeting` hold: holds it several times, as `npm start` does, while 0 to 8 other
 * processes keep the processor busy, and prints each meeting's figures of the main thread as they were measured, their
 * ratio, and how far the ratios are apart.
 *
 *   npm run bench -- meeting [--runs 10] [--busy 0,1,2,4,8] [--frame-ms 10] [--seconds 20] [--participants 4] [--json FILE]
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { checkWritable, writeJson } from '../src/cli/shared/output-file.js';
import type { MeetingFigures, MeetingResult } from '../src/cli/meeting/result.js';
import { median } from './support/harness.js';

/** One meeting. */
interface Held {
  /** Processes that were busy beside it. */
  readonly busy: number;
  /** The system's load when it ended. */
  readonly load: number;
  readonly ours: Side;
  readonly peer: Side;
  readonly ratio: number;
}

/** What was measured of one side: raw. */
type Side = Pick<MeetingResult, 'mainThreadPercent' | 'idlePercent' | 'mainThreadUsPerFrame' | 'cpuPercent'>;

const program = fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url));

const { values: given } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    busy: { type: 'string', default: '0,1,2,4,8' },
    'frame-ms': { type: 'string', default: '10' },
    seconds: { type: 'string', default: '20' },
    participants: { type: 'string', default: '4' },
    json: { type: 'string' },
  },
});
const shape = ['--frame-ms', given['frame-ms'], '--seconds', given.seconds, '--participants', given.participants];
const loads = given.busy.split(',').map(Number);
if (given.json !== undefined) await checkWritable(given.json);

const held: Held[] = [];
for (let run = 0; run < Number(given.runs); run++) {
  const each = await hold(loads[run % loads.length]!);
  held.push(each);
  process.stderr.write(`${run + 1}: ratio ${each.ratio.toFixed(3)} with ${each.busy} busy processes\n`);
}
print();
if (given.json !== undefined) await writeJson(given.json, { name: 'meeting', held });

/** Holds one meeting while so many other processes are busy. */
async function hold(busy: number): Promise<Held> {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-meeting-'));
  const others = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    await ended(
      spawn(process.execPath, [program, 'meeting', ...shape, '--no-report', '--json', 'figures.json'], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    const { ours, peer } = JSON.parse(readFileSync(join(folder, 'figures.json'), 'utf8')) as MeetingFigures;
    if (!peer?.mainThreadPercent || !ours.mainThreadPercent) throw new Error('a meeting has no figures of both sides');
    return {
      busy,
      load: loadavg()[0]!,
      ours: sideOf(ours),
      peer: sideOf(peer),
      ratio: ours.mainThreadPercent / peer.mainThreadPercent,
    };
  } finally {
    for (const other of others) other.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function sideOf({ mainThreadPercent, idlePercent, mainThreadUsPerFrame, cpuPercent }: Side): Side {
  return { mainThreadPercent, idlePercent, mainThreadUsPerFrame, cpuPercent };
}

/** Resolves when a meeting has ended, whether or not anything was lost in it. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      if (status === 0 || status === 1) resolve();
      else reject(new Error(`a meeting ended with ${signal ?? `status ${status}`}`));
    });
  });
}

function print(): void {
  const text = (value: number | null, digits: number) => (value === null ? '-' : value.toFixed(digits));
  const both = (of: (side: Side) => number | null, digits: number) => (each: Held) =>
    `${text(of(each.ours), digits)} / ${text(of(each.peer), digits)}`;
  const columns: [string, (each: Held) => string][] = [
    ['busy', (each) => `${each.busy}`],
    ['load', (each) => each.load.toFixed(1)],
    ['main thread, %', both((side) => side.mainThreadPercent, 2)],
    ['idle, %', both((side) => side.idlePercent, 2)],
    ['µs per frame', both((side) => side.mainThreadUsPerFrame, 1)],
    ['all threads, %', both((side) => side.cpuPercent, 1)],
    ['ratio', (each) => each.ratio.toFixed(3)],
  ];
  const table = new Table({ head: columns.map(([title]) => title), style: { head: [], border: [] } });
  for (const each of held) table.push(columns.map(([, of]) => of(each)));
  const ratios = held.map(({ ratio }) => ratio);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  console.log('narrowcast / rtc-node; the ratio is that of the main thread');
  console.log(table.toString());
  console.log(
    `ratio: median ${median(ratios).toFixed(3)}, ${least.toFixed(3)} to ${most.toFixed(3)}: ` +
      `the highest is ${((most / least - 1) * 100).toFixed(1)} % above the lowest`,
  );
}
