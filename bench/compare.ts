// What narrowcast costs here and in another checkout of it, which was built: `npm run bench -- compare --against FOLDER`.
//
// Each measurement runs in a process of its own, in one checkout and then in the other, `--rounds` times (default 5), every
// other round in the opposite order. "peer" is the other checkout. A note tells which rows are worse here by more than
// `--most` percent (default 5), and whether the rounds of both overlap. `--only audio-stream,broadcast` measures these only;
// `native` is the engine's callback and the core alone, which cargo builds in both checkouts first.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startLivekitServer } from '../__test__/support/livekit-server.js';
import { cargoBench, fastest } from './support/cargo-bench.js';
import { inProcess } from './support/child.js';
import { bench, inTurn, row, type Row } from './support/harness.js';
import { Publishers, token } from './support/publishers.js';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const SECONDS = '3';

/** Figures of one run, by name; all are better when they are smaller. */
type Figures = Readonly<Record<string, number>>;

/** Runs once in a checkout. */
type Run = (folder: string) => Figures | Promise<Figures>;

/** What is measured, by the benchmark that it is of. Rows have the names that they have there. */
const SUBJECTS: Readonly<Record<string, (measure: (run: Run) => Promise<void>) => Promise<void>>> = {
  async 'audio-stream'(measure) {
    for (const [way, streams] of [
      ['for-await', 16],
      ['for-await', 64],
      ['try-read', 64],
      ['read-into', 64],
      ['worker', 64],
      ['for-await', 256],
    ] as const) {
      await measure(async (folder) => {
        const cost = await side(folder, 'stream-side', way, String(streams), SECONDS);
        return {
          [`stream/${way}/${streams}`]: cost['mainUsPerFrame']!,
          [`stream/${way}/${streams}/cpu`]: cost['cpuPercent']!,
        };
      });
    }
  },
  async broadcast(measure) {
    for (const [way, subscribers, tracks] of [
      ...[1, 16, 64].flatMap((count) =>
        ['raw', 'decoded', 'raw-await', 'raw-drain'].map((each) => [each, count, 256] as const),
      ),
      ['raw', 16, 16] as const,
    ]) {
      await measure(async (folder) => {
        const { mainUsPerEvent } = await side(folder, 'event-side', way, String(subscribers), String(tracks), '2');
        return { [`wanted/${tracks === 16 ? 'raw-seldom' : way}/${subscribers}`]: mainUsPerEvent! };
      });
    }
  },
  async 'audio-stream-track'(measure) {
    await measure(async (folder) => {
      const { p50, p99, usPerFrame } = await side(folder, 'track-side', 'recv');
      return { 'recv/p50-idle': p50!, 'recv/p99-idle': p99!, 'recv/cost': usPerFrame! };
    });
    await measure(async (folder) => {
      const { p99, missing, gaps } = await side(folder, 'track-side', 'pipe');
      return { 'pipe/p99-blocked': p99!, 'pipe/missing': missing!, 'pipe/gaps': gaps! };
    });
    await measure(async (folder) => {
      const { same, resampled, float } = await side(folder, 'track-side', 'write');
      return { 'write/same': same!, 'write/resampled': resampled!, 'write/float': float! };
    });
  },
  async 'ring-buffer'(measure) {
    await measure((folder) => whole(folder, 'ring-buffer'));
  },
  async livekit(measure) {
    const { server, stop } = await startLivekitServer();
    const inRoom = async (folder: string, program: string, way: string, room: string, count: number) =>
      side(folder, program, way, server.url, await token(server, room, `${program} ${way}`), String(count), SECONDS);
    const publishers = new Publishers(server, 'listening');
    try {
      let joined = 0;
      for (const count of [4, 16, 32]) {
        while (joined < count) await publishers.join(`publisher ${joined++}`);
        await measure(async (folder) => {
          const cost = await inRoom(folder, 'room-side', 'ours', 'listening', count);
          return {
            [`stream/main/${count}`]: cost['mainUsPerFrame']!,
            [`stream/wakes/${count}`]: cost['wakesPerFrame']!,
            [`stream/cpu/${count}`]: cost['cpuPercent']!,
          };
        });
      }
      await publishers.stop();
      for (const [way, name] of [
        ['capture-frame', ''],
        ['pipe-to', '/pipe'],
      ] as const) {
        await measure(async (folder) => {
          const cost = await inRoom(folder, 'publish-side', way, 'publishing', 16);
          return {
            [`publish/main${name}/16`]: cost['mainUsPerFrame']!,
            [`publish/cpu${name}/16`]: cost['cpuPercent']!,
          };
        });
      }
    } finally {
      await publishers.stop();
      await stop();
    }
  },
  async native(measure) {
    const benches = [
      ['narrowcast-livekit', 'callback'],
      ['narrowcast-core', 'throughput'],
    ] as const;
    for (const [crate, name] of benches) {
      await measure((folder) =>
        Object.fromEntries(cargoBench(crate, name, folder).map((rounds) => [rounds.case, fastest(rounds)])),
      );
    }
  },
};

await bench<'against' | 'rounds' | 'only' | 'most'>(
  'compare',
  async (add, { against, rounds = '5', only = Object.keys(SUBJECTS).join(), most = '5' }) => {
    if (against === undefined)
      throw new Error('`--against FOLDER`: a checkout of narrowcast in which `npm run build` ran');
    const folders = [resolve(against), HERE];
    for (const subject of only.split(',')) {
      const compare = SUBJECTS[subject];
      if (!compare) throw new Error(`\`--only\`: ${subject} is none of ${Object.keys(SUBJECTS).join(', ')}`);
      await compare(async (run) => {
        const found: Record<string, number[]>[] = [{}, {}];
        for (let round = 0; round < Number(rounds); round++) {
          const each = folders.map((folder, at) => async () => {
            for (const [name, value] of Object.entries(await run(folder))) (found[at]![name] ??= []).push(value);
          });
          await inTurn(round, each);
        }
        const [before, now] = found as [Record<string, number[]>, Record<string, number[]>];
        for (const name of Object.keys(now))
          if (before[name]) add(told(row(`${subject}/${name}`, 'as there', now[name]!, before[name]), Number(most)));
      });
    }
  },
  ['against', 'rounds', 'only', 'most'],
);

/** The row, with a note if it is worse here. */
function told(compared: Row, most: number): Row {
  const { ours, peer, ratio, spread } = compared;
  // Below zero where what is left out was more than what was measured: neither is worse.
  if (peer! < 0 || !(ours > peer! * (1 + most / 100))) return compared;
  const apart = spread.ours[0] > spread.peer![1];
  const times = ratio === null ? '' : ` (${ratio.toFixed(3)})`;
  const note = `worse by more than ${most} %${times}; ${apart ? 'NO ROUND OVERLAPS' : 'the rounds of both overlap'}`;
  return { ...compared, note };
}

/** Runs a module of bench/support of a checkout. */
function side(folder: string, module: string, ...args: string[]): Promise<Figures> {
  const url = pathToFileURL(join(folder, 'bench', 'support', `${module}.ts`));
  return inProcess<Figures>(url, args, { folder, env: { ...process.env, NODE_ENV: 'production' } }); // rtc-node logs less
}

/** Runs a whole benchmark of a checkout. */
function whole(folder: string, name: string): Figures {
  const scratch = mkdtempSync(join(tmpdir(), 'narrowcast-bench-'));
  try {
    const file = join(scratch, 'rows.json');
    const args = ['--expose-gc', '--import', 'tsx', join('bench', `${name}.ts`), '--json', file];
    const { status } = spawnSync(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`bench/${name}.ts in ${folder} ended with status ${status}`);
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] };
    return Object.fromEntries(rows.map(({ case: path, ours }) => [path, ours]));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
