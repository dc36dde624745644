/**
 * One measurement of audio streams, in a process of its own: tracks in LiveKit's engine, played from a native thread,
 * read in one way. Sends what it cost to the process that forked it.
 *
 *   stream-side.ts SIDE STREAMS SECONDS      SIDE: peer, or one of the ways in which ours can be read
 *
 * What the process costs while everything plays and nobody listens is subtracted: on the peer's side that is the answer
 * to each chunk played, which a native pump's questions bring there.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AudioStream, install } from 'narrowcast/livekit';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { mainThreadUs } from './main-thread.js';
import { handleOf, openTracks, play, played, SAMPLE_RATE } from './tracks.js';

/** How a side reads its streams. */
export type StreamSide = 'peer' | 'for-await' | 'try-read' | 'read-into' | 'worker';

/** What was measured. */
export interface StreamCost {
  /** Processor time of the main thread for each frame played, in µs, without the idle cost. */
  mainUsPerFrame: number;
  /** The same of the idle process, for each frame that could have been read. */
  idleUsPerFrame: number;
  /** Processor time of the whole process, in % of one core; nothing is subtracted. */
  cpuPercent: number;
  /** Frames read, and frames played meanwhile. */
  framesRead: number;
  framesPlayed: number;
  /** Wakes of the main thread by narrowcast. */
  wakes: number;
}

const FRAME_SAMPLES = SAMPLE_RATE / 100;
/** How often who reads without promises comes to look, in ms: as often as an agent that sends 20 ms frames. */
const TICK_MS = 20;
const IDLE_MS = 2000;
const WARM_UP_MS = 2000;

const [side, streams, seconds] = [process.argv[2] as StreamSide, Number(process.argv[3]), Number(process.argv[4])];

const { rtc, ffi, enginePath } = loadBindings();
if (side === 'peer') native.engineAttach(enginePath, describeEvents(ffi), false);
else install();

const tracks = openTracks(streams);
const pump = play(tracks);

const read = { frames: 0 };

async function measure(ms: number): Promise<{ mainUs: number; cpuUs: number; ms: number; played: number }> {
  const before = { mainUs: mainThreadUs(), cpu: process.cpuUsage(), at: performance.now(), played: played(pump) };
  await sleep(ms);
  const { user, system } = process.cpuUsage(before.cpu);
  return {
    mainUs: mainThreadUs() - before.mainUs,
    cpuUs: user + system,
    ms: performance.now() - before.at,
    played: played(pump) - before.played,
  };
}

/** Opens a stream on every track, and reads each to its end. */
const ways: Record<StreamSide, () => void | Promise<void>> = {
  peer: () => {
    for (const { track } of tracks) void forAwait(new rtc.AudioStream(track, SAMPLE_RATE, 1));
  },
  'for-await': () => {
    for (const { track } of tracks) void forAwait(new AudioStream(track, SAMPLE_RATE, 1));
  },
  'try-read': () => {
    const opened = tracks.map(({ track }) => new AudioStream(track, SAMPLE_RATE, 1));
    setInterval(() => {
      for (const stream of opened) while (stream.tryRead()) read.frames++;
    }, TICK_MS);
  },
  'read-into': () => {
    const opened = tracks.map(({ track }) => new AudioStream(track, SAMPLE_RATE, 1));
    // Room for what comes in two ticks: a late one is made up for.
    const target = new Int16Array((2 * TICK_MS * SAMPLE_RATE) / 1000);
    let samples = 0;
    setInterval(() => {
      for (const stream of opened) samples += stream.readInto(target);
      read.frames = samples / FRAME_SAMPLES;
    }, TICK_MS);
  },
  worker: async () => {
    const handles = tracks.map(handleOf);
    const worker = new Worker(new URL('stream-worker.mjs', import.meta.url), { workerData: { handles, SAMPLE_RATE } });
    const counter = await new Promise<Float64Array>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    Object.defineProperty(read, 'frames', { get: () => counter[0] });
  },
};

async function forAwait(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) read.frames++;
}

await sleep(500);
const idle = await measure(IDLE_MS);
await ways[side]();
await sleep(WARM_UP_MS);
const before = { frames: read.frames, wakes: native.threadWakes() };
const busy = await measure(seconds * 1000);
const framesRead = read.frames - before.frames;
const idleUsPerFrame = idle.mainUs / idle.played;
const cost: StreamCost = {
  mainUsPerFrame: busy.mainUs / busy.played - idleUsPerFrame,
  idleUsPerFrame,
  cpuPercent: busy.cpuUs / busy.ms / 10,
  framesRead,
  framesPlayed: busy.played,
  wakes: native.threadWakes() - before.wakes,
};
pump.stop();
process.send!(cost, () => process.exit(0));
