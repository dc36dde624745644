import type { Samples } from './audio-resampler.js';
import { bytesOf, decode, sampleFormat, type SampleFormat } from './g711.js';
import { channelCount, invalid, rateInHz, readable } from './validate.js';

/**
 * Samples of all channels, interleaved: 16-bit, or their bytes, little-endian, as speech synthesis and files give them, or in
 * G.711 where the option `format` says so.
 * Floating point has its full scale at ±1: more is clipped, NaN is silence.
 */
export type PcmData = Samples | Uint8Array;

/** Samples of any kind. A frame, narrowcast's or rtc-node's, is one. */
export interface Pcm {
  /** Samples of all channels, interleaved. */
  readonly data: PcmData;
  /** Hz. */
  readonly sampleRate: number;
  /** Channels in `data`: 1, or as many as the track has; any number for a track with one. */
  readonly channels: number;
}

/** What was passed as PCM; checked. */
export interface ReadPcm {
  readonly data: Samples;
  readonly sampleRate: number;
  readonly channels: number;
  /** How its bytes were read. */
  readonly format: SampleFormat;
  /** Bytes behind the last whole sample of each channel. */
  readonly rest: Uint8Array;
}

const NOTHING = new Uint8Array();

/**
 * The one reader of PCM arguments, for one writer. Samples alone have the writer's own rate and channels. Bytes may begin
 * and end anywhere: what is left of a sample waits for the next piece of the same kind.
 */
export class PcmArguments {
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly channels: number;
  /** How bytes are read. */
  readonly format: SampleFormat;
  #last: ReadPcm | undefined;

  constructor(sampleRate: number, channels: number, format: unknown = 'pcm16') {
    this.sampleRate = sampleRate;
    this.channels = channels;
    this.format = sampleFormat('format', format);
  }

  /** Checks what was passed. @throws {NarrowcastError} `INVALID_ARGUMENT` */
  read(pcm: unknown, format: unknown = this.format): ReadPcm {
    if (typeof pcm !== 'object' || pcm === null) {
      throw invalid('pcm', pcm, 'samples, or a frame, or { data, sampleRate, channels }');
    }
    const isAlone = !('data' in pcm) && !('sampleRate' in pcm);
    const { sampleRate, channels } = (isAlone ? this : pcm) as Pcm;
    const data: unknown = isAlone ? pcm : (pcm as Pcm).data;
    rateInHz('pcm.sampleRate', sampleRate);
    channelCount('pcm.channels', channels);
    const what = isAlone ? 'pcm' : 'pcm.data';
    const coded = sampleFormat('format', format);
    if (data instanceof Uint8Array) return this.#join(readable(what, data, Uint8Array), sampleRate, channels, coded);
    const samples =
      data instanceof Float32Array ? readable(what, data, Float32Array) : readable(what, data, Int16Array);
    if (samples.length % channels !== 0) {
      throw invalid(`${what}.length`, samples.length, `a multiple of the ${channels} channels`);
    }
    return { data: samples, sampleRate, channels, format: coded, rest: NOTHING };
  }

  /**
   * The same for a writer that takes 16-bit samples alone, and, unless `anyKind`, of its own rate and channels alone.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`
   */
  readOwn(pcm: unknown, format?: unknown, anyKind = false): ReadPcm & { readonly data: Int16Array } {
    const read = this.read(pcm, format);
    const { data, sampleRate, channels } = read;
    if (!anyKind && (sampleRate !== this.sampleRate || channels !== this.channels)) {
      throw invalid(
        'the frame',
        `${sampleRate} Hz with ${channels} channels`,
        `one of ${this.sampleRate} Hz with ${this.channels} channels, or resample it first`,
      );
    }
    if (data instanceof Float32Array) throw invalid('pcm', data, 'an Int16Array, or its bytes');
    return { ...read, data };
  }

  /** What was read is written: what is left of it waits. */
  keep(read: ReadPcm): void {
    this.#last = read;
  }

  /** What is left of a sample is given up. */
  forget(): void {
    this.#last = undefined;
  }

  #join(bytes: Uint8Array, sampleRate: number, channels: number, format: SampleFormat): ReadPcm {
    const last = this.#last;
    const isSame = last?.sampleRate === sampleRate && last.channels === channels && last.format === format;
    const before = isSame ? last.rest : NOTHING;
    const length = before.length + bytes.length;
    const whole = length - (length % (bytesOf(format) * channels));
    if (before.length > 0) {
      const joined = new Uint8Array(length);
      joined.set(before);
      joined.set(bytes, before.length);
      bytes = joined;
    }
    const samples = bytes.subarray(0, whole);
    return {
      data: format === 'pcm16' ? samplesOfBytes(samples) : decode(samples, format),
      sampleRate,
      channels,
      format,
      rest: copyOf(bytes.subarray(whole)),
    };
  }
}

/** Complains of channels that can't become `wanted`: one goes to each, and several become one. */
export function refuseChannels(what: string, channels: number, wanted: number): void {
  if (channels === wanted || channels === 1 || wanted === 1) return;
  throw invalid(what, channels, `1 or ${wanted}, or mix them first`);
}

/** Samples whose bytes these are, an even number: where they are if they can be read there, or a copy. */
export function samplesOfBytes(bytes: Uint8Array): Int16Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 2 === 0 ? bytes : copyOf(bytes);
  return new Int16Array(buffer as ArrayBuffer, byteOffset, length / 2);
}

/** Not by `slice`, which gives a view of the same memory where the array is a Buffer. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
