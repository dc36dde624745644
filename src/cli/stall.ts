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

  start(): void {
    if (this.ms > 0) this.#schedule(performance.now());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The next whole second after `start` that is still to come. */
  #schedule(start: number): void {
    const wait = 1000 - ((performance.now() - start) % 1000);
    this.#timer = setTimeout(() => {
      this.run(() => {
        const end = performance.now() + this.ms;
        while (performance.now() < end);
      });
      this.#schedule(start);
    }, wait);
  }
}
