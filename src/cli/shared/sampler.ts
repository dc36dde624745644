import { performance } from 'node:perf_hooks';
import type { Meters, Sample } from './meters.js';

/** How long before each whole second a sample is taken, in ms: a stall is over then, and the next has not begun. */
const LEAD_MS = 50;

/** A sample is taken every second in the first of so many seconds, every second second in the next, and so on. */
const DENSE_S = 3600;

/** How a {@link Sampler} samples. */
export interface SamplerOptions {
  /** Where whole seconds begin, by `performance.now()`: two processes that share it sample at the same moments. */
  readonly origin?: number;
  /** Whether the figures begin with the first whole second, so that what is slow at first is not in them. */
  readonly warmUp?: boolean;
  /** Is called with each sample; its time is not the meeting's. */
  readonly onSample?: (sample: Sample) => void;
}

/** Takes a sample of a meeting's cost every second; less often when it has gone on for hours. */
export class Sampler {
  readonly samples: Sample[] = [];
  readonly #meters: Meters;
  readonly #frames: () => number;
  readonly #onSample: ((sample: Sample) => void) | undefined;
  readonly #origin: number;
  #warmUp: boolean;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  /** @param frames read so far */
  constructor(meters: Meters, frames: () => number, options: SamplerOptions = {}) {
    const { origin = performance.now(), warmUp = false, onSample } = options;
    this.#meters = meters;
    this.#frames = frames;
    this.#onSample = onSample;
    this.#origin = origin;
    this.#warmUp = warmUp;
  }

  /** The meeting begins, for the meters, too. */
  start(): void {
    this.samples.push(this.#meters.start());
    this.#running = true;
    const elapsed = (performance.now() - this.#origin) / 1000;
    this.#schedule(Math.floor(elapsed), Math.floor(elapsed));
  }

  /** The meeting is over, for the meters, too. One that was shorter than a second has one sample. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    clearTimeout(this.#timer);
    if (this.samples.length === 1) this.samples.push(this.#meters.sample(this.#frames()));
    this.#meters.stop(this.#frames());
  }

  /** The next whole second that is still to come. @param first the second in which it began @param last that was sampled */
  #schedule(first: number, last: number): void {
    const elapsed = performance.now() - this.#origin;
    const step = 1 + Math.floor((last - first) / DENSE_S);
    const next = Math.max(last + step, Math.ceil((elapsed + LEAD_MS) / 1000));
    this.#timer = setTimeout(
      () => {
        this.#meters.apart(() => this.#take());
        this.#schedule(first, next);
      },
      next * 1000 - LEAD_MS - elapsed,
    );
  }

  #take(): void {
    if (this.#warmUp) {
      this.#warmUp = false;
      return this.#meters.begin(this.#frames());
    }
    const sample = this.#meters.sample(this.#frames());
    this.samples.push(sample);
    this.#onSample?.(sample);
  }
}
