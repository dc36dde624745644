import { AudioFrame as RtcAudioFrame } from '@livekit/rtc-node';
import fc from 'fast-check';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AudioFrame, AudioResampler, resampleStream, type ResampleStreamOptions } from '../src/index.js';
import { failure } from './support/expect.js';
import { turn } from './support/wait.mjs';

const any = <T>(value: unknown) => value as T;

/** Samples that are never the same twice in a row. */
const noise = (length: number, from = 0) =>
  Int16Array.from({ length }, (_, i) => (((i + from) * 7919) % 60_000) - 30_000);
const frame = (samples: number, sampleRate: number, channels = 1, userdata = {}) =>
  new AudioFrame(noise(samples * channels), sampleRate, channels, samples, userdata);

/** A stream of frames that says what was read of it, and how it ended. */
function source(frames: Iterable<AudioFrame>, error?: unknown) {
  const iterator = frames[Symbol.iterator]();
  const seen = { pulled: 0, cancelled: [] as unknown[] };
  const stream = new ReadableStream<AudioFrame>(
    {
      pull(controller) {
        const { done, value } = iterator.next();
        if (!done) {
          seen.pulled++;
          controller.enqueue(value);
        } else if (error !== undefined) controller.error(error);
        else controller.close();
      },
      cancel: (reason) => void seen.cancelled.push(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

const resampled = (frames: Iterable<AudioFrame>, options: Partial<ResampleStreamOptions> = {}) =>
  resampleStream({ stream: source(frames).stream, outputRate: 16_000, ...options });

async function all<F>(stream: ReadableStream<F>): Promise<F[]> {
  const frames: F[] = [];
  for await (const frame of stream) frames.push(frame);
  return frames;
}

const flat = (frames: AudioFrame[]) => frames.flatMap(({ data }) => [...data]);

/** What a resampler of its own makes of these frames. */
function converted(frames: AudioFrame[], outputRate = 16_000): number[] {
  const resampler = new AudioResampler(frames[0]!.sampleRate, outputRate, frames[0]!.channels);
  return flat([...frames.flatMap((each) => resampler.push(each)), ...resampler.flush()]);
}

const close = vi.spyOn(AudioResampler.prototype, 'close');
afterEach(() => void close.mockClear());
/** Resamplers between different rates that were closed. */
const closed = () =>
  new Set(close.mock.contexts.filter((resampler) => !any<AudioResampler>(resampler).passthrough)).size;

describe('resampleStream', () => {
  it('passes frames on that have the rate, the very objects', async () => {
    const frames = [frame(160, 16_000), frame(160, 16_000, 2), frame(1, 16_000)];
    const push = vi.spyOn(AudioResampler.prototype, 'push');
    const result = await all(resampled(frames));
    expect(result).toHaveLength(3);
    for (const [i, each] of result.entries()) expect(each).toBe(frames[i]);
    expect(push).not.toHaveBeenCalled();
    push.mockRestore();
  });

  it('resamples others, to the last sample, with the channels that they have', async () => {
    for (const channels of [1, 2, 3]) {
      const frames = Array.from({ length: 20 }, () => frame(480, 48_000, channels));
      const result = await all(resampled(frames));
      expect(flat(result)).toEqual(converted(frames));
      expect(flat(result)).toHaveLength(3200 * channels);
      for (const each of result) expect(each).toMatchObject({ sampleRate: 16_000, channels });
      expect(closed()).toBe(1);
      close.mockClear();
    }
  });

  it('flushes the old rest before anything new, when the rate or the channels change', async () => {
    const parts = [
      Array.from({ length: 3 }, () => frame(480, 48_000)),
      Array.from({ length: 3 }, () => frame(240, 24_000)),
      Array.from({ length: 3 }, () => frame(160, 16_000)),
      Array.from({ length: 3 }, () => frame(480, 48_000)),
      Array.from({ length: 3 }, () => frame(480, 48_000, 2)),
    ];
    const result = await all(resampled(parts.flat()));
    expect(flat(result)).toEqual(
      parts.flatMap((part) => (part[0]!.sampleRate === 16_000 ? flat(part) : converted(part))),
    );
    for (const each of parts[2]!) expect(result).toContain(each);
    expect(closed()).toBe(4);
  });

  it('gives the same however the frames are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 20 }), async (cuts) => {
        let from = 0;
        const frames = cuts.map((samples) => {
          const data = noise(samples, from);
          from += samples;
          return new AudioFrame(data, 48_000, 1, samples);
        });
        const whole = new AudioFrame(noise(from), 48_000, 1, from);
        expect(flat(await all(resampled(frames)))).toEqual(from === 0 ? [] : converted([whole]));
      }),
      { numRuns: 50 },
    );
  });

  it('passes empty frames on, in their place, and they change nothing', async () => {
    const empty = [frame(0, 16_000), frame(0, 8000, 2, { mark: 1 })] as const;
    const frames = [frame(4800, 48_000), ...empty, frame(4800, 48_000)];
    const result = await all(resampled(frames));
    expect(result[1]).toBe(empty[0]);
    expect(result[2]).toBe(empty[1]);
    expect(flat(result)).toEqual(converted([frames[0]!, frames[3]!]));
    expect(closed()).toBe(1);
  });

  it('keeps userdata, and the class of the frames', async () => {
    const userdata = { speaker: 'Ada' };
    const [first] = await all(resampled([frame(4800, 48_000, 1, userdata)]));
    expect(first!.userdata).toBe(userdata);
    const stream = new ReadableStream<RtcAudioFrame>({
      start(controller) {
        controller.enqueue(new RtcAudioFrame(noise(4800), 48_000, 1, 4800));
        controller.close();
      },
    });
    for (const each of await all(resampleStream({ stream, outputRate: 16_000 }))) {
      expect(each).toBeInstanceOf(RtcAudioFrame);
    }
  });

  it('reads nothing ahead', async () => {
    const { stream, seen } = source(Array.from({ length: 100 }, () => frame(4800, 48_000)));
    const reader = resampleStream({ stream, outputRate: 16_000 }).getReader();
    await turn();
    expect(seen.pulled).toBe(0);
    for (let i = 1; i < 5; i++) {
      await reader.read();
      await turn();
      expect(seen.pulled).toBe(i);
    }
  });

  it('reads on while a resampler holds everything back', async () => {
    const { stream, seen } = source(Array.from({ length: 100 }, () => frame(1, 48_000)));
    const { value } = await resampleStream({ stream, outputRate: 16_000 }).getReader().read();
    expect(value!.samplesPerChannel).toBe(33);
    expect(seen.pulled).toBe(100);
  });

  it('ends with its source, and gives it back', async () => {
    const { stream } = source([]);
    expect(await all(resampleStream({ stream, outputRate: 16_000 }))).toEqual([]);
    expect(stream.locked).toBe(false);
  });

  it('cancels its source with the same reason, and closes the resampler', async () => {
    const { stream, seen } = source(Array.from({ length: 9 }, () => frame(4800, 48_000)));
    const result = resampleStream({ stream, outputRate: 16_000 });
    const reader = result.getReader();
    await reader.read();
    await reader.cancel('enough');
    expect(seen.cancelled).toEqual(['enough']);
    expect(closed()).toBe(1);
    expect(stream.locked).toBe(false);
  });

  it('cancelled while it waits for its source, leaves nothing open', async () => {
    let enqueue!: (frame: AudioFrame) => void;
    const cancelled: unknown[] = [];
    const stream = new ReadableStream<AudioFrame>({
      start: (controller) => void (enqueue = (each) => controller.enqueue(each)),
      cancel: (reason) => void cancelled.push(reason),
    });
    const reader = resampleStream({ stream, outputRate: 16_000 }).getReader();
    enqueue(frame(4800, 48_000));
    await reader.read();
    const pending = reader.read();
    await turn(); // it waits for the source now
    const push = vi.spyOn(AudioResampler.prototype, 'push');
    // On its way when the reader leaves.
    enqueue(frame(4800, 24_000));
    await reader.cancel('gone');
    expect(await pending).toEqual({ done: true, value: undefined });
    await turn();
    expect(cancelled).toEqual(['gone']);
    // The one for 48 kHz; none was made for 24 kHz.
    expect(closed()).toBe(1);
    expect(push).not.toHaveBeenCalled();
    push.mockRestore();
  });

  it('is closed by a loop that is left, and by a pipe that is aborted', async () => {
    const endless = function* () {
      for (;;) yield frame(4800, 48_000);
    };
    const left = source(endless());
    for await (const _ of resampleStream({ stream: left.stream, outputRate: 16_000 })) break;
    expect([left.seen.cancelled.length, closed()]).toEqual([1, 1]);

    const piped = source(endless());
    const controller = new AbortController();
    const sink = new WritableStream({ write: () => controller.abort('stop') });
    const pipe = resampleStream({ stream: piped.stream, outputRate: 16_000 }).pipeTo(sink, controller);
    await expect(pipe).rejects.toBe('stop');
    expect([piped.seen.cancelled, closed()]).toEqual([['stop'], 2]);
  });

  it('fails as its source does, and closes the resampler', async () => {
    const error = new Error('the line is dead');
    const { stream } = source([frame(4800, 48_000)], error);
    const reader = resampleStream({ stream, outputRate: 16_000 }).getReader();
    await reader.read();
    await expect(reader.read()).rejects.toBe(error);
    expect(closed()).toBe(1);
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'a frame is undefined'],
    ['a frame without a rate', { ...frame(10, 48_000), sampleRate: 0 }, 'inputRate is 0'],
    ['a frame of half samples', { ...frame(10, 48_000), channels: 3 }, 'a multiple of the 3 channels'],
    ['a frame without samples', { ...frame(10, 48_000), data: [1, 2] }, 'frame.data is an Array'],
  ])('ends with an error at %s, and cancels its source', async (_, bad, message) => {
    const { stream, seen } = source([frame(4800, 48_000), any<AudioFrame>(bad), frame(4800, 48_000)]);
    const reader = resampleStream({ stream, outputRate: 16_000 }).getReader();
    await reader.read();
    await expect(reader.read()).rejects.toEqual(failure('INVALID_ARGUMENT', message));
    expect(seen).toMatchObject({ pulled: 2, cancelled: [failure('INVALID_ARGUMENT', message)] });
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'options is undefined'],
    ['no stream', { outputRate: 16_000 }, 'stream is undefined'],
    ['a list of frames', { stream: [frame(1, 48_000)], outputRate: 16_000 }, 'stream is an Array'],
    ['no rate', { stream: source([]).stream }, 'outputRate is undefined'],
    ['a bad rate', { stream: source([]).stream, outputRate: 0 }, 'outputRate is 0'],
    ['a bad quality', { stream: source([]).stream, outputRate: 16_000, quality: 9 }, 'quality is 9'],
    ['a bad latency', { stream: source([]).stream, outputRate: 16_000, latency: 1 }, 'latency is 1'],
  ])('refuses %s, and locks nothing', (_, options, message) => {
    expect(() => resampleStream(any<ResampleStreamOptions>(options))).toThrow(failure('INVALID_ARGUMENT', message));
    const { stream } = Object(options) as { stream?: unknown };
    if (stream instanceof ReadableStream) expect(stream.locked).toBe(false);
  });

  it('has the latency and the quality that are asked for', async () => {
    const firstLength = async (options: Partial<ResampleStreamOptions>) =>
      (await all(resampled([frame(4800, 48_000)], options)))[0]!.samplesPerChannel;
    const [quick, low, normal] = [
      await firstLength({ quality: 0 }),
      await firstLength({ latency: 'low' }),
      await firstLength({}),
    ];
    expect(quick).toBeGreaterThan(low);
    expect(low).toBeGreaterThan(normal);
  });
});
