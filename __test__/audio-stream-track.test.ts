import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AudioFrame as RtcAudioFrame } from '@livekit/rtc-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AudioFrame, AudioStreamTrack, TimedAudioFrame, type AudioStreamTrackOptions, type Pcm } from '../src/index.js';
import { nativeTrackOf } from '../src/audio-stream-track.js';
import { failure, untilCollected } from './support/expect.js';
import { detached, outOfBounds, resizable } from './support/memory.js';
import { until } from './support/wait.mjs';

/** 1 kHz and 4 ms: frames of 4 samples that can be written out. Less than a frame waits for 50 of them. */
const TINY = { sampleRate: 1000, frameSizeMs: 4, bufferMs: 400 } satisfies AudioStreamTrackOptions;

const SILENCE = [0, 0, 0, 0];
const silence = (frames: number) => Array.from({ length: frames }, () => SILENCE);

const any = <T>(value: unknown) => value as T;
const count = (from: number, to: number) => Int16Array.from({ length: to - from }, (_, i) => from + i);
const mono = (data: Pcm['data']): Pcm => ({ data, sampleRate: 1000, channels: 1 });
const say = (track: AudioStreamTrack, from: number, to: number) => track.write(mono(count(from, to)), { final: true });

/** For how long JavaScript was blocked so far, in ms. */
let blocked = 0;
let fakeNow: typeof performance.now;

// Time passes only when a test says so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  blocked = 0;
  fakeNow = performance.now;
  performance.now = () => fakeNow.call(performance) + blocked;
});
afterEach(() => {
  performance.now = fakeNow;
  vi.useRealTimers();
});

/** Lets `ms` pass, and everything happen that is due: on a slow machine, real turns of the event loop later. */
async function pass(ms: number) {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turns = 0; turns < 4; turns++) await new Promise(setImmediate);
}

/** JavaScript is blocked: time passes, and no timer runs. */
const block = (ms: number) => (blocked += ms);

/** What comes of a promise, once it is there. */
function outcome<T>(promise: Promise<T>): { value?: T; error?: unknown; done: boolean } {
  const result: { value?: T; error?: unknown; done: boolean } = { done: false };
  promise.then(
    (value) => Object.assign(result, { value, done: true }),
    (error: unknown) => Object.assign(result, { error, done: true }),
  );
  return result;
}

/** The samples of the next `frames` frames, each as soon as it is due. */
async function received(track: AudioStreamTrack, frames: number): Promise<number[][]> {
  const results: number[][] = [];
  for (let i = 0; i < frames; i++) {
    const frame = outcome(track.recv());
    for (await pass(0); !frame.done;) await pass(1);
    results.push([...frame.value!.data]);
  }
  return results;
}

/** How many frames come at once now. */
async function atOnce(track: AudioStreamTrack): Promise<number> {
  for (let frames = 0; ; frames++) {
    const frame = outcome(track.recv());
    await pass(0);
    if (!frame.done) return frames;
  }
}

describe('options', () => {
  it('default to 48 kHz, mono, frames of 20 ms and a buffer of 30 s', async () => {
    const track = new AudioStreamTrack();
    const frame = await track.recv();
    expect(frame).toBeInstanceOf(AudioFrame);
    expect(frame).toBeInstanceOf(TimedAudioFrame);
    expect(frame).toMatchObject({ sampleRate: 48_000, channels: 1, samplesPerChannel: 960, pts: 0 });
    expect(frame.timeBase).toEqual({ num: 1, den: 48_000 });
    expect(frame.data).toEqual(new Int16Array(960));
    expect(frame.data.buffer.byteLength).toBe(1920);
    for (let i = 0; i < 31; i++) track.write({ data: new Int16Array(48_000), sampleRate: 48_000, channels: 1 });
    expect(track.stats()).toEqual({
      bufferedMs: 30_000,
      framesOut: 1,
      silenceFrames: 1,
      samplesDropped: 48_000,
      samplesRefused: 0,
      samplesInvalid: 0,
      lateGaps: 0,
      lateMs: 0,
    });
    expect(track.bufferedMs).toBe(30_000);
    expect(track.readyState).toBe('live');
  });

  it.each([
    [8000, 1, 20, 160],
    [16_000, 2, 10, 160],
    [44_100, 1, 20, 882],
    [24_000, 6, 60, 1440],
    [1, 1, 1000, 1],
    [22_050, 1, 10, 220],
    [44_100, 2, 1, 44],
  ])('%i Hz with %i channels makes of %i ms frames of %i samples', async (sampleRate, numChannels, frameSizeMs, of) => {
    const track = new AudioStreamTrack({ sampleRate, numChannels, frameSizeMs });
    const frame = await track.recv();
    expect(frame).toMatchObject({ sampleRate, channels: numChannels, samplesPerChannel: of });
    expect(frame.data).toHaveLength(of * numChannels);
  });

  it.each<[string, AudioStreamTrackOptions | unknown]>([
    ['sampleRate', { sampleRate: 0 }],
    ['sampleRate', { sampleRate: NaN }],
    ['sampleRate', { sampleRate: 768_001 }],
    ['sampleRate', { sampleRate: '48000' }],
    ['numChannels', { numChannels: 0 }],
    ['numChannels', { numChannels: 1.5 }],
    ['numChannels', { numChannels: 65 }],
    ['frameSizeMs', { frameSizeMs: 0 }],
    ['frameSizeMs', { frameSizeMs: 2.5 }],
    ['frameSizeMs', { frameSizeMs: Infinity }],
    ['frameSizeMs', { frameSizeMs: 10_001 }],
    ['frameSizeMs', { sampleRate: 99, frameSizeMs: 10 }],
    ['bufferMs', { bufferMs: 0 }],
    ['bufferMs', { bufferMs: 19 }],
    ['bufferMs', { frameSizeMs: 60, bufferMs: 59 }],
    ['bufferMs', { bufferMs: 600_001 }],
    ['bufferMs', { sampleRate: 768_000, numChannels: 64, bufferMs: 600_000 }],
    ['options', null],
    ['options', 48_000],
    ['options', []],
  ])('refuse a bad %s: %o', (what, options) => {
    expect(() => new AudioStreamTrack(any(options))).toThrow(failure('INVALID_ARGUMENT', `${what} is`));
  });
});

it('is due by its samples where these take less than frameSizeMs', async () => {
  const track = new AudioStreamTrack({ sampleRate: 150, frameSizeMs: 10 }); // of one sample each
  let frames = 0;
  void (async () => {
    for (;;) {
      await track.recv();
      frames++;
    }
  })().catch(() => {});
  await pass(3000);
  expect(frames).toBeGreaterThanOrEqual(450);
  expect(frames).toBeLessThanOrEqual(452);
  track.stop();
});

describe('writing', () => {
  it('takes samples in pieces of any size, and copies them', async () => {
    const track = new AudioStreamTrack(TINY);
    const piece = count(1, 4);
    track.write(mono(piece));
    piece.fill(9);
    track.write(mono(count(4, 9)));
    track.write(mono(count(0, 0)));
    expect(track.bufferedMs).toBe(8);
    expect(await received(track, 3)).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], SILENCE]);
  });

  it('takes frames, ours and those of rtc-node', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(new AudioFrame(count(1, 5), 1000, 1, 4));
    track.write(new RtcAudioFrame(count(5, 9), 1000, 1, 4));
    expect(await received(track, 2)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
  });

  it('takes floating point: rounded, clipped, and silence for NaN', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(mono(new Float32Array([0.5, -1, 2, NaN, -Infinity, 1 / 32_768, 0.4 / 32_768, 1])));
    expect(await received(track, 2)).toEqual([
      [16_384, -32_768, 32_767, 0],
      [-32_768, 1, 0, 32_767],
    ]);
    expect(track.stats().samplesInvalid).toBe(1);
  });

  it('counts NaN in whatever way it was written, also where it is converted, and of stopped tracks', () => {
    const track = new AudioStreamTrack({ ...TINY, bufferMs: 10_000 });
    track.write({ data: new Float32Array(3000).fill(NaN), sampleRate: 2000, channels: 1 });
    track.write({ data: Float32Array.of(NaN, 1, 1, NaN), sampleRate: 1000, channels: 2 });
    const utterance = track.say();
    utterance.write(Float32Array.of(0, NaN, Infinity));
    utterance.write(Int16Array.of(1, 2));
    track.stop();
    expect(track.stats().samplesInvalid).toBe(3003);
  });

  it('takes other channels: one for all, or the average', async () => {
    const stereo = new AudioStreamTrack({ ...TINY, numChannels: 2 });
    stereo.write(mono(count(1, 5)));
    stereo.write({ data: count(10, 18), sampleRate: 1000, channels: 2 });
    expect(await received(stereo, 2)).toEqual([
      [1, 1, 2, 2, 3, 3, 4, 4],
      [10, 11, 12, 13, 14, 15, 16, 17],
    ]);
    const one = new AudioStreamTrack(TINY);
    one.write({ data: new Int16Array([10, 20, 30, 40, -10, -20, 32_767, 32_767]), sampleRate: 1000, channels: 2 });
    one.write({ data: new Int16Array([1, 2, 6, 0, 0, 0, 5, 5, 5, 0, 0, 9]), sampleRate: 1000, channels: 3 });
    expect(await received(one, 2)).toEqual([
      [15, 35, -15, 32_767],
      [3, 0, 5, 3],
    ]);
  });

  it('takes another rate, and keeps its length exactly', () => {
    for (const sampleRate of [8000, 16_000, 22_050, 24_000, 44_100, 96_000]) {
      const track = new AudioStreamTrack();
      const data = new Int16Array(sampleRate / 50).fill(1000);
      for (let i = 0; i < 50; i++) track.write({ data, sampleRate, channels: 1 });
      expect(track.bufferedMs).toBeGreaterThan(975);
      expect(track.bufferedMs).toBeLessThan(1000);
      track.write({ data: new Int16Array(0), sampleRate, channels: 1 }, { final: true });
      expect(track.bufferedMs).toBe(1000);
    }
  });

  it('brings what is under way to its end when the rate changes', () => {
    const track = new AudioStreamTrack();
    track.write({ data: new Float32Array(2400), sampleRate: 24_000, channels: 1 });
    expect(track.bufferedMs).toBeLessThan(100);
    track.write({ data: new Int16Array(4800), sampleRate: 48_000, channels: 1 });
    expect(track.bufferedMs).toBe(200);
  });

  it('reads a view where it is', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(mono(count(0, 20).subarray(3, 7)));
    track.write(mono(new Float32Array([9, 0.5, 0.25, 0, 0, 9]).subarray(1, 5)));
    expect(await received(track, 2)).toEqual([
      [3, 4, 5, 6],
      [16_384, 8192, 0, 0],
    ]);
  });

  it('reads memory that is shared, or that can change its size', async () => {
    const track = new AudioStreamTrack(TINY);
    const shared = new Int16Array(new SharedArrayBuffer(8));
    shared.set([1, 2, 3, 4]);
    track.write(mono(any(shared)));
    const flexible = new Int16Array(resizable(8, 64));
    flexible.set([5, 6, 7, 8]);
    track.write(mono(flexible));
    expect(await received(track, 2)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
  });

  it.each<[string, unknown, unknown?]>([
    ['pcm is undefined', undefined],
    ['pcm is null', null],
    ['data is a Uint16Array', { ...mono(count(0, 4)), data: new Uint16Array(8) }],
    ['data is a Float64Array', { ...mono(count(0, 4)), data: new Float64Array(8) }],
    ['data is an Array', { ...mono(count(0, 4)), data: [1, 2, 3] }],
    ['data is undefined', { sampleRate: 1000, channels: 1 }],
    ['sampleRate is 0', { ...mono(count(0, 4)), sampleRate: 0 }],
    ['sampleRate is NaN', { ...mono(count(0, 4)), sampleRate: NaN }],
    ['sampleRate is undefined', { data: count(0, 4), channels: 1 }],
    ['channels is 0', { ...mono(count(0, 4)), channels: 0 }],
    ['channels is 65', { ...mono(count(0, 4)), channels: 65 }],
    ['channels is undefined', { data: count(0, 4), sampleRate: 1000 }],
    ['data.length is 3', { data: count(0, 3), sampleRate: 1000, channels: 2 }],
    ['1 Hz to 1000 Hz', { ...mono(count(0, 4)), sampleRate: 1 }],
    ['options is 1', mono(count(0, 4)), 1],
    ['final is 1', mono(count(0, 4)), { final: 1 }],
  ])('refuses what is wrong, and says so: %s', (message, pcm, options) => {
    const track = new AudioStreamTrack(TINY);
    expect(() => track.write(any(pcm), any(options))).toThrow(failure('INVALID_ARGUMENT', message));
    expect(track.bufferedMs).toBe(0);
  });

  it('refuses channels that can be neither spread nor mixed', () => {
    const track = new AudioStreamTrack({ ...TINY, numChannels: 2 });
    const three = { data: count(0, 6), sampleRate: 1000, channels: 3 };
    expect(() => track.write(three)).toThrow(failure('INVALID_ARGUMENT', 'channels is 3: pass 1 or 2'));
  });

  it('refuses memory that is gone', () => {
    const track = new AudioStreamTrack(TINY);
    for (const data of [detached(new Int16Array(4)), outOfBounds(Int16Array), outOfBounds(Float32Array)]) {
      expect(() => track.write(mono(data))).toThrow(failure('INVALID_ARGUMENT', 'memory is gone'));
    }
  });
});

describe('the end of an utterance', () => {
  it('is padded, and what follows starts in a frame of its own', async () => {
    const track = new AudioStreamTrack(TINY);
    say(track, 1, 7);
    track.write(mono(count(7, 11)));
    expect(await received(track, 4)).toEqual([[1, 2, 3, 4], [5, 6, 0, 0], [7, 8, 9, 10], SILENCE]);
  });

  it('can be said afterwards', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(mono(count(1, 3)));
    expect(await received(track, 2)).toEqual([SILENCE, SILENCE]);
    track.write(mono(count(0, 0)), { final: true });
    expect(await received(track, 2)).toEqual([[1, 2, 0, 0], SILENCE]);
  });

  it('is not known without final: less than a frame waits for its rest, but not for ever', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(mono(count(1, 3)));
    expect(await received(track, 49)).toEqual(silence(49));
    track.write(mono(count(3, 6)));
    expect(await received(track, 52)).toEqual([[1, 2, 3, 4], ...silence(50), [5, 0, 0, 0]]);
  });
});

describe('recv', () => {
  it('gives the first frame at once, and then one in each frame time', async () => {
    const track = new AudioStreamTrack();
    await pass(1234);
    expect((await track.recv()).pts).toBe(0);
    for (let n = 1; n < 100; n++) {
      const frame = outcome(track.recv());
      await pass(19);
      expect(frame.done).toBe(false);
      await pass(1);
      expect(frame.value!.pts).toBe(960 * n);
    }
  });

  it('does not drift, however late each call is', async () => {
    const track = new AudioStreamTrack();
    const start = performance.now();
    await track.recv();
    for (let n = 1; n < 3000; n++) {
      block((n * 7) % 19);
      const frame = outcome(track.recv());
      for (await pass(0); !frame.done;) await pass(1);
      const late = performance.now() - start - n * 20;
      // What a call that was blocked is late by, and the grain of a timer.
      expect(late).toBeGreaterThanOrEqual(-0.5);
      expect(late).toBeLessThan(19 + 1);
    }
  });

  it('gives what was due during a short delay at once, and is on time again', async () => {
    const track = new AudioStreamTrack();
    await track.recv();
    block(115);
    expect(await atOnce(track)).toBe(5);
    await pass(5);
    track.stop();
  });

  it('after a long delay gives 100 ms and what is due at once, and no more, and skips nothing', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(mono(count(1, 401)));
    await track.recv();
    block(60_000);
    const frames = Array.from({ length: 30 }, () => outcome(track.recv()));
    await pass(0);
    // The one that is due, and 100 ms.
    expect(frames.filter(({ done }) => done)).toHaveLength(26);
    await pass(4);
    expect(frames.filter(({ done }) => done)).toHaveLength(27);
    await pass(12);
    expect(frames.map(({ value }) => [value!.pts, ...value!.data])).toEqual(
      frames.map((_, n) => [4 * n + 4, 4 * n + 5, 4 * n + 6, 4 * n + 7, 4 * n + 8]),
    );
  });

  it('that waits while JavaScript is blocked catches up as well', async () => {
    const track = new AudioStreamTrack();
    await track.recv();
    const waiting = outcome(track.recv());
    block(70);
    await pass(20);
    expect(waiting.done).toBe(true);
    expect(await atOnce(track)).toBe(3);
    track.stop();
  });

  it('gives several pending calls a frame each, in order', async () => {
    const track = new AudioStreamTrack(TINY);
    say(track, 1, 9);
    const frames = [outcome(track.recv()), outcome(track.recv()), outcome(track.recv())];
    await pass(0);
    expect(frames.map(({ done }) => done)).toEqual([true, false, false]);
    await pass(4);
    expect(frames.map(({ done }) => done)).toEqual([true, true, false]);
    await pass(4);
    expect(frames.map(({ value }) => [value!.pts, ...value!.data])).toEqual([
      [0, 1, 2, 3, 4],
      [4, 5, 6, 7, 8],
      [8, ...SILENCE],
    ]);
  });

  it('gives frames that are no part of one another', async () => {
    const track = new AudioStreamTrack(TINY);
    say(track, 1, 9);
    const first = await track.recv();
    first.data.fill(9);
    expect(await received(track, 1)).toEqual([[5, 6, 7, 8]]);
  });

  it('of an hour of audio keeps nothing', async () => {
    const track = new AudioStreamTrack();
    const seconds = (from: number, to: number) =>
      (async () => {
        for (let second = from; second < to; second++) {
          track.write({ data: new Float32Array(24_000), sampleRate: 24_000, channels: 1 }, { final: true });
          for (let n = 0; n < 50; n++) {
            block(20);
            await track.recv();
          }
        }
      })();
    const memory = () => {
      globalThis.gc!();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    await seconds(0, 60);
    const before = memory();
    await seconds(60, 3600);
    // Were all frames to stay, it would be 350 MB. What is garbage is given back in turns of the event loop.
    for (let turns = 0; turns < 100 && memory() - before > 1e7; turns++) await new Promise(setImmediate);
    expect(memory() - before).toBeLessThan(1e7);
    expect(track.stats()).toEqual({
      bufferedMs: 0,
      framesOut: 180_000,
      silenceFrames: 0,
      samplesDropped: 0,
      samplesRefused: 0,
      samplesInvalid: 0,
      lateGaps: 0,
      lateMs: 0,
    });
    expect(vi.getTimerCount()).toBe(0);
  }, 120_000);
});

describe('flush', () => {
  it('throws away what was not played, also in the resampler, and its end', async () => {
    const track = new AudioStreamTrack(TINY);
    say(track, 1, 20);
    await track.recv();
    track.write({ data: new Int16Array(1000).fill(9), sampleRate: 2000, channels: 1 });
    track.flush();
    expect(track.bufferedMs).toBe(0);
    track.write(mono(count(0, 0)), { final: true });
    track.write(mono(count(1, 5)));
    expect(await received(track, 2)).toEqual([[1, 2, 3, 4], SILENCE]);
    expect(track.stats()).toMatchObject({ framesOut: 3, silenceFrames: 1 });
  });

  it('is no loss', () => {
    const track = new AudioStreamTrack(TINY);
    say(track, 1, 20);
    track.flush();
    expect(track.stats()).toMatchObject({ samplesDropped: 0, bufferedMs: 0 });
  });
});

describe('what is too much', () => {
  it('leaves exactly the newest, and is counted', async () => {
    const track = new AudioStreamTrack({ ...TINY, bufferMs: 10 });
    track.write(mono(count(0, 8)));
    track.write(mono(count(8, 25)));
    expect(track.stats()).toMatchObject({ bufferedMs: 10, samplesDropped: 15, samplesRefused: 0 });
    track.write(mono(count(0, 0)), { final: true });
    expect(await received(track, 4)).toEqual([[15, 16, 17, 18], [19, 20, 21, 22], [23, 24, 0, 0], SILENCE]);
  });

  it('can be avoided by waiting', async () => {
    const track = new AudioStreamTrack({ ...TINY, bufferMs: 40 });
    let frames: { done: boolean } | undefined;
    for (let i = 0; i < 10; i++) {
      track.write(mono(new Int16Array(40)));
      frames ??= outcome(received(track, 100));
      await track.waitForPlayout();
    }
    expect(track.stats()).toEqual({
      bufferedMs: 0,
      samplesDropped: 0,
      framesOut: 100,
      silenceFrames: 0,
      samplesRefused: 0,
      samplesInvalid: 0,
      lateGaps: 0,
      lateMs: 0,
    });
    for (; !frames!.done;) await pass(1);
  });
});

describe('waitForPlayout', () => {
  it('resolves with the frame that has the last sample of what was written before it', async () => {
    const track = new AudioStreamTrack(TINY);
    expect(await track.waitForPlayout()).toBeUndefined();
    say(track, 1, 7);
    const first = outcome(track.waitForPlayout());
    say(track, 7, 8);
    const second = outcome(track.waitForPlayout());
    await received(track, 1);
    expect([first.done, second.done]).toEqual([false, false]);
    await received(track, 1);
    expect([first.done, second.done]).toEqual([true, false]);
    await received(track, 1);
    expect([first.done, second.done]).toEqual([true, true]);
  });

  it('resolves when what it waits for is flushed, dropped, or the track has ended', async () => {
    const track = new AudioStreamTrack({ ...TINY, bufferMs: 8 });
    const wait = () => {
      track.write(mono(count(0, 5)));
      return outcome(track.waitForPlayout());
    };
    const flushed = wait();
    track.flush();
    await pass(0);
    expect(flushed.done).toBe(true);
    const dropped = wait();
    track.write(mono(count(0, 20)));
    await pass(0);
    expect(dropped.done).toBe(true);
    const ended = wait();
    await pass(0);
    expect(ended.done).toBe(false);
    track.stop();
    await pass(0);
    expect(ended).toEqual({ done: true, value: undefined });
    await track.waitForPlayout();
  });

  it('does not hang on an utterance whose end was not said', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(mono(count(1, 3)));
    const played = outcome(track.waitForPlayout());
    await received(track, 50);
    expect(played.done).toBe(false);
    await received(track, 1);
    expect(played.done).toBe(true);
  });
});

describe('stop', () => {
  it('ends the track for every reader and writer', async () => {
    const track = new AudioStreamTrack(TINY);
    await track.recv();
    const pending = [outcome(track.recv()), outcome(track.recv())];
    say(track, 1, 10);
    track.stop();
    track.stop();
    await pass(0);
    for (const { error } of pending) expect(error).toEqual(failure('CLOSED', 'make another'));
    expect(vi.getTimerCount()).toBe(0);
    expect(track.readyState).toBe('ended');
    expect(() => track.write(mono(count(0, 4)))).toThrow(failure('CLOSED'));
    await expect(track.recv()).rejects.toEqual(failure('CLOSED'));
    await expect(track.pipeTo(source())).rejects.toEqual(failure('CLOSED'));
    track.flush();
    expect(track.bufferedMs).toBe(0);
    expect(track.stats()).toEqual({
      bufferedMs: 0,
      framesOut: 1,
      silenceFrames: 1,
      samplesDropped: 0,
      samplesRefused: 0,
      samplesInvalid: 0,
      lateGaps: 0,
      lateMs: 0,
    });
  });

  it('says what is wrong with an argument first', () => {
    const track = new AudioStreamTrack(TINY);
    track.stop();
    expect(() => track.write(any(null))).toThrow(failure('INVALID_ARGUMENT'));
  });
});

/** What rtc-node's AudioSource looks like. */
const source = (change: object = {}) => ({ sampleRate: 1000, numChannels: 1, ffiHandle: { handle: 5n }, ...change });

describe('pipeTo, where LiveKit is not installed', () => {
  it.each<[string, unknown, unknown?]>([
    ['source is undefined', undefined],
    ['source is null', null],
    ['source is an Object', { sampleRate: 1000, numChannels: 1 }],
    ['source is an Object', source({ ffiHandle: { handle: 5 } })],
    ['source is "one of 8000 Hz with 1 channels"', source({ sampleRate: 8000 })],
    ['source is "one of 1000 Hz with 2 channels"', source({ numChannels: 2 })],
    ['options is null', source(), null],
    ['signal is an Object', source(), { signal: {} }],
  ])('refuses what is wrong: %s', async (message, target, options) => {
    const track = new AudioStreamTrack(TINY);
    await expect(track.pipeTo(any(target), any(options))).rejects.toEqual(failure('INVALID_ARGUMENT', message));
    await track.recv();
  });

  it('refuses a rate that has no chunks of 10 ms', async () => {
    const track = new AudioStreamTrack({ sampleRate: 11_025, frameSizeMs: 40 });
    const odd = source({ sampleRate: 11_025 });
    await expect(track.pipeTo(odd)).rejects.toEqual(failure('INVALID_ARGUMENT', 'multiple of 100'));
  });

  it('refuses a source that is closed', async () => {
    const track = new AudioStreamTrack(TINY);
    await expect(track.pipeTo(source({ closed: true }))).rejects.toEqual(failure('CLOSED', 'source is closed'));
  });

  it('rejects with the reason of a signal that has aborted', async () => {
    const track = new AudioStreamTrack(TINY);
    const reason = new Error('mine');
    await expect(track.pipeTo(source(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('is locked while a recv is pending', async () => {
    const track = new AudioStreamTrack(TINY);
    await track.recv();
    void track.recv().catch(() => {});
    await expect(track.pipeTo(source())).rejects.toEqual(failure('LOCKED', 'recv()'));
    track.stop();
  });

  it('says what to call first', async () => {
    const track = new AudioStreamTrack(TINY);
    await expect(track.pipeTo(source())).rejects.toEqual(failure('ENGINE_NOT_INSTALLED', 'install()'));
    await track.recv();
  });
});

describe('an utterance', () => {
  const bytes = (from: number, to: number) => Buffer.from(count(from, to).buffer);

  it('is heard as it is written, ends in a padded frame, and tells what was heard of it', async () => {
    const track = new AudioStreamTrack(TINY);
    const first = track.say();
    first.write(count(1, 5));
    first.write(bytes(5, 7));
    expect([first.state, first.playedMs, track.playedMs]).toEqual(['open', 0, 0]);
    const second = track.say();
    expect([first.state, second.state]).toEqual(['ended', 'open']);
    second.write(count(7, 11));
    second.end();
    second.end();
    expect(await received(track, 1)).toEqual([[1, 2, 3, 4]]);
    expect([first.playedMs, second.playedMs]).toEqual([4, 0]);
    expect(await received(track, 3)).toEqual([[5, 6, 0, 0], [7, 8, 9, 10], SILENCE]);
    expect(await first.done).toEqual({ heardMs: 6, interrupted: false });
    expect(await second.done).toEqual({ heardMs: 4, interrupted: false });
    expect([first.state, first.playedMs, second.state, track.playedMs]).toEqual(['heard', 6, 'heard', 10]);
  });

  it('has channels that the track can play', () => {
    const track = new AudioStreamTrack({ ...TINY, numChannels: 2 });
    expect(() => track.say({ numChannels: 3 })).toThrow('numChannels is 3: pass 1 or 2');
    track.say({ numChannels: 1 }).end();
    track.say({ numChannels: 2 }).end();
    track.write(new Int16Array(4));
  });

  it('that was interrupted takes no late piece, and tells what was heard of it', async () => {
    const track = new AudioStreamTrack(TINY);
    const interrupted = track.say();
    interrupted.write(count(1, 20));
    interrupted.end();
    const later = track.say();
    later.write(count(20, 24));
    await received(track, 2);
    expect(track.interrupt()).toEqual({ heardMs: 8, discardedMs: 15 });
    expect(await interrupted.done).toEqual({ heardMs: 8, interrupted: true });
    expect(await later.done).toEqual({ heardMs: 0, interrupted: true });
    for (const utterance of [interrupted, later]) {
      expect(() => utterance.write(count(1, 5))).toThrow(failure('INTERRUPTED', 'say() another'));
      expect(() => utterance.mark('late')).toThrow(failure('INTERRUPTED'));
      utterance.end();
      expect(utterance.state).toBe('interrupted');
    }
    const next = track.say();
    next.write(count(30, 34));
    expect(await received(track, 2)).toEqual([[30, 31, 32, 33], SILENCE]);
    expect([interrupted.playedMs, later.playedMs, next.playedMs]).toEqual([8, 0, 4]);
  });

  it('that was heard when the interruption came was not interrupted', async () => {
    const track = new AudioStreamTrack(TINY);
    const utterance = track.say();
    utterance.write(count(1, 5));
    utterance.end();
    await received(track, 1);
    expect(track.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    expect(await utterance.done).toEqual({ heardMs: 4, interrupted: false });
  });

  it('goes on after a pause of its writer, and is heard while it is written', async () => {
    const track = new AudioStreamTrack(TINY);
    const utterance = track.say();
    for (let round = 1; round <= 3; round++) {
      utterance.write(count(1, 3));
      await received(track, 120);
      expect([utterance.playedMs, utterance.state]).toEqual([2 * round, 'open']);
    }
    expect(track.interrupt()).toEqual({ heardMs: 6, discardedMs: 0 });
  });

  it.each<[string, (track: AudioStreamTrack) => void]>([
    ['flush', (track) => track.flush()],
    ['stop', (track) => track.stop()],
  ])('is over with %s', async (_, end) => {
    const track = new AudioStreamTrack(TINY);
    const utterance = track.say();
    utterance.write(count(1, 9));
    await received(track, 1);
    const mark = utterance.mark('end');
    end(track);
    expect(await utterance.done).toEqual({ heardMs: 4, interrupted: true });
    expect(await mark).toEqual({ name: 'end', heard: false, playedMs: 4 });
    expect([utterance.playedMs, track.playedMs]).toEqual([4, 4]);
    expect(() => utterance.write(count(1, 5))).toThrow(failure('INTERRUPTED'));
    utterance.end();
    expect(() => utterance.write(any(5))).toThrow(failure('INVALID_ARGUMENT', 'pcm is 5'));
  });

  it('has marks, which come when what was before them was heard', async () => {
    const track = new AudioStreamTrack(TINY);
    const utterance = track.say();
    const start = outcome(utterance.mark('start'));
    utterance.write(count(1, 5));
    const middle = outcome(utterance.mark('middle'));
    utterance.write(count(5, 9));
    const end = outcome(utterance.mark('end'));
    utterance.end();
    await pass(0);
    expect(start.value).toEqual({ name: 'start', heard: true, playedMs: 0 });
    await received(track, 1);
    await pass(0);
    expect([middle.value, end.done]).toEqual([{ name: 'middle', heard: true, playedMs: 4 }, false]);
    await received(track, 1);
    await pass(0);
    expect(end.value).toEqual({ name: 'end', heard: true, playedMs: 8 });
    expect(() => utterance.mark('after')).toThrow(failure('CLOSED', 'say() another'));
    expect(() => utterance.mark(any(1))).toThrow(failure('INVALID_ARGUMENT', 'name is 1'));
  });

  it('has marks that were not heard where more than bufferMs waited and some was dropped', async () => {
    const track = new AudioStreamTrack({ ...TINY, bufferMs: 8 });
    const utterance = track.say();
    utterance.write(count(1, 9));
    const dropped = outcome(utterance.mark('whose first half is dropped'));
    utterance.write(count(9, 13));
    const later = outcome(utterance.mark('behind it'));
    utterance.end();
    await received(track, 2);
    await pass(0);
    expect(dropped.value).toMatchObject({ heard: false, playedMs: 4 });
    expect(later.value).toMatchObject({ heard: false, playedMs: 8 });
    expect(await utterance.done).toEqual({ heardMs: 8, interrupted: false });
    expect(track.stats().samplesDropped).toBe(4);
  });

  it('of nothing is over at once', async () => {
    const track = new AudioStreamTrack(TINY);
    const utterance = track.say();
    utterance.end();
    utterance.end();
    expect(await utterance.done).toEqual({ heardMs: 0, interrupted: false });
    utterance.end();
    expect(() => utterance.write(count(1, 5))).toThrow(failure('CLOSED', 'say() another'));
  });

  it('has the track for itself while it is open', () => {
    const track = new AudioStreamTrack(TINY);
    const utterance = track.say();
    expect(() => track.write(count(1, 5))).toThrow(failure('LOCKED', 'write to it, or end it'));
    utterance.end();
    track.write(count(1, 5));
    expect(track.bufferedMs).toBe(4);
  });

  it('has a kind of its own for samples without one', async () => {
    const track = new AudioStreamTrack({ sampleRate: 48_000 });
    const utterance = track.say({ sampleRate: 24_000, numChannels: 2 });
    utterance.write(Buffer.alloc(4 * 2400));
    utterance.end();
    expect(track.bufferedMs).toBe(100);
    for (const options of [{ sampleRate: 0 }, { numChannels: 65 }, { channels: 1 }, 5]) {
      expect(() => track.say(any(options))).toThrow(failure('INVALID_ARGUMENT'));
    }
    track.stop();
    expect(() => track.say()).toThrow(failure('CLOSED'));
  });

  it('loses an odd byte at its end, and the next one starts with its own', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(bytes(1, 5).subarray(0, 5), { final: true });
    track.write(bytes(5, 9));
    expect(await received(track, 2)).toEqual([
      [1, 2, 0, 0],
      [5, 6, 7, 8],
    ]);
    track.write(Buffer.alloc(1));
    expect(track.bufferedMs).toBe(0);
  });
});

describe('writeAll', () => {
  const SMALL = { ...TINY, bufferMs: 40 };

  it('waits for room, and drops nothing of what comes faster than it is heard', async () => {
    const track = new AudioStreamTrack(SMALL);
    async function* synthesis() {
      for (let at = 1; at < 401; at += 50) yield Buffer.from(count(at, at + 50).buffer);
    }
    const written = outcome(track.writeAll(synthesis()));
    // The first frame may come before the first piece.
    const frames = await received(track, 102);
    expect(frames.flat().filter((sample) => sample !== 0)).toEqual([...count(1, 401)]);
    expect([written.done, written.error, track.stats().samplesDropped]).toEqual([true, undefined, 0]);
  });

  it('keeps no piece that was written', async () => {
    vi.useRealTimers();
    const track = new AudioStreamTrack({ sampleRate: 1000, bufferMs: 30_000 });
    const pieces: WeakRef<Int16Array>[] = [];
    let goOn!: () => void;
    async function* synthesis() {
      for (let i = 0; i < 20; i++) {
        const piece = count(i, i + 100);
        pieces.push(new WeakRef(piece));
        yield piece;
      }
      // It waits for more, and the utterance is open.
      await new Promise<void>((resolve) => (goOn = resolve));
    }
    const written = track.writeAll(synthesis());
    await until(() => track.bufferedMs === 2000, 'all was written');
    // The iterator's own frame may hold the last one.
    await untilCollected(
      () => pieces.slice(0, -1).every((piece) => piece.deref() === undefined),
      'the pieces are gone',
    );
    goOn();
    await written;
  });

  it('takes a list, and ends the utterance', async () => {
    const track = new AudioStreamTrack(TINY);
    await track.writeAll([count(1, 3), Buffer.from(count(3, 7).buffer)]);
    expect(await received(track, 2)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 0, 0],
    ]);
    track.write(count(1, 5));
  });

  it('ends at once when the utterance is interrupted, and tells what makes the pieces', async () => {
    const track = new AudioStreamTrack(SMALL);
    const ends: string[] = [];
    const pieces = (name: string, endless: boolean): AsyncIterable<Int16Array> => ({
      [Symbol.asyncIterator]: () => ({
        next: () => (endless ? Promise.resolve({ done: false, value: count(0, 50) }) : new Promise(() => {})),
        return: async () => (ends.push(name), { done: true, value: undefined }),
      }),
    });
    for (const [name, endless] of [
      ['waits for room', true],
      ['waits for a piece', false],
    ] as const) {
      const written = outcome(track.writeAll(pieces(name, endless)));
      await pass(5);
      expect(written.done).toBe(false);
      track.interrupt();
      await pass(0);
      expect(written.error).toEqual(failure('INTERRUPTED'));
    }
    expect(ends).toEqual(['waits for room', 'waits for a piece']);
    expect(await received(track, 1)).toEqual([SILENCE]);
  });

  it('ends with what the pieces throw, with the reason of a signal, and with what is wrong', async () => {
    const track = new AudioStreamTrack(TINY);
    const broken = new Error('synthesis failed');
    async function* failing() {
      yield count(1, 5);
      throw broken;
    }
    await expect(track.writeAll(failing())).rejects.toBe(broken);
    const controller = new AbortController();
    const written = outcome(track.writeAll(failing(), { signal: controller.signal, sampleRate: 1000 }));
    controller.abort(broken);
    await pass(0);
    expect(written.error).toBe(broken);
    await expect(track.writeAll([count(1, 5), any('six')])).rejects.toEqual(
      failure('INVALID_ARGUMENT', 'pcm is "six"'),
    );
    for (const pieces of [count(1, 5), 'text', 5, null, {}]) {
      await expect(track.writeAll(any(pieces))).rejects.toEqual(failure('INVALID_ARGUMENT', 'pieces is'));
    }
    await expect(track.writeAll([], any({ signal: 5 }))).rejects.toEqual(failure('INVALID_ARGUMENT', 'signal is 5'));
    await expect(track.writeAll([], any({ rate: 5 }))).rejects.toEqual(
      failure('INVALID_ARGUMENT', 'rate is not known'),
    );
    track.write(count(1, 5));
    track.stop();
    await expect(track.writeAll([])).rejects.toEqual(failure('CLOSED'));
  });
});

describe('interrupt and pause of a track that is received from', () => {
  it('interrupt tells what was handed out of the utterance', async () => {
    const track = new AudioStreamTrack(TINY);
    expect(track.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    say(track, 1, 5);
    track.write(count(5, 20));
    await received(track, 3);
    expect(track.interrupt()).toEqual({ heardMs: 8, discardedMs: 7 });
    expect(track.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    expect([track.playedMs, track.bufferedMs]).toEqual([12, 0]);
    track.stop();
    expect(track.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    expect(track.playedMs).toBe(12);
  });

  it('pause gives silence until resume, and the next sample then', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(count(1, 9));
    await received(track, 1);
    track.pause();
    expect(await received(track, 2)).toEqual(silence(2));
    track.resume();
    expect(await received(track, 1)).toEqual([[5, 6, 7, 8]]);
    track.pause();
    track.interrupt();
    expect(track.paused).toBe(false);
  });

  it('pause and resume called twice are called once, and refused after stop', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(count(1, 9));
    for (const call of ['pause', 'pause', 'resume', 'resume'] as const) track[call]();
    expect([track.paused, ...(await received(track, 2))]).toEqual([false, [1, 2, 3, 4], [5, 6, 7, 8]]);
    track.stop();
    expect(() => track.pause()).toThrow(failure('CLOSED'));
    expect(() => track.resume()).toThrow(failure('CLOSED'));
  });

  it('interrupt in a worker that did not write is refused, and the track plays on', async () => {
    const track = new AudioStreamTrack(TINY);
    track.write(count(1, 5));
    // All that a worker can have of a track is its number.
    const native = fileURLToPath(new URL('../index.cjs', import.meta.url));
    const worker = new Worker(
      `const { parentPort, workerData: { native, token } } = require('node:worker_threads');
      try {
        parentPort.postMessage(require(native).trackInterrupt(token));
      } catch ({ message }) {
        parentPort.postMessage(message);
      }`,
      { eval: true, workerData: { native, token: nativeTrackOf(track).token } },
    );
    const [said] = (await once(worker, 'message')) as unknown[];
    expect(said).toContain('the track was stopped');
    expect(await received(track, 1)).toEqual([[1, 2, 3, 4]]);
    await worker.terminate();
  });

  it('tells what it was made with', () => {
    const { sampleRate, numChannels, frameSizeMs, bufferMs } = new AudioStreamTrack({ ...TINY, numChannels: 2 });
    expect({ sampleRate, numChannels, frameSizeMs, bufferMs }).toEqual({ ...TINY, numChannels: 2 });
  });
});
