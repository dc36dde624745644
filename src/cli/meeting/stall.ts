import { performance } from 'node:perf_hooks';

/** Blocks the JavaScript thread once a second, as a slow model or a large JSON would. */
export class Stall {
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param ms how long, each time; a stall that is over a second leaves out the seconds that it takes
   * @param run calls the function that blocks, and can measure it
   */
  constructor(
    readonly ms: number,
    readonly run: (block: () => void) => void,
  ) {}

  /** @param origin where whole seconds begin, by `performance.now()` */
  start(origin = performance.now()): void {
    if (this.ms > 0) this.#schedule(origin);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The next whole second that is still to come. */
  #schedule(origin: number): void {
    const wait = 1000 - ((performance.now() - origin) % 1000);
    this.#timer = setTimeout(() => {
      this.run(() => {
        const end = performance.now() + this.ms;
        while (performance.now() < end);
      });
      this.#schedule(origin);
    }, wait);
  }
}
