import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import type { AudioFrame } from './audio-frame.js';
import {
  AudioResampler,
  AudioResamplerQuality,
  filterOptions,
  type AudioFrameLike,
  type AudioResamplerOptions,
} from './audio-resampler.js';
import { afterTurn, delivered, mayDeliver } from './turn-budget.js';
import { invalid, optionsObject, rateInHz } from './validate.js';

/** Options of {@link resampleStream}. */
export interface ResampleStreamOptions<F extends AudioFrameLike = AudioFrame> extends AudioResamplerOptions {
  /** Frames of any rate and any number of channels, which may change. It is locked from now on. */
  stream: ReadableStream<F>;
  /** Hz. */
  outputRate: number;
  /** Default: `MEDIUM`. */
  quality?: AudioResamplerQuality;
}

/** What a resampled stream pulls from. */
class Source<F extends AudioFrameLike> {
  readonly #reader;
  readonly #options: ResampleStreamOptions<F>;
  /** For the rate and the channels of the last frame that needed one. */
  #resampler: AudioResampler | undefined;
  #cancelled = false;

  constructor(options: ResampleStreamOptions<F>) {
    this.#options = options;
    this.#reader = options.stream.getReader();
  }

  /** Reads until there is something to pass on: a resampler can hold a whole frame back. */
  async pull(controller: ReadableStreamDefaultController<F>): Promise<void> {
    for (;;) {
      // The stream that is read may be any, and never let timers and I/O have a turn by itself.
      if (!mayDeliver()) await new Promise<void>(afterTurn);
      delivered();
      const { done, value } = await this.#read();
      // A frame that was on its way when the stream was cancelled.
      if (this.#cancelled) return;
      if (done) {
        for (const frame of this.#tail()) controller.enqueue(frame);
        controller.close();
        this.#reader.releaseLock();
        return;
      }
      let frames: F[];
      try {
        frames = this.#convert(value);
      } catch (error) {
        // Whatever feeds the stream is to stop, too.
        void this.cancel(error).catch(() => {});
        throw error;
      }
      for (const frame of frames) controller.enqueue(frame);
      if (frames.length > 0) return;
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#cancelled = true;
    this.#close();
    await this.#reader.cancel(reason);
    this.#reader.releaseLock();
  }

  async #read() {
    try {
      return await this.#reader.read();
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #convert(frame: F): F[] {
    if (typeof frame !== 'object' || frame === null) throw invalid('a frame', frame, 'an AudioFrame');
    // An empty frame says nothing of what is around it, except by its userdata.
    if (frame.data.length === 0) return [frame];
    const { outputRate, quality } = this.#options;
    const { sampleRate, channels } = frame;
    if (sampleRate === outputRate) return [...this.#tail(), frame];
    let before: F[] = [];
    if (this.#resampler?.inputRate !== sampleRate || this.#resampler.channels !== channels) {
      before = this.#tail();
      this.#resampler = new AudioResampler(sampleRate, outputRate, channels, quality, filterOptions(this.#options));
    }
    return [...before, ...this.#resampler.push(frame)];
  }

  /** What the resampler still has, which is not needed any more. */
  #tail(): F[] {
    const frames = this.#resampler?.flush() ?? [];
    this.#close();
    return frames as AudioFrameLike[] as F[];
  }

  #close(): void {
    this.#resampler?.close();
    this.#resampler = undefined;
  }
}

/**
 * A stream of the same audio at another rate.
 *
 * Each frame is looked at for itself. One that has the rate already is passed on untouched, the very object; so is an
 * empty one. Others are resampled, with as many channels as they have. When the rate or the channels change, the rest of
 * what was before comes first. Frames are of the class that came in.
 *
 * Nothing is read ahead: a frame is read from `stream` when this stream is read. Cancelling cancels `stream`, with the
 * same reason; so does a frame that can't be resampled, and its error ends the new stream. An error of `stream` ends the
 * new one. In any case libsoxr's memory is freed.
 *
 * @throws {NarrowcastError} `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * for await (const frame of resampleStream({ stream, outputRate: 16_000 })) recognizer.write(frame.data);
 * ```
 */
export function resampleStream<F extends AudioFrameLike = AudioFrame>(
  options: ResampleStreamOptions<F>,
): ReadableStream<F> {
  optionsObject<ResampleStreamOptions>('options', options, {
    stream: true,
    outputRate: true,
    quality: true,
    latency: true,
    dither: true,
  });
  const { stream, outputRate, quality = AudioResamplerQuality.MEDIUM } = options;
  if (typeof (stream as { getReader?: unknown } | undefined)?.getReader !== 'function') {
    throw invalid('stream', stream, 'a ReadableStream');
  }
  rateInHz('outputRate', outputRate);
  // Between equal rates nothing native is made, but the options are checked, before the stream is locked.
  new AudioResampler(outputRate, outputRate, 1, quality, filterOptions(options));
  return new ReadableStream<F>(new Source({ ...options, quality }), { highWaterMark: 0 });
}
