import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadClock, type ThreadClock, type ThreadClockKind } from './thread-clock.js';

/** How often the event loop's delay is measured, in ms. Each time wakes the thread: oftener, it would be most of its work. */
const LAG_RESOLUTION_MS = 10;

/** How long the thread is watched while it has nothing to do, in ms. */
const IDLE_MS = 300;

/** How long the thread hears others play before that is measured, in ms: at first the code for it is slow. */
const WARM_MS = 300;

/** How long the thread is watched while it hears others play, in ms. */
const PLAYING_MS = 600;

/** What this process cost so far. */
export interface Reading {
  /**
   * Time that the JavaScript thread worked for each frame, in µs, by {@link mainThreadClock}: from waking up to going
   * back to sleep, without stalls, without the drawing of the table, and without what the same thread took before
   * anybody listened, while all played: measuring delays, and hearing of what was played. Divided by the frames read.
   * So it contains waking up, reading, the copy into the WAV file's block and the write's own cost.
   */
  readonly mainThreadUsPerFrame: number;
  /** What the thread's time was measured with. */
  readonly mainThreadClock: ThreadClockKind;
  /** How late a timer of 10 ms fires, in ms: what any other work of this thread would have waited. Stalls show. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Resident memory of the process, in MB (10^6 bytes), when the meeting began and now. */
  readonly rssMb: { readonly start: number; readonly end: number };
  /** Processor time of the process, all threads, stalls included, in % of one core. */
  readonly cpuPercent: number;
}

/** What a process cost in a part of the meeting: about a second. */
export interface Sample {
  /** When the part ended, in s since the meeting began. */
  readonly at: number;
  /** Resident memory at its end, in MB (10^6 bytes). */
  readonly rssMb: number;
  /** How late a timer of 10 ms fired, in ms; null before the first part. */
  readonly lagMs: { readonly p99: number; readonly max: number } | null;
  /** As in {@link Reading}, in this part alone; null if no frame was read in it. */
  readonly mainThreadUsPerFrame: number | null;
}

/** Clocks at one moment, since the meeting began. All in ms. */
interface Moment {
  readonly wall: number;
  readonly thread: number;
  /** What of them was not the meeting's own work. */
  readonly apartWall: number;
  readonly apartThread: number;
}

/** What readings are made of. */
interface State {
  readonly moment: Moment;
  /** Processor time of the process. */
  readonly cpuUs: number;
  /** Bytes. */
  readonly rss: number;
}

/** Measures what a meeting costs the process that it runs in. */
export class Meters {
  readonly #clock: ThreadClock = threadClock();
  readonly #delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  /** Of the running part; there is no way to take a part out of the other one. */
  readonly #partDelays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  /** Part of the time, 0 to 1, that the thread works though there is nothing to do: measuring delays is some of it. */
  #idleShare = 0;
  /** What comes on top of that while others play, and nobody listens. */
  #playingShare = 0;
  #wallStart = performance.now();
  #threadStart = this.#clock.now();
  #cpuStart: NodeJS.CpuUsage = process.cpuUsage();
  #rssStart = 0;
  #apartWall = 0;
  #apartThread = 0;
  #part: { begun: Moment; frames: number } = { begun: this.#now(), frames: 0 };
  #maybeLast: State | undefined;
  #last: State | undefined;

  /**
   * Begins to measure delays, and finds out what the thread takes that is no cost of listening. Takes 0.3 s, and 0.9 s
   * more with somebody to play.
   *
   * @param play has everybody play who will, with nobody listening, until the function is called that it returns
   */
  async calibrate(play?: () => () => void): Promise<void> {
    this.#delays.enable();
    this.#partDelays.enable();
    this.#idleShare = await this.#share(IDLE_MS);
    if (!play) return;
    const silence = play();
    try {
      await sleep(WARM_MS);
      this.#playingShare = Math.max(0, (await this.#share(PLAYING_MS)) - this.#idleShare);
    } finally {
      silence();
    }
  }

  /** The meeting begins. */
  start(): Sample {
    this.#wallStart = performance.now();
    this.#threadStart = this.#clock.now();
    this.#cpuStart = process.cpuUsage();
    this.#apartWall = 0;
    this.#apartThread = 0;
    this.#rssStart = process.memoryUsage.rss();
    this.#part = { begun: this.#now(), frames: 0 };
    this.#delays.reset();
    this.#partDelays.reset();
    return { at: 0, rssMb: this.#rssStart / 1e6, lagMs: null, mainThreadUsPerFrame: null };
  }

  /** Runs what is not the meeting's own work: its time is left out. */
  apart(work: () => void): void {
    const wall = performance.now();
    const thread = this.#clock.now();
    work();
    this.#apartThread += this.#clock.now() - thread;
    this.#apartWall += performance.now() - wall;
  }

  /** Ends a part of the meeting, and begins the next. @param frames read so far, since the start */
  sample(frames: number): Sample {
    const { begun, frames: before } = this.#part;
    const now = this.#now();
    const read = frames - before;
    const sample: Sample = {
      at: now.wall / 1000,
      rssMb: process.memoryUsage.rss() / 1e6,
      lagMs: { p99: lag(this.#partDelays.percentile(99)), max: lag(this.#partDelays.max) },
      mainThreadUsPerFrame: read > 0 ? (this.#ownMs(begun, now) * 1000) / read : null,
    };
    this.#partDelays.reset();
    this.#part = { begun: now, frames };
    return sample;
  }

  /** It may be over: unless this is called again, the readings after {@link stop} are those of now. */
  mayBeOver(): void {
    this.#maybeLast = this.#state();
  }

  /** The meeting is over: later readings say what was so far. */
  stop(): void {
    this.#last = this.#maybeLast ?? this.#state();
    this.#delays.disable();
    this.#partDelays.disable();
  }

  /** @param frames read so far */
  read(frames: number): Reading {
    const { moment, cpuUs, rss } = this.#last ?? this.#state();
    const ownMs = this.#ownMs({ wall: 0, thread: 0, apartWall: 0, apartThread: 0 }, moment);
    return {
      mainThreadUsPerFrame: frames > 0 ? (ownMs * 1000) / frames : 0,
      mainThreadClock: this.#clock.kind,
      lagMs: {
        p50: lag(this.#delays.percentile(50)),
        p99: lag(this.#delays.percentile(99)),
        max: lag(this.#delays.max),
      },
      rssMb: { start: this.#rssStart / 1e6, end: rss / 1e6 },
      cpuPercent: moment.wall > 0 ? (cpuUs / 1000 / moment.wall) * 100 : 0,
    };
  }

  /** The thread's time between two moments that was for listening. */
  #ownMs(from: Moment, to: Moment): number {
    const wall = to.wall - from.wall;
    const apartWall = to.apartWall - from.apartWall;
    const thread = to.thread - from.thread - (to.apartThread - from.apartThread);
    // While the thread does something else it measures no delays; what it would have heard of the playing comes later.
    const work = thread - this.#playingShare * wall;
    return Math.max(0, (work - this.#idleShare * (wall - apartWall)) / (1 - this.#idleShare));
  }

  async #share(ms: number): Promise<number> {
    const wall = performance.now();
    const thread = this.#clock.now();
    await sleep(ms);
    return (this.#clock.now() - thread) / (performance.now() - wall);
  }

  #now(): Moment {
    return {
      wall: performance.now() - this.#wallStart,
      thread: this.#clock.now() - this.#threadStart,
      apartWall: this.#apartWall,
      apartThread: this.#apartThread,
    };
  }

  #state(): State {
    const { user, system } = process.cpuUsage(this.#cpuStart);
    return { moment: this.#now(), cpuUs: user + system, rss: process.memoryUsage.rss() };
  }
}

/** Node's histogram has the time between two firings, in ns. A fresh one's maximum is 0, its percentiles may be. */
function lag(ns: number): number {
  return Math.max(0, ns / 1e6 - LAG_RESOLUTION_MS);
}
