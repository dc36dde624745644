// What looking inside costs. `npm run bench -- diagnostics`:
//
// - a line of NARROWCAST_REPORT, of programs with few and with many objects, in µs of the main thread, and as a part of a core at
//   the period of 30 s;
// - with `--against FOLDER`, a checkout of an earlier state that was built: the rows of `audio-stream` and `broadcast` of both
//   states, in turn, `--rounds` times (default 3); tells which rows are more than 2 % worse here. To compare with the state before
//   there was anything to look inside, take the commit before the first of `git log -- src/diagnostics`.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inProcess } from './support/child.js';
import { bench, inTurn, median, row, type Row } from './support/harness.js';
import type { ReportCost } from './support/report-side.js';

const ROUNDS = 5;
const PERIOD_MS = 30_000;

/** Objects of each kind. */
const SIZES = { agent: 8, leaking: 300 } as const;

/** Worse than this is told. */
const MOST = 1.02;

await bench<'against' | 'rounds'>(
  'diagnostics',
  async (add, { against, rounds = '3' }) => {
    for (const [name, objects] of Object.entries(SIZES)) {
      const costs: ReportCost[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const env = { ...process.env, NARROWCAST_TRACE: '1' };
        costs.push(await inProcess(new URL('support/report-side.ts', import.meta.url), [String(objects)], { env }));
      }
      const note = `${objects} streams, sources and listeners; a line has ${costs[0]!.bytes} bytes`;
      add(
        row(
          `report/${name}/line`,
          'µs',
          costs.map(({ lineUs }) => lineUs),
          undefined,
          note,
        ),
      );
      const percent = costs.map(({ lineUs }) => (lineUs / 1000 / PERIOD_MS) * 100);
      add(row(`report/${name}/core`, '% of a core, at 30 s', percent, undefined, 'at most 0.1'));
    }
    if (against !== undefined) await compare(resolve(against), Number(rounds), add);
  },
  ['against', 'rounds'],
);

/** Rows of a benchmark in one state, by name. */
type Rows = Map<string, number[]>;

async function compare(other: string, rounds: number, add: (line: Row) => void): Promise<void> {
  const here = fileURLToPath(new URL('..', import.meta.url));
  for (const name of ['audio-stream', 'broadcast']) {
    const [before, now]: [Rows, Rows] = [new Map(), new Map()];
    for (let round = 0; round < rounds; round++) {
      await inTurn(round, [async () => run(other, name, before), async () => run(here, name, now)]);
    }
    for (const [path, values] of now) {
      const then = before.get(path);
      if (!then) continue;
      const ratio = median(values) / median(then);
      const note = ratio > MOST ? `MORE THAN 2 % WORSE: ${ratio.toFixed(3)}` : undefined;
      add(row(`${name}/${path}`, 'of ours; peer: before', values, then, note));
    }
  }
}

/** Runs a benchmark in a checkout, and notes its rows. */
function run(folder: string, name: string, rows: Rows): void {
  const scratch = mkdtempSync(join(tmpdir(), 'narrowcast-bench-'));
  try {
    const file = join(scratch, 'rows.json');
    const { status } = spawnSync(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', join('bench', `${name}.ts`), '--json', file],
      { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (status !== 0) throw new Error(`bench/${name}.ts in ${folder} ended with status ${status}`);
    const { rows: found } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] };
    for (const { case: path, ours } of found) rows.set(path, [...(rows.get(path) ?? []), ours]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
