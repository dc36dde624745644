import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadClock, threadSleeps, type ThreadClock, type ThreadClockKind } from './thread-clock.js';

/** How often the event loop's delay is measured, in ms. Each time wakes the thread, and is in the figures of all that is measured. */
const LAG_RESOLUTION_MS = 20;

/** What this process cost so far. Nothing is subtracted from the thread's time but {@link Meters.apart}. */
export interface Reading {
  /**
   * How much of the time the JavaScript thread worked, in %, by {@link mainThreadClock}: with measuring lag, playing,
   * waking up, reading, the copy into the WAV file's block and the write's own cost. Without stalls made on purpose and
   * without drawing the table. null where the clock can't tell.
   */
  readonly mainThreadPercent: number | null;
  /** The same, before anything was played: measuring lag, and nothing else. It is a part of the figure above. */
  readonly idlePercent: number | null;
  /** The thread's time in the same seconds, divided by the frames read in them, in µs; null without frames, too. */
  readonly mainThreadUsPerFrame: number | null;
  /** What the thread's time was measured with. */
  readonly mainThreadClock: ThreadClockKind;
  /**
   * How often the JavaScript thread went to sleep in each second, and so was woken: with the timer that measures lag, 50 times
   * a second. null where the system does not tell: elsewhere than on Linux.
   */
  readonly wakesPerSecond: number | null;
  /** How late a timer of 20 ms fires, in ms: what any other work of this thread would have waited. Stalls show. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Resident memory of the process, in MB (10^6 bytes), when the meeting began and now. */
  readonly rssMb: { readonly start: number; readonly end: number };
  /** Processor time of the process in the same seconds, all threads, stalls included, in % of one core. */
  readonly cpuPercent: number;
  /** How much the seconds differ in these figures. */
  readonly halfOfSeconds: Readonly<Record<SecondFigure, Range | null>>;
}

/** Figures that each second has, too. */
export type SecondFigure = 'mainThreadPercent' | 'mainThreadUsPerFrame' | 'cpuPercent';

/** Two values that the middle half of all seconds lies between: lowest and highest. */
type Range = readonly [number, number];

/** What a process cost in a part of the meeting: about a second. */
export interface Sample {
  /** When the part ended, in s since the meeting began. */
  readonly at: number;
  /** Resident memory at its end, in MB (10^6 bytes). */
  readonly rssMb: number;
  /** How late a timer of 20 ms fired, in ms; null before the first part. */
  readonly lagMs: { readonly p99: number; readonly max: number } | null;
  /** As in {@link Reading}, in this part alone; null before the first part, and where that has none. */
  readonly mainThreadPercent: number | null;
  readonly mainThreadUsPerFrame: number | null;
  readonly cpuPercent: number | null;
}

/** Clocks at one moment. All in ms. */
interface Moment {
  readonly wall: number;
  /** Of the thread, without what ran apart. */
  readonly thread: number;
  /** Processor time of the process. */
  readonly cpu: number;
  /** Frames read. */
  readonly frames: number;
  readonly sleeps: number | null;
}

/** What the time between two moments came to. */
type Cost = Pick<Reading, SecondFigure | 'wakesPerSecond'>;

/** Measures what a meeting costs the process that it runs in. */
export class Meters {
  readonly #clock: ThreadClock;
  readonly #delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  /** Of the running part; there is no way to take a part out of the other one. */
  readonly #partDelays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  #idlePercent: number | null = null;
  /** The thread's time that was not the meeting's own. */
  #apart = 0;
  #rssStart = 0;
  #start = performance.now();
  /** Figures are of the time from here … */
  #from: Moment;
  /** … to the latest sample, or to the present where there is none. */
  #to: Moment | undefined;
  /** Of the parts since then. */
  #parts: Cost[] = [];
  #stopped: Reading | undefined;

  constructor(clock: ThreadClock = threadClock()) {
    this.#clock = clock;
    this.#from = this.#now(0);
  }

  /** Begins to measure delays, and what the thread takes for that alone. @param ms how long */
  async idle(ms: number): Promise<void> {
    this.#delays.enable();
    this.#partDelays.enable();
    const before = this.#now(0);
    await sleep(ms);
    this.#idlePercent = costOf(before, this.#now(0)).mainThreadPercent;
  }

  /** The meeting begins. */
  start(): Sample {
    this.#start = performance.now();
    this.#rssStart = process.memoryUsage.rss();
    this.#delays.reset();
    this.begin(0);
    return {
      at: 0,
      rssMb: this.#rssStart / 1e6,
      lagMs: null,
      mainThreadPercent: null,
      mainThreadUsPerFrame: null,
      cpuPercent: null,
    };
  }

  /** The figures are of the time from now on: what came before was warming up. @param frames read so far */
  begin(frames: number): void {
    this.#partDelays.reset();
    this.#from = this.#now(frames);
    this.#to = undefined;
    this.#parts = [];
  }

  /** Runs what is not the meeting's own work: its time is left out. */
  apart(work: () => void): void {
    const thread = this.#clock.now();
    work();
    this.#apart += this.#clock.now() - thread;
  }

  /** Ends a part of the meeting, and begins the next. @param frames read so far, since the start */
  sample(frames: number): Sample {
    const now = this.#now(frames);
    const cost = costOf(this.#to ?? this.#from, now);
    this.#parts.push(cost);
    const { wakesPerSecond: _, ...figures } = cost;
    const sample: Sample = {
      at: (now.wall - this.#start) / 1000,
      rssMb: process.memoryUsage.rss() / 1e6,
      lagMs: { p99: lag(this.#partDelays.percentile(99)), max: lag(this.#partDelays.max) },
      ...figures,
    };
    this.#partDelays.reset();
    this.#to = now;
    return sample;
  }

  /** The meeting is over: later readings say what was so far. @param frames read so far */
  stop(frames: number): void {
    this.#stopped = this.read(frames);
    this.#delays.disable();
    this.#partDelays.disable();
  }

  /** @param frames read so far */
  read(frames: number): Reading {
    if (this.#stopped) return this.#stopped;
    return {
      ...costOf(this.#from, this.#to ?? this.#now(frames)),
      idlePercent: this.#idlePercent,
      mainThreadClock: this.#clock.kind,
      lagMs: {
        p50: lag(this.#delays.percentile(50)),
        p99: lag(this.#delays.percentile(99)),
        max: lag(this.#delays.max),
      },
      rssMb: { start: this.#rssStart / 1e6, end: process.memoryUsage.rss() / 1e6 },
      halfOfSeconds: {
        mainThreadPercent: middleHalf(this.#parts.map((part) => part.mainThreadPercent)),
        mainThreadUsPerFrame: middleHalf(this.#parts.map((part) => part.mainThreadUsPerFrame)),
        cpuPercent: middleHalf(this.#parts.map((part) => part.cpuPercent)),
      },
    };
  }

  #now(frames: number): Moment {
    const { user, system } = process.cpuUsage();
    return {
      wall: performance.now(),
      thread: this.#clock.now() - this.#apart,
      cpu: (user + system) / 1000,
      frames,
      sleeps: threadSleeps(),
    };
  }
}

function costOf(from: Moment, to: Moment): Cost {
  const wall = to.wall - from.wall;
  const thread = to.thread - from.thread;
  const frames = to.frames - from.frames;
  const share = (ms: number) => (wall > 0 ? (ms / wall) * 100 : 0);
  // A thread that takes the time has worked: a clock that stands still does not tell how long.
  const known = thread > 0;
  return {
    mainThreadPercent: known ? share(thread) : null,
    mainThreadUsPerFrame: known && frames > 0 ? (thread * 1000) / frames : null,
    cpuPercent: share(to.cpu - from.cpu),
    wakesPerSecond:
      wall > 0 && from.sleeps !== null && to.sleeps !== null ? (to.sleeps - from.sleeps) / (wall / 1000) : null,
  };
}

/** null for fewer than four values, which have no middle run. */
function middleHalf(values: readonly (number | null)[]): Range | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length < 4) return null;
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))]!;
  return [at(0.25), at(0.75)];
}

/** Node's histogram has the time between two firings, in ns. A fresh one's maximum is 0, its percentiles may be. */
function lag(ns: number): number {
  return Math.max(0, ns / 1e6 - LAG_RESOLUTION_MS);
}
