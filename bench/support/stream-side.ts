/**
 * One measurement of audio streams, in a process of its own: tracks in LiveKit's engine, played from a native thread,
 * read in one way. Sends what it cost to the process that forked it.
 *
 *   stream-side.ts SIDE STREAMS SECONDS      SIDE: peer, or one of the ways in which ours can be read
 *
 * Left out, on both sides: what the process costs while nothing plays, and what playing costs the main thread, which on
 * the peer's side is an answer to each chunk. That is the difference between as many tracks and twice as many, and not the
 * whole of what playing without a listener costs: the wakes, which frames need as well, would be left out with it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AudioStream, install } from 'narrowcast/livekit';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { spent } from './spent.js';
import { ENDLESS, openTracks, play, played, SAMPLE_RATE } from './tracks.js';

/** How a side reads its streams. */
export type StreamSide = 'peer' | 'for-await' | 'try-read' | 'read-into' | 'worker';

/** What was measured. */
export interface StreamCost {
  /** Processor time of the main thread for each frame played, in µs, without what is left out. */
  mainUsPerFrame: number;
  /** What of that is left out because something plays. */
  playingUsPerFrame: number;
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
const IDLE_MS = 1500;
const WARM_UP_MS = 1500;
/** Beyond this, twice as many tracks are more than two cores can play, and only the whole process is of interest. */
const MOST_TWICE = 64;

const [side, streams, seconds] = [process.argv[2] as StreamSide, Number(process.argv[3]), Number(process.argv[4])];

const { rtc, ffi, enginePath } = loadBindings();
if (side === 'peer') native.engineAttach(enginePath, describeEvents(ffi));
else install();

const tracks = openTracks(streams);
const others = streams <= MOST_TWICE ? openTracks(streams) : [];

const read = { frames: 0 };

/** What it costs the main thread that a chunk is played, in µs. */
async function playing(): Promise<number> {
  const rates: number[] = [];
  for (const more of [[], others]) {
    const second = more.length > 0 ? play(more, ENDLESS) : undefined;
    await sleep(IDLE_MS / 3);
    const { mainUs, ms } = await spent(IDLE_MS);
    rates.push(mainUs / ms);
    second?.stop();
  }
  return others.length > 0 ? Math.max(0, rates[1]! - rates[0]!) / (others.length / 10) : 0;
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
    const handles = tracks.map(({ track }) => track.ffi_handle.handle);
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
const idle = await spent(IDLE_MS);
const pump = play(tracks, ENDLESS);
const playingUsPerFrame = await playing();
await ways[side]();
await sleep(WARM_UP_MS);
const before = { frames: read.frames, wakes: native.threadWakes() };
const busy = await spent(seconds * 1000, () => played(pump));
const framesRead = read.frames - before.frames;
const idleUs = (idle.mainUs / idle.ms) * busy.ms;
const cost: StreamCost = {
  mainUsPerFrame: (busy.mainUs - idleUs) / busy.counted - playingUsPerFrame,
  playingUsPerFrame,
  cpuPercent: busy.cpuUs / busy.ms / 10,
  framesRead,
  framesPlayed: busy.counted,
  wakes: native.threadWakes() - before.wakes,
};
pump.stop();
process.send!(cost, () => process.exit(0));
