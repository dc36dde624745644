import type { ComparisonRow } from '../shared/figures.js';
import { count, countOrNone } from '../shared/format.js';
import type { ParticipantResult } from './result.js';
import { fitted, plainTable, tableWidth, widthsOf } from '../shared/table.js';

/** The columns of a {@link resultTable}, most telling first where there is no room for all. */
interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly of: (ours: ParticipantResult, peer: ParticipantResult | undefined) => string;
}

const participant: Column = { title: 'participant', align: 'left', of: ({ identity }) => identity };
const frames: Column = { title: 'frames', align: 'right', of: ({ framesReceived }) => count(framesReceived) };
const dropped: Column = { title: 'dropped', align: 'right', of: ({ framesDropped }) => countOrNone(framesDropped) };
const recording: Column = { title: 'recording', align: 'left', of: ({ intact }) => (intact ? 'intact' : 'damaged') };
const samplesLost: Column = { title: 'samples lost', align: 'right', of: (ours) => count(ours.samplesLost) };
const peerLost: Column = {
  title: 'rtc-node',
  align: 'left',
  of: (_, peer) => (peer ? outcomeOf(peer) : '-'),
};

/**
 * What became of every participant's voice, at the end of a meeting.
 *
 * @param peer the same participants, of the run on rtc-node
 */
export function resultTable(
  ours: readonly ParticipantResult[],
  peer: readonly ParticipantResult[] | undefined,
  columns: number,
): string[] {
  const others = peer ? [peerLost] : [];
  const layouts: Column[][] = [
    [participant, frames, dropped, samplesLost, recording, ...others],
    [participant, frames, dropped, { ...samplesLost, title: 'lost' }, { ...recording, title: 'result' }, ...others],
    [participant, frames, { ...samplesLost, title: 'lost' }, { ...recording, title: 'result' }, ...others],
  ];
  const rowsOf = (layout: Column[]) => [
    layout.map(({ title }) => title),
    ...ours.map((each, at) => layout.map(({ of }) => of(each, peer?.[at]))),
  ];
  const layout = layouts.find((each) => tableWidth(widthsOf(rowsOf(each))) < columns) ?? layouts.at(-1)!;
  const [head, ...rows] = rowsOf(layout);
  const aligns = layout.map(({ align }) => align);
  const table = plainTable(head!, widthsOf([head!, ...rows]), aligns);
  table.push(...rows);
  return fitted(table, columns);
}

/** Both sides, figure by figure. */
export function comparisonTable(comparison: readonly ComparisonRow[], columns: number): string[] {
  const head = ['', 'narrowcast', 'rtc-node', 'ratio'];
  const rows = comparison.map(({ what, ours, peer, ratio }) => [what, ours, peer, ratio]);
  const table = plainTable(head, widthsOf([head, ...rows]), ['left', 'right', 'right', 'right']);
  table.push(...rows);
  return fitted(table, columns);
}

function outcomeOf({ intact, samplesLost }: ParticipantResult): string {
  if (intact) return 'intact';
  return samplesLost > 0 ? `${count(samplesLost)} lost` : 'damaged';
}
