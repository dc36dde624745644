import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { checkWritable, writeJson } from '../../src/cli/shared/output-file.js';
import { loadLine, watchLoad } from './load.js';

/** One question's answer. */
export interface Row {
  /** Its name; other people's checks know it. */
  case: string;
  /** Of `peer` and `ours`. */
  unit: string;
  /** Median of the peer's rounds; null where there is no peer. */
  peer: number | null;
  /** Median of our rounds. */
  ours: number;
  /** `ours / peer`; null where that is no number. */
  ratio: number | null;
  /** Lowest and highest round of both, to see how noisy it was. */
  spread: { peer: [number, number] | null; ours: [number, number] };
  /** What the figure is, or what bounds it. */
  note?: string;
}

/** A row from the rounds of both sides. */
export function row(name: string, unit: string, ours: number[], peer?: number[], note?: string): Row {
  const theirs = peer ? median(peer) : null;
  return {
    case: name,
    unit,
    peer: theirs,
    ours: median(ours),
    ratio: theirs === null || theirs === 0 ? null : median(ours) / theirs,
    spread: { peer: peer ? range(peer) : null, ours: range(ours) },
    ...(note !== undefined && { note }),
  };
}

/** Runs all, every other round from the last to the first: on a machine whose speed drifts, none is always the later. */
export async function inTurn(round: number, runs: readonly (() => Promise<void>)[]): Promise<void> {
  for (const run of round % 2 === 0 ? runs : runs.toReversed()) await run();
}

/**
 * Runs a benchmark: prints its rows as they come, the machine's load, and writes `--json FILE`.
 *
 * @param flags options of its own, each with a value; `measure` gets what was given
 * @param switches those without a value; `'true'` if given
 */
export async function bench<Flag extends string = never>(
  name: string,
  measure: (add: (row: Row) => void, given: Partial<Record<Flag, string>>) => Promise<void>,
  flags: readonly Flag[] = [],
  switches: readonly Flag[] = [],
): Promise<void> {
  const given = await options(flags, switches);
  const { json } = given;
  const look = watchLoad();
  const rows: Row[] = [];
  await measure((each) => {
    rows.push(each);
    process.stderr.write(
      `${each.case}: ${format(each.ours)} ${each.unit}${each.ratio === null ? '' : `, ratio ${each.ratio.toFixed(3)}`}\n`,
    );
  }, given);
  const load = look();
  const table = new Table({
    head: ['case', 'unit', 'peer', 'ours', 'ratio', 'rounds: peer, ours'],
    style: { head: [], border: [] },
  });
  for (const each of rows) {
    const spread = [each.spread.peer, each.spread.ours].map((pair) => (pair ? pair.map(format).join('–') : '-'));
    table.push([
      each.case,
      each.unit,
      each.peer === null ? '-' : format(each.peer),
      format(each.ours),
      each.ratio === null ? '-' : each.ratio.toFixed(3),
      spread.join(', '),
    ]);
  }
  console.log(loadLine(name, load));
  console.log(table.toString());
  for (const each of rows) if (each.note) console.log(`${each.case}: ${each.note}`);
  if (json !== undefined) await writeJson(json, { name, load, rows });
}

/** What was asked for. Whatever is wrong is said before minutes of measuring. */
async function options<Flag extends string>(
  flags: readonly Flag[],
  switches: readonly Flag[],
): Promise<Partial<Record<Flag | 'json', string>>> {
  try {
    const names = ['json', ...flags].map((each) => [each, { type: 'string' }] as const);
    const plain = switches.map((each) => [each, { type: 'boolean' }] as const);
    const { values } = parseArgs({ options: Object.fromEntries([...names, ...plain]) });
    const texts = Object.entries(values).map(([name, value]) => [name, String(value)]);
    const given = Object.fromEntries(texts) as Partial<Record<Flag | 'json', string>>;
    if (given.json !== undefined) await checkWritable(given.json);
    return given;
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    process.exit(2);
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function range(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

function format(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 3 - Math.ceil(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 3));
}
