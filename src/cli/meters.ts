import { monitorEventLoopDelay, performance, type EventLoopUtilization } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often the event loop's delay is measured, in ms: the shortest there is. */
const LAG_RESOLUTION_MS = 1;

/** How long the thread is watched while it has nothing to do, in ms. */
const IDLE_MS = 300;

/** What this process cost so far. */
export interface Reading {
  /**
   * Time that the JavaScript thread was busy for each frame, in µs: the busy time of the event loop (what
   * `performance.eventLoopUtilization()` calls active, from waking up to going back to sleep), without stalls, without
   * the drawing of the table, and without what the same process was busy for while it had nothing to do, divided by the
   * frames read. So it contains waking up, reading, the copy into the WAV file's block and the write's own cost; on a
   * machine with other things to do also the time in which this thread was not running.
   */
  readonly mainThreadUsPerFrame: number;
  /** How late a timer of 1 ms fires, in ms: what any other work of this thread would have waited. Stalls show. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Resident memory of the process, in MB (10^6 bytes), when the meeting began and now. */
  readonly rssMb: { readonly start: number; readonly end: number };
  /** Processor time of the process, all threads, stalls included, in % of one core. */
  readonly cpuPercent: number;
}

/** Measures what a meeting costs the process that it runs in. */
export class Meters {
  readonly #delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  /** Part of the time, 0 to 1, that the thread is busy though there is nothing to do: measuring delays is some of it. */
  #idleShare = 0;
  #busySince: EventLoopUtilization = performance.eventLoopUtilization();
  #cpuSince: NodeJS.CpuUsage = process.cpuUsage();
  #since = performance.now();
  #apartMs = 0;
  #rssStart = 0;
  #last: { busyMs: number; elapsedMs: number; cpuUs: number; rss: number } | undefined;

  /** Begins to measure delays, and finds out what the idle thread costs, which takes 0.3 s. */
  async calibrate(): Promise<void> {
    this.#delays.enable();
    const before = performance.eventLoopUtilization();
    await sleep(IDLE_MS);
    this.#idleShare = performance.eventLoopUtilization(before).utilization;
  }

  /** The meeting begins. */
  start(): void {
    this.#delays.reset();
    this.#busySince = performance.eventLoopUtilization();
    this.#cpuSince = process.cpuUsage();
    this.#since = performance.now();
    this.#apartMs = 0;
    this.#rssStart = process.memoryUsage.rss();
  }

  /** Runs what is not the meeting's own work: its time is left out. */
  apart(work: () => void): void {
    const start = performance.now();
    work();
    this.#apartMs += performance.now() - start;
  }

  /** The meeting is over: later readings say what was so far. */
  stop(): void {
    this.#last = this.#now();
    this.#delays.disable();
  }

  /** @param frames read so far */
  read(frames: number): Reading {
    const { busyMs, elapsedMs, cpuUs, rss } = this.#last ?? this.#now();
    const idleMs = this.#idleShare * (elapsedMs - this.#apartMs);
    const ownMs = Math.max(0, busyMs - this.#apartMs - idleMs);
    return {
      mainThreadUsPerFrame: frames > 0 ? (ownMs * 1000) / frames : 0,
      lagMs: {
        p50: lag(this.#delays.percentile(50)),
        p99: lag(this.#delays.percentile(99)),
        max: lag(this.#delays.max),
      },
      rssMb: { start: this.#rssStart / 1e6, end: rss / 1e6 },
      cpuPercent: elapsedMs > 0 ? (cpuUs / 1000 / elapsedMs) * 100 : 0,
    };
  }

  #now(): { busyMs: number; elapsedMs: number; cpuUs: number; rss: number } {
    const { user, system } = process.cpuUsage(this.#cpuSince);
    return {
      busyMs: performance.eventLoopUtilization(this.#busySince).active,
      elapsedMs: performance.now() - this.#since,
      cpuUs: user + system,
      rss: process.memoryUsage.rss(),
    };
  }
}

/** Node's histogram has the time between two firings, in ns. A fresh one's maximum is 0. */
function lag(ns: number): number {
  return Math.max(0, ns / 1e6 - LAG_RESOLUTION_MS);
}
