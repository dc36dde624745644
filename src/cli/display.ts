import { count, liveTable, meterLines, people, plainLine, resultTable, wrap, type View } from './live-table.js';
import type { MeetingResult, ParticipantResult } from './result.js';
import type { Screen } from './screen.js';

/** How often the table is drawn, in ms. */
const DRAW_MS = 500;

/** Lines that a meeting prints where there is no table, about. */
const PLAIN_LINES = 10;

/** Shows a meeting while it runs: a table on a terminal, a line now and then elsewhere. */
export class Display {
  readonly #screen: Screen;
  readonly #view: () => View;
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen, view: () => View) {
    this.#screen = screen;
    this.#view = view;
  }

  /**
   * @param seconds length of the meeting
   * @param run calls the function that draws, and can measure it
   */
  start(seconds: number, run: (draw: () => void) => void): void {
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
    if (live) this.#screen.draw(liveTable(this.#view(), columns, rows));
    else this.#screen.print([plainLine(this.#view())]);
  }
}

/** What came of a meeting: a table, what it cost, and the verdict. */
export function summary(result: MeetingResult, out: string, early: boolean, columns: number): string[] {
  const { participants } = result;
  const sum = (of: (each: ParticipantResult) => number) => participants.reduce((total, each) => total + of(each), 0);
  const received = sum((each) => each.framesReceived);
  const expected = sum((each) => each.framesExpected);
  const damaged = participants.filter(({ intact }) => !intact).length;
  const verdict = [
    `${early ? 'ended early: ' : ''}${people(participants.length)}`,
    `${count(received)} of ${count(expected)} frames`,
    `${count(sum((each) => each.samplesLost))} samples lost`,
    damaged === 0
      ? `every recording in ${out} is bit for bit what was played`
      : `${count(damaged)} of the recordings in ${out} are not what was played`,
  ];
  return [
    ...resultTable(participants, columns),
    ...meterLines({ events: result.events, reading: result }, columns),
    ...wrap('', verdict, columns),
  ];
}
