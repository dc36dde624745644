import { liveTable, plainLine, type View } from './live-table.js';
import type { Screen } from './screen.js';

/** How often the table is drawn, in ms. */
const DRAW_MS = 500;

/** Lines that are printed where there is no table, about. */
const PLAIN_LINES = 10;

/**
 * What is shown so many seconds after it began: lines that are narrower than `columns` and no more than `rows`; without these, what
 * is worth printing.
 */
export type Shown = (elapsed: number, columns?: number, rows?: number) => string[];

/** A table of participants, or a line about all of them. */
export function shownView(view: (elapsed: number) => View): Shown {
  return (elapsed, columns, rows) =>
    columns === undefined || rows === undefined ? [plainLine(view(elapsed))] : liveTable(view(elapsed), columns, rows);
}

/** Shows what is listened to, while it runs: a table on a terminal, a line now and then elsewhere. */
export class Display {
  readonly #screen: Screen;
  readonly #shown: Shown;
  #start = 0;
  #timer: NodeJS.Timeout | undefined;
  /** What was printed last, where nothing is drawn. */
  #printed = '';

  constructor(screen: Screen, shown: Shown) {
    this.#screen = screen;
    this.#shown = shown;
  }

  /**
   * @param seconds how long it will be; Infinity where that is unknown
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
    const elapsed = (performance.now() - this.#start) / 1000;
    if (live) return this.#screen.draw(this.#shown(elapsed, columns, rows));
    const lines = this.#shown(elapsed);
    // The same again says nothing.
    if (lines.join('\n') !== this.#printed) this.#screen.print(lines);
    this.#printed = lines.join('\n');
  }
}
