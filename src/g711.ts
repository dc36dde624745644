import { native } from './native.js';
import { invalid, readable } from './validate.js';

/**
 * How bytes are samples: `'pcm16'` has 16 bits, little-endian; `'mulaw'` and `'alaw'` are G.711, a byte a sample, as phones send
 * it: `audio/PCMU` and `audio/PCMA`.
 */
export type SampleFormat = 'pcm16' | 'mulaw' | 'alaw';

const { Pcm16, Mulaw, Alaw } = native.NativeCoding;

/** Native code's names for them. */
export const CODINGS: { readonly [F in SampleFormat]: typeof Pcm16 | typeof Mulaw | typeof Alaw } = {
  pcm16: Pcm16,
  mulaw: Mulaw,
  alaw: Alaw,
};

/** Bytes of a sample. */
export const bytesOf = (format: SampleFormat): number => (format === 'pcm16' ? 2 : 1);

/** @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function sampleFormat(what: string, value: unknown): SampleFormat {
  if (typeof value === 'string' && Object.hasOwn(CODINGS, value)) return value as SampleFormat;
  throw invalid(what, value, "'pcm16', 'mulaw' or 'alaw'");
}

/** Samples as bytes; both checked. */
export function encode(samples: Int16Array, format: SampleFormat): Uint8Array {
  const bytes = new Uint8Array(samples.length * bytesOf(format));
  native.encodePcm(CODINGS[format], samples, bytes);
  return bytes;
}

/** Bytes as samples; both checked. A byte too many is left out. */
export function decode(bytes: Uint8Array, format: SampleFormat): Int16Array {
  const samples = new Int16Array(Math.floor(bytes.length / bytesOf(format)));
  native.decodePcm(CODINGS[format], bytes, samples);
  return samples;
}

/**
 * G.711, natively: what phones send, one byte a sample. Most programs need none of this: `AudioStream.write`,
 * `AudioStreamTrack.write`, `say`, `recv` and `pipeTo` take or give it with their option `format`.
 *
 * @example
 * ```ts
 * const bytes = g711.encode(samples, 'mulaw');
 * const back = g711.decode(bytes, 'mulaw');
 * ```
 */
export const g711: {
  /** Samples as bytes. @throws {NarrowcastError} `INVALID_ARGUMENT` */
  encode(samples: Int16Array, format: SampleFormat): Uint8Array;
  /** Bytes as samples: the nearest that the code stands for. @throws {NarrowcastError} `INVALID_ARGUMENT` */
  decode(bytes: Uint8Array, format: SampleFormat): Int16Array;
} = {
  encode: (samples, format) => encode(readable('samples', samples, Int16Array), sampleFormat('format', format)),
  decode(bytes, format) {
    const read = readable('bytes', bytes, Uint8Array);
    if (sampleFormat('format', format) === 'pcm16' && read.length % 2 !== 0) {
      throw invalid('bytes.length', read.length, 'a multiple of 2');
    }
    return decode(read, format);
  },
};
