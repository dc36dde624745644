/**
 * One stall, in a process of its own: 16 tracks play from a native thread, streams on them are read, and JavaScript is
 * blocked for 5 s. Sends how long it took afterwards until what was read had caught up with what was played.
 *
 *   stall-side.ts SIDE CONSUMER
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { TransformStream, type ReadableStream } from 'node:stream/web';
import { AudioStream, install } from 'narrowcast/livekit';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { mainThreadUs } from './spent.js';
import { ENDLESS, openTracks, play, SAMPLE_RATE } from './tracks.js';
import { block } from '../../__test__/support/wait.mjs';

/** `elastic`: ours, with `maxFrameMs: 100`. */
export type StallSide = 'peer' | 'ours' | 'elastic';

/** `bare`: a loop that counts. `agent`: ten web streams in front of it, as `@livekit/agents` has them. */
export type StallConsumer = 'bare' | 'agent';

/** What was measured. */
export interface StallCost {
  /** From the end of the stall until each stream's reader was at most 50 ms behind, in ms. */
  readonly backMs: number;
  /** Longest time meanwhile in which no timer of 5 ms had its turn, in ms. */
  readonly timerGapMs: number;
  /** Processor time of the main thread meanwhile, in ms. */
  readonly mainMs: number;
  /** Frames read meanwhile. */
  readonly frames: number;
}

const STREAMS = 16;
const STALL_MS = 5000;
const BEHIND_MS = 50;
const LIMIT_MS = 60_000;

const [side, consumer] = process.argv.slice(2) as [StallSide, StallConsumer];

const { rtc, ffi, enginePath } = loadBindings();
if (side === 'peer') native.engineAttach(enginePath, describeEvents(ffi));
else install();

/** What each reader has heard, in ms. */
const heard = new Float64Array(STREAMS);
let frames = 0;
/** How far audio was ahead of this clock while nothing was blocked. */
let ahead = 0;
const began = performance.now();
const behind = () => performance.now() - began + ahead - Math.min(...heard);

const tracks = openTracks(STREAMS);
for (const [at, { track }] of tracks.entries()) void read(at, through(open(track)));

function open(track: InstanceType<typeof rtc.LocalAudioTrack>): ReadableStream<{ samplesPerChannel: number }> {
  if (side === 'peer') return new rtc.AudioStream(track, { sampleRate: SAMPLE_RATE, numChannels: 1 });
  return new AudioStream(track, { sampleRate: SAMPLE_RATE, ...(side === 'elastic' && { maxFrameMs: 100 }) });
}

function through<T>(stream: ReadableStream<T>): ReadableStream<T> {
  let last = stream;
  if (consumer === 'agent') for (let n = 0; n < 10; n++) last = last.pipeThrough(new TransformStream<T, T>());
  return last;
}

async function read(at: number, stream: AsyncIterable<{ samplesPerChannel: number }>): Promise<void> {
  for await (const { samplesPerChannel } of stream) {
    heard[at]! += (samplesPerChannel / SAMPLE_RATE) * 1000;
    frames++;
    look?.();
  }
}

/** Called after each frame, and by a timer. */
let look: (() => void) | undefined;

const pump = play(tracks, ENDLESS);
await sleep(2000);
ahead = Math.min(...heard) - (performance.now() - began);
block(STALL_MS);
const [ended, spent, before] = [performance.now(), mainThreadUs(), frames];
let [lastTimer, timerGapMs] = [ended, 0];
const timer = setInterval(() => {
  timerGapMs = Math.max(timerGapMs, performance.now() - lastTimer);
  lastTimer = performance.now();
  look?.();
}, 5);
const cost = await new Promise<StallCost>((resolve, reject) => {
  look = () => {
    const backMs = performance.now() - ended;
    if (backMs > LIMIT_MS) reject(new Error(`${Math.round(behind())} ms behind after ${LIMIT_MS / 1000} s`));
    if (behind() > BEHIND_MS) return;
    look = undefined;
    timerGapMs = Math.max(timerGapMs, performance.now() - lastTimer);
    resolve({ backMs, timerGapMs, mainMs: (mainThreadUs() - spent) / 1000, frames: frames - before });
  };
});
clearInterval(timer);
pump.stop();
process.send!(cost, () => process.exit(0));
