import { AudioFrame as RtcAudioFrame } from '@livekit/rtc-node';
import fc from 'fast-check';
import { ReadableStream, TransformStream, WritableStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';
import { AudioFrame, AudioStream, type AudioStreamOptions, type ReadReport } from '../src/index.js';
import { failure, isPending } from './support/expect.js';
import { detached, outOfBounds, resizable } from './support/memory.js';

/** 1 kHz and 4 ms: frames of 4 samples that can be written out. */
const TINY = { sampleRate: 1000, frameSizeMs: 4, bufferMs: 40 } satisfies AudioStreamOptions;

const samples = (...values: number[]) => new Int16Array(values);
const count = (from: number, to: number) => Int16Array.from({ length: to - from }, (_, i) => from + i);
const any = <T>(value: unknown) => value as T;

/** A tiny stream with samples 0 to `length` in it. */
function filled(length: number, options: AudioStreamOptions = {}) {
  const stream = new AudioStream({ ...TINY, ...options });
  stream.write(count(0, length));
  return stream;
}

/** The samples of frames, flat. */
const flat = (frames: Iterable<AudioFrame>) => Array.from(frames, (frame) => [...frame.data]).flat();

async function all(stream: AsyncIterable<AudioFrame>): Promise<number[]> {
  const frames: AudioFrame[] = [];
  for await (const frame of stream) frames.push(frame);
  return flat(frames);
}

function allNow(stream: AudioStream): AudioFrame[] {
  const frames: AudioFrame[] = [];
  for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) frames.push(frame);
  return frames;
}

const sequence = (from: number, to: number) => [...count(from, to)];
const DONE = { done: true, value: undefined };

/** All that came in is somewhere, in frames. */
function expectSum(stream: AudioStream, { sampleRate = 1000, frameSizeMs = 4 } = {}) {
  const { framesIn, framesOut, framesDropped, bufferedMs } = stream.stats();
  expect(framesIn).toBe(
    framesOut + framesDropped + (bufferedMs * sampleRate) / 1000 / ((sampleRate * frameSizeMs) / 1000),
  );
}

describe('options', () => {
  it('default to 48 kHz, mono, frames of 10 ms and a buffer of 10 s', () => {
    const stream = new AudioStream();
    for (let i = 0; i < 1001; i++) stream.write(new Int16Array(480).fill(i));
    expect(stream.stats()).toEqual({
      framesIn: 1001,
      framesOut: 0,
      framesDropped: 1,
      framesCleared: 0,
      bufferedMs: 10_000,
    });
    const frame = stream.tryRead()!;
    expect(frame).toBeInstanceOf(AudioFrame);
    expect(frame).toMatchObject({ sampleRate: 48_000, channels: 1, samplesPerChannel: 480 });
    expect(frame.userdata).toEqual({ position: 480, droppedBefore: 1 });
    expect(frame.data).toEqual(new Int16Array(480).fill(1));
  });

  it.each([
    [8000, 1, 20, 160],
    [16_000, 2, 10, 160],
    [44_100, 1, 10, 441],
    [44_100, 2, 20, 882],
    [11_025, 1, 40, 441],
    [192_000, 6, 1, 192],
    [1, 1, 1000, 1],
    [768_000, 1, 10, 7680],
    // The floor, as rtc-node's.
    [22_050, 1, 10, 220],
    [11_025, 2, 25, 275],
    [44_100, 1, 1, 44],
    [150, 1, 10, 1],
  ])('%i Hz with %i channels makes of %i ms frames of %i samples', (sampleRate, numChannels, frameSizeMs, expected) => {
    const stream = new AudioStream({ sampleRate, numChannels, frameSizeMs });
    stream.write(new Int16Array(expected * numChannels));
    const frame = stream.tryRead()!;
    expect(frame).toMatchObject({ sampleRate, channels: numChannels, samplesPerChannel: expected });
    expect(frame.data).toHaveLength(expected * numChannels);
  });

  it('round the buffer up to whole frames', () => {
    const stream = filled(100, { bufferMs: 5 });
    expect(stream.stats().bufferedMs).toBe(8);
  });

  it('hold bufferMs though frames are shorter than frameSizeMs', () => {
    // Of 1 sample each, in place of 1.999.
    const stream = new AudioStream({ sampleRate: 1999, frameSizeMs: 1, bufferMs: 100 });
    stream.write(new Int16Array(1999));
    expect(stream.stats().bufferedMs).toBeGreaterThanOrEqual(100);
  });

  it.each<[string, AudioStreamOptions | unknown]>([
    ['sampleRate', { sampleRate: 0 }],
    ['sampleRate', { sampleRate: -1 }],
    ['sampleRate', { sampleRate: 44_100.5 }],
    ['sampleRate', { sampleRate: NaN }],
    ['sampleRate', { sampleRate: Infinity }],
    ['sampleRate', { sampleRate: 768_001 }],
    ['sampleRate', { sampleRate: '48000' }],
    ['numChannels', { numChannels: 0 }],
    ['numChannels', { numChannels: -1 }],
    ['numChannels', { numChannels: 1.5 }],
    ['numChannels', { numChannels: 65 }],
    ['numChannels', { numChannels: NaN }],
    ['frameSizeMs', { frameSizeMs: 0 }],
    ['frameSizeMs', { frameSizeMs: -10 }],
    ['frameSizeMs', { frameSizeMs: 2.5 }],
    ['frameSizeMs', { frameSizeMs: NaN }],
    ['frameSizeMs', { frameSizeMs: Infinity }],
    ['frameSizeMs', { frameSizeMs: 10_001 }],
    ['frameSizeMs', { frameSizeMs: '10' }],
    ['frameSizeMs', { sampleRate: 99, frameSizeMs: 10 }],
    ['samplesPerFrame', { samplesPerFrame: 0 }],
    ['samplesPerFrame', { samplesPerFrame: 512.5 }],
    ['samplesPerFrame', { samplesPerFrame: NaN }],
    ['samplesPerFrame', { samplesPerFrame: '512' }],
    ['samplesPerFrame', { sampleRate: 8000, samplesPerFrame: 80_001 }],
    ['maxFrameMs', { maxFrameMs: 0 }],
    ['maxFrameMs', { maxFrameMs: 9 }],
    ['maxFrameMs', { maxFrameMs: 99.5 }],
    ['maxFrameMs', { maxFrameMs: 10_001 }],
    ['maxFrameMs', { maxFrameMs: '100' }],
    ['maxFrameMs', { samplesPerFrame: 512, sampleRate: 16_000, maxFrameMs: 31 }],
    ['bufferMs', { bufferMs: 0 }],
    ['bufferMs', { bufferMs: -1 }],
    ['bufferMs', { bufferMs: 0.5 }],
    ['bufferMs', { bufferMs: NaN }],
    ['bufferMs', { bufferMs: Infinity }],
    ['bufferMs', { bufferMs: 600_001 }],
    ['bufferMs', { sampleRate: 768_000, numChannels: 64, bufferMs: 600_000 }],
    ['options', null],
    ['options', 48_000],
  ])('refuse a bad %s: %o', (what, options) => {
    expect(() => new AudioStream(any(options))).toThrow(failure('INVALID_ARGUMENT', `${what} is`));
  });

  it('say which frame size would do', () => {
    expect(() => new AudioStream({ sampleRate: 99, frameSizeMs: 10 })).toThrow('at least 11,');
    expect(() => new AudioStream({ sampleRate: 16_000, samplesPerFrame: 512, maxFrameMs: 20 })).toThrow('at least 32,');
  });

  it('give frames of so many samples, whatever they last', () => {
    // Neither is a whole number of ms; at 99 Hz the usual 10 ms have no sample.
    for (const [sampleRate, samplesPerFrame] of [
      [44_100, 512],
      [99, 1],
    ] as const) {
      const stream = new AudioStream({ sampleRate, numChannels: 2, samplesPerFrame });
      stream.write(count(0, 6 * samplesPerFrame));
      const frames = allNow(stream);
      expect(frames.map((frame) => frame.samplesPerChannel)).toEqual(Array(3).fill(samplesPerFrame));
      expect(frames.map((frame) => frame.userdata['position'])).toEqual([0, samplesPerFrame, 2 * samplesPerFrame]);
      expect(flat(frames)).toEqual(sequence(0, 6 * samplesPerFrame));
    }
  });

  it('refuse two lengths of a frame at once', () => {
    expect(() => new AudioStream({ frameSizeMs: 10, samplesPerFrame: 480 })).toThrow(
      failure('INVALID_ARGUMENT', 'frameSizeMs and samplesPerFrame are both given'),
    );
  });
});

describe('writing', () => {
  it('takes samples in pieces of any size, and copies them', () => {
    const stream = new AudioStream(TINY);
    const piece = samples(0, 1, 2);
    stream.write(piece);
    piece.fill(9);
    expect(stream.tryRead()).toBeNull();
    stream.write(samples(3, 4));
    stream.write(samples());
    expect(flat(allNow(stream))).toEqual([0, 1, 2, 3]);
    stream.write(count(5, 17));
    expect(flat(allNow(stream))).toEqual(sequence(4, 16));
  });

  it('keeps every value of a sample', () => {
    const stream = new AudioStream({ ...TINY, bufferMs: 70_000 });
    const values = count(-32_768, 32_768);
    stream.write(values);
    expect(flat(allNow(stream))).toEqual([...values]);
  });

  describe('takes samples from', () => {
    const backing = count(-4, 12);
    const shared = new Int16Array(new SharedArrayBuffer(32));
    shared.set(backing);
    const growing = resizable(32, 64);
    new Int16Array(growing).set(backing);

    it.each<[string, Int16Array]>([
      ['a view in the middle of a buffer', backing.subarray(4, 8)],
      ['shared memory', shared.subarray(4, 8)],
      ['resizable memory', new Int16Array(growing, 8, 4)],
    ])('%s', (_, pcm) => {
      const stream = new AudioStream(TINY);
      stream.write(pcm);
      expect(flat(allNow(stream))).toEqual([0, 1, 2, 3]);
    });
  });

  it("takes frames: its own, rtc-node's, and what looks like one", () => {
    const stream = new AudioStream(TINY);
    stream.write(new AudioFrame(samples(1, 2), 1000, 1, 2));
    stream.write(new RtcAudioFrame(samples(3, 4), 1000, 1, 2));
    stream.write({ data: samples(5, 6, 7, 8), sampleRate: 1000, channels: 1 });
    expect(flat(allNow(stream))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'pcm is undefined'],
    ['null', null, 'pcm is null'],
    ['a list of numbers', [1, 2], 'pcm is'],
    ['unsigned samples', new Uint16Array(4), 'pcm is'],
    ['floats', new Float32Array(4), 'pcm is'],
    ['an ArrayBuffer', new ArrayBuffer(4), 'pcm is'],
    ['a frame of floats', { data: new Float32Array(4), sampleRate: 1000, channels: 1 }, 'pcm is'],
    ['a frame without samples', { data: undefined, sampleRate: 1000, channels: 1 }, 'pcm.data is undefined'],
    ['a frame of another rate', new AudioFrame(samples(1), 16_000, 1, 1), '16000 Hz'],
    ['a frame with other channels', new AudioFrame(samples(1, 2), 1000, 2, 1), '2 channels'],
    ['detached samples', detached(samples(1, 2)), 'pcm is'],
    ['samples of memory that shrank away', outOfBounds(Int16Array), 'pcm is'],
    ['a frame of detached samples', new AudioFrame(detached(samples(1)), 1000, 1, 1), 'pcm.data is'],
  ])('refuses %s', (_, pcm, message) => {
    const stream = new AudioStream(TINY);
    expect(() => stream.write(any(pcm))).toThrow(failure('INVALID_ARGUMENT', message));
    expect(stream.stats()).toMatchObject({ framesIn: 0, bufferedMs: 0 });
  });

  it('takes bytes, cut anywhere', () => {
    const stream = new AudioStream(TINY);
    const bytes = Buffer.from(count(0, 16).buffer);
    for (let at = 0; at < bytes.length; at += 3) stream.write(bytes.subarray(at, at + 3));
    expect(flat(allNow(stream))).toEqual([...count(0, 16)]);
  });

  it('refuses stereo of an odd length', () => {
    const stream = new AudioStream({ ...TINY, numChannels: 2 });
    expect(() => stream.write(samples(1, 2, 3))).toThrow(failure('INVALID_ARGUMENT', 'pcm.length is 3'));
    const frame = new AudioFrame(samples(1, 2, 3), 1000, 2, 1);
    expect(() => stream.write(frame)).toThrow(failure('INVALID_ARGUMENT', 'pcm.data.length is 3'));
    stream.write(samples(1, 2));
    expect(stream.stats().bufferedMs).toBe(1);
  });

  it('is refused with CLOSED after the end, whichever side ended it', async () => {
    const closed = new AudioStream(TINY);
    closed.close();
    const cancelled = new AudioStream(TINY);
    await cancelled.cancel();
    const left = filled(4);
    for await (const _ of left) break;
    for (const stream of [closed, cancelled, left]) {
      expect(() => stream.write(samples(1))).toThrow(failure('CLOSED'));
      expect(() => stream.write(any(null))).toThrow(failure('INVALID_ARGUMENT'));
    }
  });
});

describe('every way of reading', () => {
  const ways: Record<string, (stream: AudioStream) => AsyncIterable<AudioFrame> | Iterable<AudioFrame>> = {
    'for await': (stream) => stream,
    'values()': (stream) => stream.values(),
    'getReader()': async function* (stream) {
      const reader = stream.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    },
    'pipeTo()': async function* (stream) {
      const frames: AudioFrame[] = [];
      await stream.pipeTo(new WritableStream({ write: (frame) => void frames.push(frame) }));
      yield* frames;
    },
    'pipeThrough()': (stream) => stream.pipeThrough(new TransformStream<AudioFrame, AudioFrame>()),
    'tee()': async function* (stream) {
      const [a, b] = stream.tee();
      const read = async (branch: ReadableStream<AudioFrame>) => {
        const frames: AudioFrame[] = [];
        for await (const frame of branch) frames.push(frame);
        return frames;
      };
      const [left, right] = await Promise.all([read(a), read(b)]);
      expect(left).toEqual(right);
      yield* left;
    },
    'ReadableStream.from()': (stream) =>
      (ReadableStream as unknown as { from(source: AsyncIterable<AudioFrame>): ReadableStream<AudioFrame> }).from(
        stream,
      ),
    'tryRead()': (stream) => allNow(stream),
  };

  for (const [name, read] of Object.entries(ways)) {
    const frames = async (stream: AudioStream) => {
      const result: AudioFrame[] = [];
      for await (const frame of read(stream)) result.push(frame);
      return result;
    };

    describe(`${name}`, () => {
      it('gives all frames in order, the last one as short as it is', async () => {
        const stream = filled(10);
        stream.close();
        const read = await frames(stream);
        expect(read.map((frame) => [...frame.data])).toEqual([
          [0, 1, 2, 3],
          [4, 5, 6, 7],
          [8, 9],
        ]);
        expect(read.map((frame) => frame.samplesPerChannel)).toEqual([4, 4, 2]);
        expect(read.map((frame) => frame.userdata)).toEqual([{ position: 0 }, { position: 4 }, { position: 8 }]);
        expect(stream.stats()).toEqual({
          framesIn: 3,
          framesOut: 3,
          framesDropped: 0,
          framesCleared: 0,
          bufferedMs: 0,
        });
      });

      it('gives frames that cover their whole buffer, and are yours', async () => {
        const stream = filled(10);
        stream.close();
        const read = await frames(stream);
        expect(read.map(({ data }) => [data.byteOffset, data.buffer.byteLength])).toEqual([
          [0, 8],
          [0, 8],
          [0, 4],
        ]);
        expect(new Set(read.map(({ data }) => data.buffer)).size).toBe(3);
        expect(read.every(({ data }) => data.constructor === Int16Array)).toBe(true);
      });

      it('keeps the channels of a short last frame together', async () => {
        const stream = new AudioStream({ ...TINY, numChannels: 2 });
        stream.write(count(0, 10));
        stream.close();
        expect((await frames(stream)).map((frame) => [frame.samplesPerChannel, ...frame.data])).toEqual([
          [4, 0, 1, 2, 3, 4, 5, 6, 7],
          [1, 8, 9],
        ]);
      });

      it('says on the next frame how many were dropped before it', async () => {
        const stream = filled(40);
        stream.write(count(40, 47));
        stream.close();
        const read = await frames(stream);
        expect(flat(read)).toEqual(sequence(8, 47));
        expect(read.map((frame) => frame.userdata['droppedBefore'])).toEqual([2, ...Array(9).fill(undefined)]);
        expect(stream.stats()).toEqual({
          framesIn: 12,
          framesOut: 10,
          framesDropped: 2,
          framesCleared: 0,
          bufferedMs: 0,
        });
      });

      it('joins frames that wait, up to maxFrameMs, and the short last one', async () => {
        const stream = filled(40, { maxFrameMs: 15 });
        stream.write(count(40, 62));
        stream.close();
        const read = await frames(stream);
        // 6 frames were dropped, and those of 4 ms have room for 3 in 15 ms.
        expect(read.map(({ samplesPerChannel }) => samplesPerChannel)).toEqual([12, 12, 12, 2]);
        expect(flat(read)).toEqual(sequence(24, 62));
        expect(read.map(({ userdata }) => userdata)).toEqual([
          { position: 24, droppedBefore: 6 },
          ...[36, 48, 60].map((position) => ({ position })),
        ]);
        expect(read.every(({ data }) => data.byteLength === data.buffer.byteLength)).toBe(true);
        expect(stream.stats()).toEqual({
          framesIn: 16,
          framesOut: 10,
          framesDropped: 6,
          framesCleared: 0,
          bufferedMs: 0,
        });
      });

      it('gives nothing of an empty stream that is closed', async () => {
        const stream = new AudioStream(TINY);
        stream.close();
        expect(await frames(stream)).toEqual([]);
      });
    });
  }

  // Without promises nothing is waited for.
  const { 'tryRead()': _, ...waiting } = ways;
  it.each(Object.entries(waiting))('%s waits for what comes', async (_name, read) => {
    const stream = new AudioStream(TINY);
    const reading = (async () => {
      const result: AudioFrame[] = [];
      for await (const frame of read(stream)) result.push(frame);
      return result;
    })();
    for (let i = 0; i < 10; i += 2) {
      await isPending(reading);
      stream.write(count(i, i + 2));
    }
    stream.close();
    expect(flat(await reading)).toEqual(sequence(0, 10));
  });
});

describe('for await', () => {
  it('ends the stream when it is left; what it counted can still be read', async () => {
    const stream = filled(12);
    for await (const frame of stream) {
      expect(frame.data).toEqual(samples(0, 1, 2, 3));
      break;
    }
    expect(stream.locked).toBe(false);
    expect(stream.stats()).toMatchObject({ framesIn: 3, framesOut: 1 });
    expectSum(stream);
    expect(stream.tryRead()).toBeNull();
    expect(stream.readInto(new Int16Array(4))).toBe(0);
    expect(await all(stream)).toEqual([]);
    expect(await stream.getReader().read()).toEqual(DONE);
  });

  it('ends the stream when its body throws', async () => {
    const stream = filled(12);
    const loop = async () => {
      for await (const frame of stream) throw new Error(`${frame.data[0]}`);
    };
    await expect(loop()).rejects.toThrow('0');
    expect(() => stream.write(samples(1))).toThrow(failure('CLOSED'));
    expect(stream.locked).toBe(false);
  });

  it('leaves the stream open with preventCancel, and another loop goes on', async () => {
    const stream = filled(12);
    for await (const frame of stream.values({ preventCancel: true })) {
      expect(frame.data[0]).toBe(0);
      break;
    }
    expect(stream.locked).toBe(false);
    expect(stream.tryRead()!.data[0]).toBe(4);
    stream.write(count(12, 14));
    stream.close();
    expect(await all(stream)).toEqual(sequence(8, 14));
  });

  it('locks the stream, from the first moment to the last', async () => {
    const stream = filled(4);
    const iterator = stream[Symbol.asyncIterator]();
    expect(stream.locked).toBe(true);
    expect(() => stream.getReader()).toThrow(TypeError);
    expect(() => stream.values()).toThrow(TypeError);
    await iterator.next();
    expect(stream.locked).toBe(true);
    stream.close();
    expect(await iterator.next()).toEqual(DONE);
    expect(stream.locked).toBe(false);
    expect(await iterator.next()).toEqual(DONE);
    expect(await iterator.return!()).toEqual(DONE);
  });

  it('serves concurrent calls of next() in order', async () => {
    const stream = new AudioStream(TINY);
    const iterator = stream.values();
    const pending = Array.from({ length: 5 }, () => iterator.next());
    stream.write(count(0, 8));
    await pending[0];
    stream.write(count(8, 14));
    const more = iterator.next();
    stream.close();
    const read = await Promise.all([...pending, more]);
    expect(read.map(({ value }) => value && [...value.data])).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
      [12, 13],
      undefined,
      undefined,
    ]);
  });

  it('keeps the order when next() is called while an earlier one waits for a frame that has come', async () => {
    const stream = new AudioStream(TINY);
    const iterator = stream.values();
    const first = iterator.next();
    stream.write(count(0, 8));
    const second = iterator.next();
    expect([(await first).value!.data[0], (await second).value!.data[0]]).toEqual([0, 4]);
  });

  it('settles a pending next() when it is left', async () => {
    const stream = new AudioStream(TINY);
    const iterator = stream.values();
    const pending = [iterator.next(), iterator.next()];
    expect(await iterator.return!()).toEqual(DONE);
    expect(await Promise.all(pending)).toEqual([DONE, DONE]);
  });
});

describe('getReader()', () => {
  it('has each frame leave the ring when it is asked for, and not before', async () => {
    const stream = filled(12);
    const reader = stream.getReader();
    expect(stream.stats().framesOut).toBe(0);
    await reader.read();
    await isPending(Promise.resolve());
    expect(stream.stats()).toMatchObject({ framesOut: 1, bufferedMs: 8 });
  });

  it('serves concurrent reads in order', async () => {
    const stream = filled(4);
    const reader = stream.getReader();
    const pending = [reader.read(), reader.read(), reader.read()];
    stream.write(count(4, 8));
    stream.close();
    expect((await Promise.all(pending)).map(({ value }) => value?.data[0])).toEqual([0, 4, undefined]);
  });

  it('resolves `closed` when the stream is closed and read to its end, and at once if it is empty', async () => {
    const empty = new AudioStream(TINY);
    const { closed } = empty.getReader();
    expect(await isPending(closed)).toBe(true);
    empty.close();
    await closed;

    const stream = filled(4);
    const reader = stream.getReader();
    stream.close();
    expect(await isPending(reader.closed)).toBe(true);
    await reader.read();
    await reader.read();
    await reader.closed;
  });

  it('cancels: what waits is given up, what was counted can still be read', async () => {
    const stream = filled(12);
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel('enough');
    expect(await reader.read()).toEqual(DONE);
    reader.releaseLock();
    expect(stream.tryRead()).toBeNull();
    expect(await all(stream)).toEqual([]);
    expect(stream.stats()).toMatchObject({ framesIn: 3, framesOut: 1, framesDropped: 0 });
    expectSum(stream);
  });

  it('gets frames one by one with maxFrameMs, if it keeps up', async () => {
    const stream = new AudioStream({ ...TINY, maxFrameMs: 40 });
    const reader = stream.getReader();
    for (let i = 0; i < 12; i += 4) {
      const next = reader.read();
      stream.write(count(i, i + 4));
      expect([...(await next).value!.data]).toEqual(sequence(i, i + 4));
    }
    stream.write(count(12, 24));
    expect([...(await reader.read()).value!.data]).toEqual(sequence(12, 24));
    stream.close();
  });

  it('cancels a read that waits', async () => {
    const stream = new AudioStream(TINY);
    const reader = stream.getReader();
    const pending = reader.read();
    await reader.cancel();
    expect(await pending).toEqual(DONE);
  });
});

describe('a read that was pending when its reader left', () => {
  /** A stream whose reader has asked for a frame, and left. */
  async function left() {
    const stream = new AudioStream(TINY);
    const reader = stream.getReader();
    const pending = reader.read();
    pending.catch(() => {});
    await isPending(pending);
    reader.releaseLock();
    await expect(pending).rejects.toThrow(TypeError);
    return stream;
  }

  it.each(['before', 'after'])('takes nothing from for await that begins %s the frame comes', async (when) => {
    const stream = await left();
    if (when === 'after') {
      stream.write(count(0, 4));
      await isPending(Promise.resolve());
    }
    const reading = all(stream);
    if (when === 'before') stream.write(count(0, 4));
    stream.write(count(4, 10));
    await isPending(reading);
    stream.close();
    expect(await reading).toEqual(sequence(0, 10));
  });

  it.each(['at once', 'later'])('takes nothing from tryRead() and readInto() %s', async (when) => {
    const stream = await left();
    expect(stream.tryRead()).toBeNull();
    stream.write(count(0, 12));
    if (when === 'later') await isPending(Promise.resolve());
    expect(stream.tryRead()!.data).toEqual(count(0, 4));
    if (when === 'later') await isPending(Promise.resolve());
    const target = new Int16Array(6);
    expect(stream.readInto(target)).toBe(6);
    expect(target).toEqual(count(4, 10));
    stream.write(count(12, 14));
    expect(flat(allNow(stream))).toEqual(sequence(10, 14));
  });

  it.each(['before', 'after'])('takes nothing from another reader that reads %s the frame comes', async (when) => {
    const stream = await left();
    if (when === 'after') stream.write(count(0, 8));
    const reader = stream.getReader();
    if (when === 'after') await isPending(Promise.resolve());
    const pending = [reader.read(), reader.read()];
    if (when === 'before') stream.write(count(0, 8));
    expect((await Promise.all(pending)).map(({ value }) => value!.data[0])).toEqual([0, 4]);
  });

  it('is LOCKED for reads without promises when the next reader came and went without reading', async () => {
    const stream = await left();
    stream.write(count(0, 8));
    const reader = stream.getReader();
    await isPending(Promise.resolve());
    reader.releaseLock();
    // The frame waits where only a reader gets it; passing it by would be worse.
    expect(() => stream.tryRead()).toThrow(failure('LOCKED'));
    expect(() => stream.readInto(new Int16Array(4))).toThrow(failure('LOCKED'));
    for await (const frame of stream.values({ preventCancel: true })) {
      expect(frame.data).toEqual(count(0, 4));
      break;
    }
    expect(stream.tryRead()!.data).toEqual(count(4, 8));
  });

  it('takes nothing from a pipe, nor from a reader after a pipe that was aborted', async () => {
    const stream = await left();
    const controller = new AbortController();
    const frames: AudioFrame[] = [];
    const sink = new WritableStream<AudioFrame>({ write: (frame) => void frames.push(frame) });
    const piping = stream.pipeTo(sink, { signal: controller.signal, preventCancel: true, preventAbort: true });
    stream.write(count(0, 8));
    await isPending(piping);
    controller.abort();
    await expect(piping).rejects.toThrow();
    stream.write(count(8, 16));
    expect(stream.locked).toBe(false);
    const rest = flat(allNow(stream));
    stream.close();
    expect([...flat(frames), ...rest, ...(await all(stream))]).toEqual(sequence(0, 16));
  });

  it('loses nothing, in whatever way and at whatever time it is read', async () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('write' as const), samples: fc.integer({ min: 1, max: 9 }) }),
      fc.constantFrom(
        { op: 'read and stay' as const },
        { op: 'read and leave' as const },
        { op: 'attach and leave' as const },
        { op: 'iterate' as const },
        { op: 'tryRead' as const },
        { op: 'readInto' as const },
        { op: 'turn' as const },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const stream = new AudioStream({ ...TINY, bufferMs: 1000 });
        const read: number[] = [];
        let written = 0;
        const write = (length: number) => {
          stream.write(count(written, written + length));
          written += length;
        };
        /** Asks for a frame that is there, or will be, and leaves. */
        const readAndStay = async () => {
          const reader = stream.getReader();
          const next = reader.read();
          write(4);
          read.push(...(await next).value!.data);
          reader.releaseLock();
        };
        for (const { op, ...step } of steps) {
          if (op === 'write') write((step as { samples: number }).samples);
          if (op === 'read and stay') await readAndStay();
          if (op === 'read and leave') {
            const reader = stream.getReader();
            const next = reader.read();
            next.catch(() => {});
            reader.releaseLock();
            await next.then(
              ({ value }) => read.push(...value!.data),
              () => {},
            );
          }
          if (op === 'attach and leave') {
            const reader = stream.getReader();
            await new Promise(setImmediate);
            reader.releaseLock();
          }
          if (op === 'iterate') {
            write(4);
            for await (const frame of stream.values({ preventCancel: true })) {
              read.push(...frame.data);
              break;
            }
          }
          if (op === 'turn') await new Promise(setImmediate);
          if (op === 'tryRead' || op === 'readInto') {
            const target = new Int16Array(3);
            try {
              if (op === 'tryRead') read.push(...(stream.tryRead()?.data ?? []));
              else read.push(...target.subarray(0, stream.readInto(target)));
            } catch (error) {
              // A reader that came and went without reading has left a frame in the ReadableStream.
              expect(error).toEqual(failure('LOCKED'));
            }
          }
        }
        stream.close();
        expect([...read, ...(await all(stream))]).toEqual(sequence(0, written));
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

describe('tryRead()', () => {
  it('gives frames without a promise, and null when none is there', () => {
    const stream = filled(6);
    expect(stream.tryRead()!.data).toEqual(samples(0, 1, 2, 3));
    expect(stream.tryRead()).toBeNull();
    stream.write(samples(6, 7));
    expect(stream.tryRead()!.data).toEqual(samples(4, 5, 6, 7));
    stream.close();
    expect(stream.tryRead()).toBeNull();
    expect(stream.tryRead()).toBeNull();
  });

  it('gives a frame that is never overwritten', () => {
    const stream = filled(4);
    const first = stream.tryRead()!;
    expect(stream.tryRead()).toBeNull();
    stream.write(samples(9, 9, 9, 9));
    const second = stream.tryRead()!;
    expect([first.data, second.data]).toEqual([samples(0, 1, 2, 3), samples(9, 9, 9, 9)]);
  });

  it('that reads the last frame ends the ReadableStream, too', async () => {
    const stream = filled(2);
    const reader = stream.getReader();
    reader.releaseLock();
    stream.close();
    expect(stream.tryRead()!.data).toEqual(samples(0, 1));
    expect(stream.tryRead()).toBeNull();
    await stream.getReader().closed;
  });

  it('may be mixed with for await and readers, and nothing is lost or out of order', async () => {
    const stream = filled(40);
    const read: number[] = [];
    read.push(...stream.tryRead()!.data);
    for await (const frame of stream.values({ preventCancel: true })) {
      read.push(...frame.data);
      if (read.length >= 12) break;
    }
    const reader = stream.getReader();
    read.push(...(await reader.read()).value!.data);
    reader.releaseLock();
    const target = new Int16Array(3);
    read.push(...target.subarray(0, stream.readInto(target)));
    read.push(...stream.tryRead()!.data);
    stream.close();
    read.push(...(await all(stream)));
    expect(read).toEqual(sequence(0, 40));
  });
});

describe('readInto()', () => {
  it('takes what is there and fits, whatever the borders of frames', () => {
    const stream = filled(10);
    const target = new Int16Array(7);
    expect(stream.readInto(target)).toBe(7);
    expect(target).toEqual(count(0, 7));
    expect(stream.readInto(target)).toBe(3);
    expect(target.subarray(0, 3)).toEqual(count(7, 10));
    expect(target.subarray(3)).toEqual(count(3, 7));
    expect(stream.readInto(target)).toBe(0);
  });

  it('takes whole groups of channels only', () => {
    const stream = new AudioStream({ ...TINY, numChannels: 2 });
    stream.write(count(0, 8));
    const target = new Int16Array(5).fill(-1);
    expect(stream.readInto(target)).toBe(4);
    expect(target).toEqual(samples(0, 1, 2, 3, -1));
    expect(stream.readInto(new Int16Array(1))).toBe(0);
    expect(stream.readInto(target)).toBe(4);
    expect(target.subarray(0, 4)).toEqual(samples(4, 5, 6, 7));
  });

  it('takes nothing into an empty target', () => {
    const stream = filled(4);
    expect(stream.readInto(new Int16Array())).toBe(0);
    expect(stream.stats()).toMatchObject({ framesOut: 0, bufferedMs: 4 });
    expect(stream.tryRead()).not.toBeNull();
  });

  it('writes into a part of a buffer, and nothing beside it', () => {
    const stream = filled(4);
    const backing = new Int16Array(8).fill(-1);
    expect(stream.readInto(backing.subarray(2, 5))).toBe(3);
    expect(backing).toEqual(samples(-1, -1, 0, 1, 2, -1, -1, -1));
  });

  it.each<[string, Int16Array]>([
    ['shared memory', new Int16Array(new SharedArrayBuffer(12), 2, 5)],
    ['resizable memory', new Int16Array(resizable(12, 24), 2, 5)],
    ['memory that grows with its buffer', new Int16Array(resizable(12, 24), 2)],
  ])('writes into %s', (_, target) => {
    const stream = filled(4);
    expect(stream.readInto(target)).toBe(4);
    expect(target.subarray(0, 4)).toEqual(samples(0, 1, 2, 3));
    expect([...new Int16Array(target.buffer)]).toEqual([0, 0, 1, 2, 3, 0]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [0, 0]],
    ['bytes', new Uint8Array(4)],
    ['floats', new Float32Array(4)],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['detached memory', detached(new Int16Array(4))],
    ['memory that shrank away', outOfBounds(Int16Array)],
  ])('refuses %s', (_, target) => {
    const stream = filled(4);
    expect(() => stream.readInto(any(target))).toThrow(failure('INVALID_ARGUMENT', 'target is'));
    expect(stream.stats().bufferedMs).toBe(4);
  });

  it('reads the short rest of a closed stream, then ends it', async () => {
    const stream = filled(6);
    stream.close();
    const target = new Int16Array(5);
    expect([stream.readInto(target), stream.readInto(target), stream.readInto(target)]).toEqual([5, 1, 0]);
    await stream.getReader().closed;
  });
});

describe('a stream with a reader', () => {
  it.each<[string, (stream: AudioStream) => () => unknown]>([
    [
      'a reader',
      (stream) =>
        (
          (reader) => () =>
            reader.releaseLock()
        )(stream.getReader()),
    ],
    [
      'an iterator',
      (stream) =>
        (
          (iterator) => () =>
            iterator.return!()
        )(stream.values({ preventCancel: true })),
    ],
    [
      'a pipe',
      (stream) => {
        const controller = new AbortController();
        const options = { signal: controller.signal, preventCancel: true };
        const piping = stream.pipeTo(new WritableStream({}, { highWaterMark: 0 }), options);
        return () => (controller.abort(), piping.catch(() => {}));
      },
    ],
  ])('with %s is LOCKED for others, until that leaves', async (_, attach) => {
    const stream = filled(8);
    const leave = attach(stream);
    expect(() => stream.tryRead()).toThrow(failure('LOCKED'));
    expect(() => stream.readInto(new Int16Array(4))).toThrow(failure('LOCKED'));
    await leave();
    expect(stream.tryRead()!.data).toEqual(samples(0, 1, 2, 3));
    expect(stream.readInto(new Int16Array(4))).toBe(4);
  });

  it('through tee() stays LOCKED', () => {
    const stream = filled(8);
    stream.tee();
    expect(() => stream.tryRead()).toThrow(failure('LOCKED'));
  });

  it('can still be written, counted and closed by its owner', async () => {
    const stream = filled(4);
    const reader = stream.getReader();
    stream.write(count(4, 6));
    expect(stream.stats().bufferedMs).toBe(6);
    stream.close();
    expect((await reader.read()).value!.data).toHaveLength(4);
    expect((await reader.read()).value!.data).toHaveLength(2);
    expect(await reader.read()).toEqual(DONE);
  });
});

describe('pipeTo()', () => {
  it('takes frames no faster than its target', async () => {
    const stream = filled(40);
    const taken: number[] = [];
    let go = () => {};
    const sink = new WritableStream<AudioFrame>({
      write: (frame) => {
        taken.push(frame.data[0]!);
        return new Promise<void>((resolve) => (go = resolve));
      },
    });
    const piping = stream.pipeTo(sink);
    await isPending(piping);
    expect(taken).toEqual([0]);
    expect(stream.stats().framesOut).toBeLessThanOrEqual(2);
    go();
    await isPending(piping);
    expect(taken).toEqual([0, 4]);
    expect(stream.stats().framesOut).toBeLessThanOrEqual(3);
  });

  it('cancels the stream when its target fails', async () => {
    const stream = filled(40);
    const sink = new WritableStream<AudioFrame>({
      write: () => {
        throw new Error('full');
      },
    });
    await expect(stream.pipeTo(sink)).rejects.toThrow('full');
    expect(() => stream.write(samples(1))).toThrow(failure('CLOSED'));
  });
});

describe('overflow', () => {
  it('drops whole frames, the oldest first, and counts them', () => {
    const stream = filled(40);
    stream.write(samples(40));
    expect(stream.stats()).toEqual({ framesIn: 10, framesOut: 0, framesDropped: 1, framesCleared: 0, bufferedMs: 37 });
    stream.write(count(41, 44));
    const [first, ...others] = allNow(stream);
    expect(first!.data).toEqual(count(4, 8));
    expect(first!.userdata).toEqual({ position: 4, droppedBefore: 1 });
    expect(others.every((frame) => !('droppedBefore' in frame.userdata))).toBe(true);
    expect(flat(others)).toEqual(sequence(8, 44));
  });

  it('keeps the end of what is longer than the buffer', () => {
    const stream = filled(100);
    expect(stream.stats()).toEqual({ framesIn: 25, framesOut: 0, framesDropped: 15, framesCleared: 0, bufferedMs: 40 });
    const frames = allNow(stream);
    expect(frames[0]!.userdata).toEqual({ position: 60, droppedBefore: 15 });
    expect(flat(frames)).toEqual(sequence(60, 100));
  });

  it('keeps channels apart', () => {
    const stream = new AudioStream({ ...TINY, numChannels: 2 });
    const stereo = (from: number, to: number) => Int16Array.from(sequence(from, to).flatMap((i) => [i, -i]));
    for (let i = 0; i < 100; i += 5) stream.write(stereo(i, i + 5));
    const left = flat(allNow(stream)).filter((_, i) => i % 2 === 0);
    expect(left).toEqual(sequence(100 - left.length, 100));
  });

  it('counts several gaps apart, each before the frame that follows it', () => {
    const stream = filled(48);
    expect(stream.tryRead()!.userdata).toEqual({ position: 8, droppedBefore: 2 });
    expect(stream.tryRead()!.userdata).toEqual({ position: 12 });
    stream.write(count(48, 68));
    const next = stream.tryRead()!;
    expect([next.data[0], next.userdata]).toEqual([28, { position: 28, droppedBefore: 3 }]);
    expect(stream.tryRead()!.userdata).toEqual({ position: 32 });
  });

  it('loses no sample that it does not count', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('write' as const), length: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ op: fc.constant('tryRead' as const), length: fc.constant(0) }),
      fc.record({ op: fc.constant('readInto' as const), length: fc.nat(9) }),
      fc.record({ op: fc.constant('clear' as const), length: fc.constant(0) }),
    );
    const [steps, numChannels, frames] = [
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
    ];
    fc.assert(
      fc.property(steps, numChannels, frames, (steps, numChannels, longest) => {
        const frame = 4 * numChannels;
        const stream = new AudioStream({ ...TINY, numChannels, bufferMs: 12, maxFrameMs: 4 * longest });
        // The ring, by hand: what waits; each sample is its number.
        let waiting: number[] = [];
        let written = 0;
        let [dropped, droppedSinceRead, cleared] = [0, 0, 0];
        const took = (length: number) => {
          droppedSinceRead = 0;
          return waiting.splice(0, length);
        };
        for (const { op, length } of steps) {
          if (op === 'write') {
            const end = written + length * numChannels;
            stream.write(count(written, end));
            waiting.push(...sequence(written, end));
            written = end;
            while (waiting.length > 3 * frame) {
              waiting = waiting.slice(frame);
              dropped++;
              droppedSinceRead++;
            }
          } else if (op === 'tryRead') {
            const read = stream.tryRead();
            expect(read?.userdata['droppedBefore'] ?? 0).toBe(read ? droppedSinceRead : 0);
            const whole = Math.min(Math.floor(waiting.length / frame), longest) * frame;
            expect(read ? [...read.data] : null).toEqual(whole === 0 ? null : took(whole));
            if (read) expect(read.userdata['position']).toBe(read.data[0]! / numChannels);
          } else if (op === 'clear') {
            const samples = waiting.length / numChannels;
            expect(stream.clear()).toEqual({ ms: samples, samples });
            cleared += waiting.length;
            waiting = [];
          } else {
            const target = new Int16Array(length);
            const report: ReadReport = { droppedBefore: -1 };
            const samples = Math.min(waiting.length, length - (length % numChannels));
            expect(stream.readInto(target, report)).toBe(samples);
            expect(report.droppedBefore).toBe(samples > 0 ? droppedSinceRead : 0);
            expect([...target.subarray(0, samples)]).toEqual(samples > 0 ? took(samples) : []);
            expect(report.position).toBe(samples > 0 ? target[0]! / numChannels : undefined);
          }
          const stats = stream.stats();
          const framesCleared = Math.floor(cleared / frame);
          const framesIn = framesCleared + Math.floor((written - cleared) / frame);
          expect(stats).toMatchObject({ framesDropped: dropped, framesCleared, framesIn });
          expect(stats.bufferedMs).toBeCloseTo(waiting.length / numChannels);
        }
        stream.close();
        expect(flat(allNow(stream))).toEqual(waiting);
        expect(stream.stats().framesIn).toBe(Math.floor(cleared / frame) + Math.ceil((written - cleared) / frame));
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  it('is told with the next frame where readInto() could not tell of it', () => {
    const stream = filled(48);
    const target = new Int16Array(2);
    expect(stream.readInto(target)).toBe(2);
    // Nothing was lost between these samples and the others.
    expect(stream.readInto(target)).toBe(2);
    expect(target).toEqual(samples(10, 11));
    expect(stream.tryRead()!.userdata).toEqual({ position: 12, droppedBefore: 2 });
    stream.write(count(48, 60));
    stream.readInto(target);
    stream.write(count(60, 70));
    const droppedBefore = stream.stats().framesDropped - 2;
    const { data, userdata } = stream.tryRead()!;
    expect(userdata).toEqual({ position: data[0], droppedBefore });
    expect(stream.tryRead()!.userdata).toEqual({ position: data[0]! + 4 });
  });

  it('is told by readInto() to the caller that asks, and then by no frame', () => {
    const stream = filled(48);
    const report = { droppedBefore: -1 };
    const target = new Int16Array(2);
    stream.readInto(target);
    stream.readInto(target, report);
    expect(report).toEqual({ droppedBefore: 2, position: 10 });
    stream.readInto(target, report);
    expect(report).toEqual({ droppedBefore: 0, position: 12 });
    expect(stream.tryRead()!.userdata).toEqual({ position: 14 });
    expect(() => stream.readInto(target, any(1))).toThrow(failure('INVALID_ARGUMENT', 'report is 1'));
  });

  it.each([1, 2])('accounts for every frame of %i channels', (numChannels) => {
    const stream = new AudioStream({ ...TINY, numChannels });
    for (let i = 0; i < 100; i++) {
      stream.write(new Int16Array(4 * numChannels));
      if (i % 3 === 0) stream.tryRead();
      expectSum(stream);
    }
    expect(stream.stats().framesDropped).toBeGreaterThan(0);
    stream.close();
    allNow(stream);
    expectSum(stream);
  });
});

describe('clear()', () => {
  it('gives up what waits, also the beginning of a frame, and says how much', () => {
    const stream = filled(10);
    expect(stream.clear()).toEqual({ ms: 10, samples: 10 });
    expect(stream.clear()).toEqual({ ms: 0, samples: 0 });
    stream.write(count(10, 13));
    expect(stream.tryRead()).toBeNull();
    stream.write(count(13, 14));
    const { data, userdata } = stream.tryRead()!;
    expect([[...data], userdata]).toEqual([sequence(10, 14), { position: 10 }]);
    expect(stream.stats()).toEqual({ framesIn: 3, framesOut: 1, framesDropped: 0, framesCleared: 2, bufferedMs: 0 });
  });

  it('counts samples of each channel', () => {
    const stream = new AudioStream({ sampleRate: 16_000, numChannels: 2 });
    stream.write(new Int16Array(480));
    expect(stream.clear()).toEqual({ ms: 15, samples: 240 });
    stream.write(new Int16Array(320));
    expect(stream.tryRead()!.userdata).toEqual({ position: 240 });
  });

  it('leaves a loss before it to be told with the next frame', () => {
    const stream = filled(48);
    stream.clear();
    stream.write(count(48, 52));
    expect(stream.tryRead()!.userdata).toEqual({ position: 48, droppedBefore: 2 });
  });

  it('works while a loop or a reader is attached, whose next frame came after it', async () => {
    const stream = filled(12);
    const frames = stream.values();
    expect([...(await frames.next()).value!.data]).toEqual(sequence(0, 4));
    expect(stream.clear().samples).toBe(8);
    const next = frames.next();
    await isPending(next);
    stream.write(count(12, 14));
    expect(stream.clear().samples).toBe(2);
    stream.write(count(14, 18));
    expect([...(await next).value!.data]).toEqual(sequence(14, 18));
    stream.write(count(18, 22));
    expect(stream.clear().samples).toBe(4);
    stream.close();
    expect(await frames.next()).toEqual(DONE);
  });

  it('ends a stream that is closed, and one that is cancelled gives up nothing', async () => {
    const stream = filled(10);
    const reader = stream.getReader();
    stream.close();
    expect(stream.clear().samples).toBe(10);
    await reader.closed;
    expect(await reader.read()).toEqual(DONE);
    const cancelled = filled(10);
    await cancelled.cancel();
    expect(cancelled.clear()).toEqual({ ms: 0, samples: 0 });
  });
});

describe('close()', () => {
  it('can be repeated, and mixed with reads and cancel() in any order', async () => {
    const stream = filled(6);
    stream.close();
    stream.close();
    expect(flat(allNow(stream))).toEqual(sequence(0, 6));
    stream.close();
    await stream.cancel();
    stream.close();
    expect(stream.stats()).toMatchObject({ framesIn: 2, framesOut: 2 });
  });

  it('ends a read that waits', async () => {
    const stream = new AudioStream(TINY);
    const pending = stream.getReader().read();
    stream.close();
    expect(await pending).toEqual(DONE);
  });

  it('gives a read that waits the samples that make no whole frame', async () => {
    const stream = filled(3);
    const pending = stream.getReader().read();
    expect(await isPending(pending)).toBe(true);
    stream.close();
    expect((await pending).value!.data).toEqual(samples(0, 1, 2));
  });

  it('is not undone by a reader that reads on', async () => {
    const stream = filled(6);
    stream.close();
    const reader = stream.getReader();
    expect((await reader.read()).value!.data).toHaveLength(4);
    reader.releaseLock();
    expect(await all(stream)).toEqual([4, 5]);
    expect(await all(stream)).toEqual([]);
  });
});
