import { threadId } from 'node:worker_threads';
import { native } from '../native.js';
import { unreadFrames } from './alive.js';
import { stall } from './channels.js';
import { voiceHeardMs, voiceMissingMs } from './underruns.js';

/** This thread did not answer a wake for more than 100 ms. */
export interface Stall {
  /** Node's `threadId`. */
  thread: number;
  /** From the arrival that asked for the wake to the answer, in ms. */
  ms: number;
  /**
   * From the thread's answer before to that arrival, in ms: the thread may have been blocked for as much longer, at most.
   * With audio that comes every 10 ms, at most 10.
   */
  intervalMs: number;
  /** Frames that waited for this thread's audio streams when it answered. */
  framesWaiting: number;
  /** Frames of these that were lost by then. */
  framesLost: number;
  /** What its sources and tracks had to say, and was heard meanwhile: the native thread played it. In ms, of all together. */
  voiceBridgedMs: number;
  /** How long they had nothing to say meanwhile and then went on, in ms: a gap that listeners heard. */
  voiceMissingMs: number;
}

/** What `Engine.inspect()` tells of the stalls of the thread that asks. */
export interface StallCounts {
  /** How many there were. */
  count: number;
  /** All of them together, in ms. */
  totalMs: number;
  /** The longest, in ms. */
  longestMs: number;
  /** Frames that were lost in them. */
  framesLost: number;
  /** What was missing of the voices of this thread in them, in ms. */
  voiceMissingMs: number;
  /** The last one. */
  last?: Stall;
}

const counts: StallCounts = { count: 0, totalMs: 0, longestMs: 0, framesLost: 0, voiceMissingMs: 0 };

/** Several doorbells answer to one stall: it is told of when all had their turn. */
let current: {
  start: number;
  quiet: number;
  readonly end: number;
  readonly frames: ReturnType<typeof unreadFrames>;
  voiceBridgedMs: number;
};
let pending = false;

/** What native code adds to the number of tokens after a stall. */
const { DOORBELL_STALLED: STALLED } = native;

/**
 * Answers a doorbell, and notes a stall, before its frames are read.
 *
 * @param tokens gets the tokens that rang
 * @param woken whether this answers a wake, which is answered once
 * @returns how many rang
 */
export function answerDoorbell(doorbell: number, tokens: Uint32Array, woken: boolean): number {
  const count = native.answerDoorbell(doorbell, tokens, woken);
  if (count < STALLED) return count;
  stalled(doorbell);
  return count - STALLED;
}

function stalled(doorbell: number): void {
  const end = performance.now();
  const { waitedMs, quietMs } = native.doorbellStall(doorbell);
  const start = end - waitedMs;
  const quiet = start - quietMs;
  if (pending && start < current.end) {
    current.start = Math.min(current.start, start);
    current.quiet = Math.max(current.quiet, quiet);
    current.voiceBridgedMs = voiceHeardMs(current.start, current.end);
    return;
  }
  if (pending) tell();
  // Before the program goes on: what it writes then was not there to be heard.
  current = { start, quiet, end, frames: unreadFrames(), voiceBridgedMs: voiceHeardMs(start, end) };
  pending = true;
  // After its timers had a turn, too: a voice was missing if the program goes on with it.
  setImmediate(() => setImmediate(() => pending && tell()));
}

function tell(): void {
  pending = false;
  const { start, quiet, end, frames, voiceBridgedMs } = current;
  const ms = end - start;
  counts.count++;
  counts.totalMs += ms;
  counts.longestMs = Math.max(counts.longestMs, ms);
  counts.framesLost += frames.lost;
  const intervalMs = Math.max(0, start - quiet);
  const missingMs = voiceMissingMs(start, end);
  counts.voiceMissingMs += missingMs;
  counts.last = {
    thread: threadId,
    ms,
    intervalMs,
    framesWaiting: frames.waiting,
    framesLost: frames.lost,
    voiceBridgedMs,
    voiceMissingMs: missingMs,
  };
  if (stall.hasSubscribers) stall.publish({ ...counts.last });
}

export function stallCounts(): StallCounts {
  return structuredClone(counts);
}
