import { performance } from 'node:perf_hooks';
import type { Meters, Sample } from './meters.js';

/** How long before each whole second a sample is taken, in ms: a stall is over then, and the next has not begun. */
const LEAD_MS = 50;

/** A sample is taken every second in the first of so many seconds, every second second in the next, and so on. */
const DENSE_S = 3600;

/** Takes a sample of a meeting's cost every second; less often when it has gone on for hours. */
export class Sampler {
  readonly samples: Sample[] = [];
  readonly #meters: Meters;
  readonly #frames: () => number;
  readonly #onSample: (sample: Sample) => void;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  /**
   * @param frames read so far
   * @param onSample is called with each sample; its time is not the meeting's
   */
  constructor(meters: Meters, frames: () => number, onSample: (sample: Sample) => void = () => {}) {
    this.#meters = meters;
    this.#frames = frames;
    this.#onSample = onSample;
  }

  /** The meeting begins, for the meters, too. */
  start(): void {
    this.samples.push(this.#meters.start());
    this.#running = true;
    this.#schedule(performance.now());
  }

  /** No sample comes after this. A meeting that was shorter than a second has one. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    clearTimeout(this.#timer);
    if (this.samples.length === 1) this.samples.push(this.#meters.sample(this.#frames()));
  }

  /** The next whole second after `start` that is still to come, and has no sample yet. */
  #schedule(start: number, last = 0): void {
    const elapsed = performance.now() - start;
    const step = 1 + Math.floor(last / DENSE_S);
    const next = Math.max(last + step, Math.ceil((elapsed + LEAD_MS) / 1000));
    this.#timer = setTimeout(
      () => {
        this.#meters.apart(() => {
          const sample = this.#meters.sample(this.#frames());
          this.samples.push(sample);
          this.#onSample(sample);
        });
        this.#schedule(start, next);
      },
      next * 1000 - LEAD_MS - elapsed,
    );
  }
}
