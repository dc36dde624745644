import { AudioStream } from './audio-stream.js';
import type { ReadPcm } from './pcm-argument.js';

/** How much is converted at a time, in ms. */
const STEP_MS = 1000;

/**
 * Converts PCM to one rate and one number of channels, as an `AudioStream` with the option `from` does. Rates and channels may
 * change from piece to piece.
 */
export class PcmConverter {
  readonly #format: { readonly sampleRate: number; readonly numChannels: number };
  readonly #scratch: Int16Array;
  /** Samples that were no numbers, and are silence. */
  invalid = 0;
  /** What converts; undefined while nothing has to be converted. */
  #stream: AudioStream | undefined;

  constructor(sampleRate: number, numChannels: number) {
    this.#format = { sampleRate, numChannels };
    this.#scratch = new Int16Array(Math.ceil(sampleRate / 10) * numChannels);
  }

  /**
   * Takes a piece. Returns what it completes, in order; samples that need no conversion are the very array.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`: such channels or rates can't be converted
   */
  push({ data, sampleRate, channels }: Pick<ReadPcm, 'data' | 'sampleRate' | 'channels'>): Int16Array[] {
    const samples = data instanceof Float32Array ? this.#integersOf(data) : data;
    const { sampleRate: ownRate, numChannels } = this.#format;
    if (sampleRate === ownRate && channels === numChannels) {
      return this.#stream ? [...this.flush(), samples] : [samples];
    }
    const stream = (this.#stream ??= new AudioStream({ ...this.#format, from: {}, bufferMs: 2 * STEP_MS }));
    const step = Math.ceil((sampleRate * STEP_MS) / 1000) * channels;
    const pieces: Int16Array[] = [];
    // Also of nothing: it says whether such samples can be converted.
    for (let at = 0; at === 0 || at < samples.length; at += step) {
      stream.write({ data: samples.subarray(at, at + step), sampleRate, channels });
      pieces.push(...this.#read(stream));
    }
    return pieces;
  }

  /** What the resampler holds back. What is pushed next begins another stream. */
  flush(): Int16Array[] {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.close();
    return stream ? this.#read(stream) : [];
  }

  /** All that there is. */
  #read(stream: AudioStream): Int16Array[] {
    const pieces: Int16Array[] = [];
    for (let count = stream.readInto(this.#scratch); count > 0; count = stream.readInto(this.#scratch)) {
      pieces.push(this.#scratch.slice(0, count));
    }
    return pieces;
  }

  /** Full scale is ±1; what is louder is limited, and NaN is silence. */
  #integersOf(samples: Float32Array): Int16Array {
    return Int16Array.from(samples, (sample) => {
      if (Number.isNaN(sample)) this.invalid++;
      return Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))) || 0;
    });
  }
}
