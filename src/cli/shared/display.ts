import { liveTable, plainLine, type View } from './live-table.js';
import type { Screen } from './screen.js';

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
