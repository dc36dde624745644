import { AudioFrame } from './audio-frame.js';
import { AudioResampler, type Samples } from './audio-resampler.js';
import { invalid } from './validate.js';

/** What is converted; its rate and its channels may change from piece to piece. */
interface Piece {
  readonly data: Samples;
  readonly sampleRate: number;
  readonly channels: number;
}

/**
 * Converts PCM to one rate and one number of channels: one channel goes to each of several, and several become one by their
 * average. Rates are converted at medium quality.
 */
export class PcmConverter {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
  #resampler: AudioResampler | undefined;

  constructor(sampleRate: number, channels: number) {
    this.sampleRate = sampleRate;
    this.channels = channels;
  }

  /**
   * Takes a piece. Returns what it completes, in order; samples that need no conversion are the very array.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`: such channels or rates can't be converted
   */
  push({ data, sampleRate, channels }: Piece): Int16Array[] {
    if (channels !== this.channels && channels !== 1 && this.channels !== 1) {
      throw invalid('channels', channels, `1 or ${this.channels}, or mix them first`);
    }
    let samples = data instanceof Float32Array ? integersOf(data) : data;
    if (channels > this.channels) [samples, channels] = [average(samples, channels), 1];
    const rest = sampleRate === this.#resampler?.inputRate && channels === this.#resampler.channels ? [] : this.flush();
    if (sampleRate === this.sampleRate) return [...rest, this.#spread(samples, channels)];
    this.#resampler ??= new AudioResampler(sampleRate, this.sampleRate, channels);
    const frame = new AudioFrame(samples, sampleRate, channels, samples.length / channels);
    return [...rest, ...this.#resampler.push(frame).map((frame) => this.#spread(frame.data, channels))];
  }

  /** What the resampler holds back. What is pushed next begins another stream. */
  flush(): Int16Array[] {
    const resampler = this.#resampler;
    const frames = resampler?.flush() ?? [];
    this.close();
    return frames.map(({ data }) => this.#spread(data, resampler!.channels));
  }

  /** Frees libsoxr's memory. */
  close(): void {
    this.#resampler?.close();
    this.#resampler = undefined;
  }

  #spread(samples: Int16Array, channels: number): Int16Array {
    if (channels === this.channels) return samples;
    const spread = new Int16Array(samples.length * this.channels);
    samples.forEach((sample, at) => spread.fill(sample, at * this.channels, (at + 1) * this.channels));
    return spread;
  }
}

function average(samples: Int16Array, channels: number): Int16Array {
  const mixed = new Int16Array(samples.length / channels);
  for (let at = 0; at < mixed.length; at++) {
    let sum = 0;
    for (let n = 0; n < channels; n++) sum += samples[at * channels + n]!;
    mixed[at] = Math.round(sum / channels);
  }
  return mixed;
}

/** Full scale is ±1; what is louder is limited, and NaN is silence. */
function integersOf(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))) || 0);
}
