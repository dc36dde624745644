import {
  comparisonRows,
  difference,
  differenceText,
  formatted,
  MAIN_THREAD,
  outcomeOf,
  PROCESSOR,
  type Figure,
} from './comparison.js';
import { count, people } from './format.js';
import { liveTable, meterLines, plainLine, type View } from './live-table.js';
import { comparisonTable, resultTable } from './result-table.js';
import type { MeetingResult, Sides } from './result.js';
import type { Screen } from './screen.js';
import { wrap } from './table.js';
import { whereLost } from './where-lost.js';

/** How often the table is drawn, in ms. */
const DRAW_MS = 500;

/** Lines that are printed where there is no table, about. */
const PLAIN_LINES = 10;

/** Shows what is listened to, while it runs: a table on a terminal, a line now and then elsewhere. */
export class Display {
  readonly #screen: Screen;
  readonly #view: (elapsed: number) => View;
  #start = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param view how it is so many seconds after it began */
  constructor(screen: Screen, view: (elapsed: number) => View) {
    this.#screen = screen;
    this.#view = view;
  }

  /**
   * @param seconds how long it will be; Infinity where nobody knows
   * @param run calls the function that draws, and can measure it
   */
  start(seconds: number, run: (draw: () => void) => void): void {
    this.#start = performance.now();
    const draw = () => run(() => this.#draw());
    const { live } = this.#screen;
    // There is a table from the start on; a line about nothing says nothing.
    if (live) draw();
    this.#timer = setInterval(draw, live ? DRAW_MS : Math.min(60, Math.max(1, seconds / PLAIN_LINES)) * 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #draw(): void {
    const { live, columns, rows } = this.#screen;
    const view = this.#view((performance.now() - this.#start) / 1000);
    if (live) this.#screen.draw(liveTable(view, columns, rows));
    else this.#screen.print([plainLine(view)]);
  }
}

/** What came of a meeting: tables, what it cost, and the verdict. */
export function summary(sides: Sides, out: string, early: boolean, columns: number): string[] {
  const { ours, peer } = sides;
  return [
    ...resultTable(ours.participants, peer?.participants, columns),
    ...(peer
      ? [...comparisonTable(comparisonRows(sides), columns), ...wrap('', savings(ours, peer), columns)]
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
