import {
  difference,
  differenceText,
  formatted,
  FRAMES_TEXT,
  MAIN_THREAD,
  PROCESSOR,
  type Figure,
} from '../shared/figures.js';
import { count, people } from '../shared/format.js';
import { meterLines } from '../shared/live-table.js';
import { folded, wrap } from '../shared/table.js';
import { comparisonRows, outcomeOf } from './comparison.js';
import { comparisonTable, resultTable } from './result-table.js';
import type { MeetingResult, Sides } from './result.js';
import { whereLost } from './where-lost.js';

/** What came of a meeting: tables, what it cost, and the verdict. */
export function summary(sides: Sides, out: string, early: boolean, columns: number): string[] {
  const { ours, peer } = sides;
  return [
    ...resultTable(ours.participants, peer?.participants, columns),
    ...(peer
      ? [
          ...comparisonTable(comparisonRows(sides), columns),
          ...folded(FRAMES_TEXT, columns),
          ...wrap('', savings(ours, peer), columns),
        ]
      : meterLines({ events: ours.events, reading: ours }, columns)),
    ...wrap('', verdict(ours, out, early), columns),
  ];
}

function savings(ours: MeetingResult, peer: MeetingResult): string[] {
  return [MAIN_THREAD, PROCESSOR].map((figure) => comparedText(figure, ours, peer));
}

/** `main thread 1.74 %, rtc-node 3.25 %: 1.9 times less`. */
function comparedText(figure: Figure, ours: MeetingResult, peer: MeetingResult): string {
  const found = difference(figure, ours, peer);
  const figures = `${figure.what} ${formatted(figure, ours)}; rtc-node ${formatted(figure, peer)}`;
  return found ? `${figures}: ${differenceText(found)}` : figures;
}

/** What narrowcast dropped, by its own counts. */
function droppedBy({ participants, events }: MeetingResult): number {
  return participants.reduce((sum, { framesDropped }) => sum + (framesDropped ?? 0), events?.dropped ?? 0);
}

function verdict(ours: MeetingResult, out: string, early: boolean): string[] {
  const { framesReceived, samplesPlayed, samplesLost, intact, recordings } = outcomeOf(ours);
  const damaged = recordings - intact;
  return [
    `${early ? 'ended early: ' : ''}${people(recordings)}`,
    `${count(framesReceived)} frames read`,
    `${count(samplesLost)} of ${count(samplesPlayed)} samples lost`,
    ...whereLost(samplesLost, droppedBy(ours)),
    damaged === 0
      ? `every recording in ${out} is bit for bit what was played`
      : `${count(damaged)} ${damaged === 1 ? 'recording differs' : 'recordings differ'} from what was played, in ${out}`,
  ];
}
