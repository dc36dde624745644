/**
 * Whether the figures of `narrowcast meeting` hold: holds it several times, while 0 to 8 other processes keep the processor busy.
 *
 * `--scenario agent`: as `npm start` does. Prints how each side's callers heard the agent. The exit status is 1 if a run had a gap
 * in narrowcast's voice.
 *
 *   npm run bench -- meeting --scenario agent [--runs 10] [--busy 0] [--json FILE]
 *
 * `--scenario crowd`, the default here: prints each meeting's figures of the main thread as they were measured, their ratio,
 * and how far the ratios are apart.
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
import { framesLost, type AgentMeetingFigures } from '../src/cli/meeting/agent/sides.js';
import { gapsText } from '../src/cli/meeting/agent/summary.js';
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
    scenario: { type: 'string', default: 'crowd' },
    runs: { type: 'string', default: '10' },
    busy: { type: 'string' },
    'frame-ms': { type: 'string', default: '10' },
    seconds: { type: 'string', default: '20' },
    participants: { type: 'string', default: '4' },
    json: { type: 'string' },
  },
});
const shape = ['--frame-ms', given['frame-ms'], '--seconds', given.seconds, '--participants', given.participants];
const isAgent = given.scenario === 'agent';
const loads = (given.busy ?? (isAgent ? '0' : '0,1,2,4,8')).split(',').map(Number);
if (given.json !== undefined) await checkWritable(given.json);

if (isAgent) await agents();
else await crowds();

async function crowds(): Promise<void> {
  const held: Held[] = [];
  for (let run = 0; run < Number(given.runs); run++) {
    const each = await hold(loads[run % loads.length]!);
    held.push(each);
    process.stderr.write(`${run + 1}: ratio ${each.ratio.toFixed(3)} with ${each.busy} busy processes\n`);
  }
  print(held);
  if (given.json !== undefined) await writeJson(given.json, { name: 'meeting', held });
}

async function agents(): Promise<void> {
  const held: AgentMeetingFigures[] = [];
  for (let run = 0; run < Number(given.runs); run++) {
    const figures = await heldUnder<AgentMeetingFigures>(loads[run % loads.length]!, []);
    held.push(figures);
    const { meeting, machine, sides } = figures;
    const texts = sides.map(({ name, result }) => {
      if (!result) return `${name}: failed`;
      return `${name}: ${gapsText(result.voice!)}, ${framesLost(result, meeting.sampleRate)} frames lost`;
    });
    console.log(`${run + 1}, load ${machine.load.after.toFixed(1)}: ${texts.join(' | ')}`);
  }
  for (const [at, { name }] of held[0]!.sides.entries()) {
    const of = (value: (result: MeetingResult) => number | null) =>
      held.map(({ sides }) => sides[at]!.result).flatMap((result) => (result ? [value(result) ?? NaN] : []));
    const [gaps, missing] = [of(({ voice }) => voice!.gaps), of(({ voice }) => voice!.missingMs)];
    const main = of(({ mainThreadPercent }) => mainThreadPercent);
    console.log(
      `${name}: ${missing.filter((ms) => ms === 0).length} of ${held.length} runs without a gap; gaps: median ${median(gaps)}; ` +
        `missing: median ${median(missing)} ms, ${Math.min(...missing)} to ${Math.max(...missing)}; ` +
        `main thread: median ${median(main).toFixed(2)} %`,
    );
  }
  if (held.some(({ sides }) => sides[0]!.result?.voice?.gaps !== 0)) process.exitCode = 1;
  if (given.json !== undefined) await writeJson(given.json, { name: 'meeting', held });
}

/** Holds one meeting of equals while so many other processes are busy. */
async function hold(busy: number): Promise<Held> {
  const { ours, peer } = await heldUnder<MeetingFigures>(busy, ['--scenario', 'crowd', ...shape]);
  if (!peer?.mainThreadPercent || !ours.mainThreadPercent) throw new Error('a meeting has no figures of both sides');
  return {
    busy,
    load: loadavg()[0]!,
    ours: sideOf(ours),
    peer: sideOf(peer),
    ratio: ours.mainThreadPercent / peer.mainThreadPercent,
  };
}

/** What a meeting says of itself that was held while so many other processes were busy. */
async function heldUnder<T>(busy: number, args: readonly string[]): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-meeting-'));
  const others = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    await ended(
      spawn(process.execPath, [program, 'meeting', ...args, '--no-report', '--json', 'figures.json'], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    return JSON.parse(readFileSync(join(folder, 'figures.json'), 'utf8')) as T;
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

function print(held: readonly Held[]): void {
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
