/**
 * One mixer of 16 streams of 48 kHz, in a process of its own. Sends what came of it.
 *
 *   mixer-side.ts SIDE KIND SECONDS
 */

import * as rtc from '@livekit/rtc-node';
import { AudioMixer } from 'narrowcast';
import { AudioStream, install } from 'narrowcast/livekit';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { mainThreadUs } from './spent.js';
import { openTracks, play } from './tracks.js';

export type MixerSide = 'peer' | 'ours';

/**
 * `streams`: of tracks in LiveKit's engine, while the thread is blocked for 150 ms in every second. `frames`: the same with
 * frames of the program's own. `late`: these without a blocked thread, but in every second one of the streams gives nothing for
 * 150 ms. `ready`: frames that never wait.
 */
export type MixerKind = 'streams' | 'frames' | 'late' | 'ready';

/** What was measured. */
export interface MixerCost {
  /** Processor time of the main thread for each 10 ms of a stream, in µs, with what it costs to read the stream. */
  readonly usPerFrame: number;
  /** Of what the streams gave, what is not in the mixed frames, in %. */
  readonly lostPercent: number;
  /** Of the 10 ms that were played, those whose sum came in their place, in %. */
  readonly exactPercent: number;
}

const STREAMS = 16;
const RATE = 48_000;
const SAMPLES = 480;
const STALL_MS = 150;
/** Chunks after which each stream begins again. */
const PERIOD = 500;

const [side, kind] = process.argv.slice(2) as [MixerSide, MixerKind];
const seconds = Number(process.argv[4]);
const chunks = seconds * 100;

/** What a stream gives in one chunk of 10 ms: at most what all of them can have without being limited. */
const value = (stream: number, chunk: number) => 1 + (((stream + 1) * 7919 + (chunk % PERIOD) * 104_729) % 2039);
const sums = Array.from({ length: chunks }, (_, chunk) => {
  let sum = 0;
  for (let stream = 0; stream < STREAMS; stream++) sum += value(stream, chunk);
  return sum;
});

// rtc-node says each time-out there.
console.warn = () => {};
const Mixer = side === 'peer' ? rtc.AudioMixer : AudioMixer;
const mixer = new Mixer(RATE, 1, { blocksize: SAMPLES }) as rtc.AudioMixer;

let given = 0;
let begin = () => {};
if (kind === 'streams') {
  const { ffi, enginePath } = loadBindings();
  if (side === 'peer') native.engineAttach(enginePath, describeEvents(ffi));
  else install();
  const tracks = openTracks(STREAMS, RATE).map((track, stream) => {
    const pcm = new Int16Array(PERIOD * SAMPLES);
    for (let chunk = 0; chunk < PERIOD; chunk++) {
      pcm.fill(value(stream, chunk), chunk * SAMPLES, (chunk + 1) * SAMPLES);
    }
    return { ...track, pcm };
  });
  const streams = tracks.map(({ track }) =>
    side === 'peer' ? new rtc.AudioStream(track, RATE) : new AudioStream(track, RATE),
  );
  for (const stream of streams) mixer.addStream(stream);
  begin = () => {
    const pump = play(tracks, chunks);
    given = sums.reduce((sum, each) => sum + each);
    const watch = setInterval(() => {
      if (pump.stats().some(({ sent }) => sent < chunks)) return;
      clearInterval(watch);
      // What is on its way comes within this.
      setTimeout(() => void Promise.all(tracks.map(({ track }) => track.close())), 500);
    }, 50);
  };
} else {
  let tick: Promise<void>;
  let next = () => {};
  const ticked = () => {
    next();
    tick = new Promise((resolve) => (next = resolve));
  };
  ticked();
  let began = Infinity;
  async function* frames(stream: number) {
    for (let chunk = 0; chunk < chunks; chunk++) {
      const second = Math.floor(chunk / 100);
      const isLate = kind === 'late' && second % STREAMS === stream && chunk % 100 < STALL_MS / 10;
      const due = kind === 'ready' ? 0 : isLate ? second * 1000 + STALL_MS : chunk * 10;
      while (performance.now() - began < due) await tick;
      given += value(stream, chunk);
      yield new rtc.AudioFrame(new Int16Array(SAMPLES).fill(value(stream, chunk)), RATE, 1, SAMPLES);
    }
  }
  for (let stream = 0; stream < STREAMS; stream++) mixer.addStream(frames(stream));
  begin = () => {
    began = performance.now();
    const timer = setInterval(ticked, 5);
    void mixed.then(() => clearInterval(timer));
  };
}

const heard: number[] = [];
const mixed = (async () => {
  for await (const { data } of mixer) heard.push(data[0]!);
})();
begin();
const before = mainThreadUs();
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const blocking =
  kind === 'streams' || kind === 'frames' ? setInterval(() => Atomics.wait(sleeper, 0, 0, STALL_MS), 1000) : undefined;
await mixed;
clearInterval(blocking);
const cost: MixerCost = {
  usPerFrame: (mainThreadUs() - before) / chunks / STREAMS,
  lostPercent: 100 * (1 - heard.reduce((sum, each) => sum + each, 0) / given),
  exactPercent: (100 * sums.filter((sum, chunk) => heard[chunk] === sum).length) / chunks,
};
process.send!(cost, () => process.exit(0));
