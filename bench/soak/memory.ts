import { median } from '../support/harness.js';

/**
 * How long memory may still settle, at most, in ms: code is compiled, heaps and pools reach their size. In a room on a
 * server that takes until the first of them was closed and opened again.
 */
const WARM_UP_MS = 600_000;

/** What a process's resident memory did. In MB of 10^6 bytes. */
export interface MemoryTrend {
  /** Median of the first third of the time after the warm-up. */
  readonly firstMb: number;
  /** Median of the last third. */
  readonly lastMb: number;
  /** The one less the other, for each minute between the middles of the two. */
  readonly slopeMbPerMin: number;
}

/** How often memory is read, at most, in ms: to collect everything blocks the event loop, whose delay is looked at, too. */
const MOST_OFTEN_MS = 1000;

/** How many readings there are of a meeting that is long enough for so many. */
const READINGS = 60;

/**
 * Reads this process's resident memory now and then, each time after everything was collected that can be: V8 lets what has
 * grown old wait for minutes until it collects it, on either side. Needs Node's `--expose-gc`.
 * What it notes has its memory from the start.
 */
export class MemoryLog {
  readonly #rss: Float64Array;
  readonly #timer: NodeJS.Timeout;
  readonly #start = performance.now();
  #count = 0;

  /** @param durationMs how long it is going to run */
  constructor(durationMs: number) {
    const everyMs = Math.max(MOST_OFTEN_MS, durationMs / READINGS);
    this.#rss = new Float64Array(Math.ceil(durationMs / everyMs) + 1);
    this.#timer = setInterval(() => this.#read(), everyMs);
  }

  stop(): MemoryTrend {
    clearInterval(this.#timer);
    this.#read();
    return trend(this.#rss.subarray(0, this.#count), (performance.now() - this.#start) / this.#count);
  }

  #read(): void {
    if (this.#count === this.#rss.length) return;
    globalThis.gc!();
    useYoungGeneration();
    this.#rss[this.#count++] = process.memoryUsage.rss();
  }
}

/** Several times what V8's young generation can hold, in bytes: see `FIXED_HEAP` in main.ts. */
const YOUNG_BYTES = 32 * 1024 * 1024;

/** What was allocated last, so that it has to be. */
let garbage: unknown[] = [];

/**
 * Has all of V8's young generation in use. V8 gives it back when little is allocated, and takes it again: so much more or
 * less from one reading to the next is no leak, and more than what would be one.
 */
function useYoungGeneration(): void {
  for (let bytes = 0; bytes < YOUNG_BYTES; bytes += 1024) garbage = new Array<number>(128).fill(garbage.length);
}

/** @param rss readings, in bytes, `everyMs` apart */
export function trend(rss: Float64Array, everyMs: number): MemoryTrend {
  const warmUp = Math.min(Math.floor(WARM_UP_MS / everyMs), Math.floor(rss.length / 3));
  const settled = rss.subarray(warmUp);
  const third = Math.ceil(settled.length / 3);
  const firstMb = median([...settled.subarray(0, third)]) / 1e6;
  const lastMb = median([...settled.subarray(settled.length - third)]) / 1e6;
  const minutes = ((settled.length - third) * everyMs) / 60_000;
  return { firstMb, lastMb, slopeMbPerMin: minutes > 0 ? (lastMb - firstMb) / minutes : 0 };
}
