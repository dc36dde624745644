/**
 * One measurement of an AudioStreamTrack, in a process of its own, sent to the process that forked it.
 *
 *   track-side.ts SIDE      SIDE: recv, pipe, write or hour
 */

// First: what is imported after it has the test build's tracks.
import { testAddon } from './with-test-addon.js';
import { block } from '../../__test__/support/wait.mjs';
import * as rtc from '@livekit/rtc-node';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AudioStreamTrack, nativeTrackOf } from '../../src/audio-stream-track.js';
import { AudioStream, install } from '../../src/livekit/index.js';
import { spent } from './spent.js';

/** What each side measures. */
export interface TrackResults {
  /** Lateness in ms, of `recv` and of a timer; and processor time of the main thread. */
  recv: { p50: number; p99: number; timerP50: number; timerP99: number; usPerFrame: number };
  /**
   * Lateness in ms; chunks that were not handed to the engine within 10 ms of their time, and samples that were not heard
   * in one piece with the one before; ours and rtc-node's. And how late a thread is that does nothing but wait.
   */
  pipe: { p99: number; bareP99: number; missing: number; gaps: number; peerMissing: number; peerGaps: number };
  /** Processor time of the main thread per 10 ms of audio, in µs. */
  write: { same: number; resampled: number; float: number; peer: number };
  /** How much more memory is in use after an hour than after ten minutes. */
  hour: { heapMb: number; externalMb: number; rssMb: number };
}

export type TrackSide = keyof TrackResults;

const RATE = 48_000;
/** Samples in 10 ms. */
const CHUNK = RATE / 100;
const FRAME_MS = 20;
const FRAMES = 500;
const BLOCK_MS = 300;
const SECONDS = 10;
/** In which the native thread counts lateness. */
const CLASS_MS = 0.05;

const sides: { [S in TrackSide]: () => Promise<TrackResults[S]> } = {
  async recv() {
    const [late, timer] = await Promise.all([receive(), tick()]);
    const tracks = Array.from({ length: 50 }, () => new AudioStreamTrack());
    const idle = await spent(500);
    let frames = 0;
    for (const track of tracks) {
      void (async () => {
        for (;;) {
          await track.recv();
          frames++;
        }
      })().catch(() => {});
    }
    await sleep(200);
    const busy = await spent(2000, () => frames);
    for (const track of tracks) track.stop();
    return {
      p50: quantile(late, 0.5),
      p99: quantile(late, 0.99),
      timerP50: quantile(timer, 0.5),
      timerP99: quantile(timer, 0.99),
      usPerFrame: (busy.mainUs - (idle.mainUs / idle.ms) * busy.ms) / busy.counted,
    };
  },

  async pipe() {
    install();
    const { source, heard } = open();
    const track = new AudioStreamTrack();
    const piping = new AbortController();
    track.pipeTo(source, { signal: piping.signal }).catch(() => {});
    const native = nativeTrackOf(track);
    await sleep(300);
    const bare = await bareClock();
    const before = sum(testAddon.trackLateness(native.token));
    const start = performance.now();
    track.write({ data: speech(), sampleRate: RATE, channels: 1 }, { final: true });
    const blocking = setInterval(() => block(BLOCK_MS), 1000);
    await track.waitForPlayout();
    clearInterval(blocking);
    const bareLate = await bare();
    const due = Math.floor((performance.now() - start) / 10);
    const lateness = testAddon.trackLateness(native.token);
    const notSent = Math.max(0, due - (sum(lateness) - before));
    const missing = notSent + sum(lateness.slice(10 / CLASS_MS));
    await sleep(300);
    piping.abort();
    const peer = await peerPipe();
    const [p99, bareP99] = [quantileOfClasses(lateness, 0.99), quantile(bareLate, 0.99)];
    return { p99, bareP99, missing, gaps: gaps(await hear(heard)), ...peer };
  },

  async write() {
    install();
    const { source } = open();
    const data = new Int16Array(CHUNK).fill(1000);
    const frame = new rtc.AudioFrame(data, RATE, 1, CHUNK);
    const track = new AudioStreamTrack();
    const write = (pcm: Parameters<AudioStreamTrack['write']>[0]) => perWrite(() => track.write(pcm));
    const half = { sampleRate: 24_000, channels: 1 };
    const idle = await spent(500);
    let frames = 0;
    const measuring = new AbortController();
    const capturing = (async () => {
      const start = performance.now();
      while (!measuring.signal.aborted) {
        await source.captureFrame(frame);
        frames++;
        await sleep(Math.max(0, start + frames * 10 - performance.now()));
      }
    })();
    const peer = await spent(3000, () => frames);
    measuring.abort();
    await capturing;
    return {
      same: write(frame),
      resampled: write({ data: data.subarray(0, CHUNK / 2), ...half }),
      float: write({ data: new Float32Array(CHUNK / 2).fill(0.1), ...half }),
      peer: (peer.mainUs - (idle.mainUs / idle.ms) * peer.ms) / peer.counted,
    };
  },

  async hour() {
    // An hour of the clock that the track reads; the samples are written and received as ever.
    const real = performance.now.bind(performance);
    let ahead = 0;
    performance.now = () => real() + ahead;
    const track = new AudioStreamTrack();
    const data = new Float32Array(24_000).fill(0.1);
    const minutes = async (count: number) => {
      for (let second = 0; second < count * 60; second++) {
        track.write({ data, sampleRate: 24_000, channels: 1 }, { final: true });
        for (let frame = 0; frame < 1000 / FRAME_MS; frame++) {
          ahead += FRAME_MS;
          await track.recv();
        }
      }
    };
    const memory = async () => {
      // Buffers are given back in turns of the event loop.
      for (let i = 0; i < 5; i++) {
        globalThis.gc!();
        await sleep(10);
      }
      return process.memoryUsage();
    };
    await minutes(10);
    const before = await memory();
    await minutes(50);
    const after = await memory();
    const { framesOut, samplesDropped } = track.stats();
    if (framesOut !== 180_000 || samplesDropped > 0) throw new Error(`${framesOut} frames, ${samplesDropped} dropped`);
    return {
      heapMb: (after.heapUsed - before.heapUsed) / 2 ** 20,
      externalMb: (after.external - before.external) / 2 ** 20,
      rssMb: (after.rss - before.rss) / 2 ** 20,
    };
  },
};

function open() {
  const source = new rtc.AudioSource(RATE, 1, 0);
  const track = rtc.LocalAudioTrack.createAudioTrack('agent', source);
  return { source, heard: new AudioStream(track, { sampleRate: RATE, bufferMs: 60_000 }) };
}

/** Samples without silence: each is one more than the one before. */
function speech(): Int16Array {
  return Int16Array.from({ length: RATE * SECONDS }, (_, i) => (i % 30_000) + 1);
}

/** rtc-node's way: a loop that captures a frame, and waits for its answer. */
async function peerPipe(): Promise<{ peerMissing: number; peerGaps: number }> {
  const { source, heard } = open();
  const data = speech();
  const blocking = setInterval(() => block(BLOCK_MS), 1000);
  const start = performance.now();
  let sent = 0;
  let missing = 0;
  for (; sent < SECONDS * 100; sent++) {
    const wait = start + sent * 10 - performance.now();
    if (wait > 0) await sleep(wait);
    if (performance.now() - start - sent * 10 >= 10) missing++;
    await source.captureFrame(new rtc.AudioFrame(data.slice(sent * CHUNK, (sent + 1) * CHUNK), RATE, 1, CHUNK));
  }
  clearInterval(blocking);
  await sleep(300);
  return { peerMissing: missing, peerGaps: gaps(await hear(heard)) };
}

async function hear(stream: AudioStream): Promise<number[]> {
  const samples: number[] = [];
  for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) samples.push(...frame.data);
  stream.close();
  return samples;
}

/** Samples of what was said that did not come right after the one before. */
function gaps(samples: number[]): number {
  const first = samples.findIndex((sample) => sample !== 0);
  const last = samples.findLastIndex((sample) => sample !== 0);
  const said = samples.slice(first, last + 1);
  const torn = said.filter((sample, i) => i > 0 && sample !== (said[i - 1]! % 30_000) + 1).length;
  return torn + Math.abs(RATE * SECONDS - said.length);
}

/** How late each frame comes after the first, in ms. */
async function receive(): Promise<number[]> {
  const track = new AudioStreamTrack({ frameSizeMs: FRAME_MS });
  await track.recv();
  const start = performance.now();
  const late: number[] = [];
  for (let n = 1; n <= FRAMES; n++) {
    await track.recv();
    late.push(performance.now() - start - n * FRAME_MS);
  }
  track.stop();
  return late;
}

/** The same by a timer alone. */
async function tick(): Promise<number[]> {
  const start = performance.now();
  const late: number[] = [];
  for (let n = 1; n <= FRAMES; n++) {
    const due = start + n * FRAME_MS;
    await sleep(Math.max(0, due - performance.now()));
    late.push(performance.now() - due);
  }
  return late;
}

/** Starts a thread that waits for every 10 ms, and returns what ends it: how late it was each time, in ms. */
async function bareClock(): Promise<() => Promise<number[]>> {
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('bare-clock.mjs', import.meta.url), { workerData: stopped.buffer });
  await once(worker, 'online');
  return async () => {
    const late = once(worker, 'message');
    Atomics.store(stopped, 0, 1);
    Atomics.notify(stopped, 0);
    return (await late)[0] as number[];
  };
}

function perWrite(write: () => void): number {
  const round = () => {
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) write();
    return ((performance.now() - start) * 1000) / 20_000;
  };
  round();
  return Math.min(round(), round(), round());
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;
}

/** From counts in classes of 50 µs, in ms: the upper end of its class. */
function quantileOfClasses(counts: readonly number[], part: number): number {
  const all = sum(counts);
  let seen = 0;
  for (const [at, count] of counts.entries()) {
    seen += count;
    if (seen >= all * part) return (at + 1) * CLASS_MS;
  }
  return NaN;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

const side = process.argv[2] as TrackSide;
const result = await sides[side]();
process.send!(result, () => process.exit(0));
