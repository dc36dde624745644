import { readFile } from 'node:fs/promises';
import { fileFailure, Failure } from './failure.js';

/** How samples are encoded, by the number that a WAV file has for it. */
const PCM = 1;
const FLOAT = 3;
const A_LAW = 6;
const MU_LAW = 7;
/** The encoding is named further on, where there are more than two channels or more than 16 bits. */
const EXTENSIBLE = 0xfffe;

/** A WAV file's sound. */
interface Sound {
  readonly encoding: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
  /** Whole samples of all channels. */
  readonly data: DataView;
}

/** Reads one sample as 16-bit PCM. */
type ReadSample = (data: DataView, at: number) => number;

/**
 * The samples of a recording that {@link WavWriter} wrote.
 *
 * @throws {Failure} it can't be read, or is not 16-bit mono at `sampleRate` Hz
 */
export async function readRecording(path: string, sampleRate: number): Promise<Int16Array> {
  const { encoding, channels, sampleRate: rate, bits, data } = await load(path);
  if (encoding !== PCM || bits !== 16 || channels !== 1 || rate !== sampleRate) {
    throw new Failure(`${path} is not the recording that was made: ${bits} bit, ${channels} × ${rate} Hz`);
  }
  const { buffer, byteOffset, byteLength } = data;
  return new Int16Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}

/**
 * The first `seconds` of a WAV file, mixed to mono, at `sampleRate` Hz. 16-bit mono at this rate comes as it is.
 *
 * @throws {Failure} it can't be read, or holds no sound
 */
export async function readSpeech(path: string, sampleRate: number, seconds: number): Promise<Int16Array> {
  const sound = await load(path);
  try {
    const mono = mixed(sound, Math.ceil(seconds * sound.sampleRate));
    if (mono.length === 0) throw new Error('there are no samples in it');
    return sound.sampleRate === sampleRate ? mono : await resampled(mono, sound.sampleRate, sampleRate);
  } catch (cause) {
    throw fileFailure('use', path, cause);
  }
}

async function load(path: string): Promise<Sound> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw fileFailure('read', path, cause);
  }
  try {
    return parse(bytes);
  } catch (cause) {
    throw new Failure(`${path} is not a WAV file that can be read: ${(cause as Error).message}`, { cause });
  }
}

function parse(bytes: Buffer): Sound {
  const name = (at: number) => bytes.toString('latin1', at, at + 4);
  if (bytes.length < 12 || name(0) !== 'RIFF' || name(8) !== 'WAVE') throw new Error('it does not begin as one does');
  let format: Omit<Sound, 'data'> | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const begin = at + 8;
    // A program that was killed while it wrote leaves a size that says more than there is.
    const end = Math.min(begin + bytes.readUInt32LE(at + 4), bytes.length);
    if (name(at) === 'fmt ') format = parseFormat(bytes.subarray(begin, end));
    if (name(at) === 'data') {
      if (!format) throw new Error('its samples come before their format');
      const frame = (format.channels * format.bits) / 8;
      const length = Math.floor((end - begin) / frame) * frame;
      return { ...format, data: new DataView(bytes.buffer, bytes.byteOffset + begin, length) };
    }
    // A chunk begins at an even byte.
    at = end + (end % 2);
  }
  throw new Error(format ? 'it has no samples' : 'it has no format');
}

function parseFormat(chunk: Buffer): Omit<Sound, 'data'> {
  if (chunk.length < 16) throw new Error('its format is cut off');
  const tag = chunk.readUInt16LE(0);
  const encoding = tag === EXTENSIBLE && chunk.length >= 26 ? chunk.readUInt16LE(24) : tag;
  const format = {
    encoding,
    channels: chunk.readUInt16LE(2),
    sampleRate: chunk.readUInt32LE(4),
    bits: chunk.readUInt16LE(14),
  };
  if (format.channels === 0 || format.sampleRate === 0) throw new Error('its format has no channels, or no rate');
  readerOf(format);
  return format;
}

/** @throws {Error} samples of this kind can't be read */
function readerOf({ encoding, bits }: Pick<Sound, 'encoding' | 'bits'>): ReadSample {
  switch (`${encoding} ${bits}`) {
    case `${PCM} 8`:
      return (data, at) => (data.getUint8(at) - 128) << 8;
    case `${PCM} 16`:
      return (data, at) => data.getInt16(at, true);
    case `${PCM} 24`:
      return (data, at) => data.getInt16(at + 1, true);
    case `${PCM} 32`:
      return (data, at) => data.getInt16(at + 2, true);
    case `${FLOAT} 32`:
      return (data, at) => fromFloat(data.getFloat32(at, true));
    case `${FLOAT} 64`:
      return (data, at) => fromFloat(data.getFloat64(at, true));
    case `${A_LAW} 8`:
      return (data, at) => fromALaw(data.getUint8(at));
    case `${MU_LAW} 8`:
      return (data, at) => fromMuLaw(data.getUint8(at));
    default:
      throw new Error(
        `its samples have encoding ${encoding} and ${bits} bits: convert it to PCM of 8 to 32 bits, float, A-law or µ-law`,
      );
  }
}

function fromFloat(sample: number): number {
  // What is no number is silence.
  return Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))) || 0;
}

/** ITU-T G.711: 3 bits of exponent and 4 of mantissa, every other bit inverted. */
function fromALaw(byte: number): number {
  const bits = byte ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return bits & 0x80 ? magnitude : -magnitude;
}

/** ITU-T G.711: as A-law, with a bias of 132, and all bits inverted. */
function fromMuLaw(byte: number): number {
  const bits = ~byte & 0xff;
  const magnitude = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return bits & 0x80 ? -magnitude : magnitude;
}

/** The mean of the channels, at most `length` samples of it. */
function mixed(sound: Sound, length: number): Int16Array {
  const { channels, bits, data } = sound;
  const read = readerOf(sound);
  const bytes = bits / 8;
  const mono = new Int16Array(Math.min(length, data.byteLength / (channels * bytes)));
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += read(data, (i * channels + channel) * bytes);
    mono[i] = Math.round(sum / channels);
  }
  return mono;
}

async function resampled(pcm: Int16Array, from: number, to: number): Promise<Int16Array> {
  const { AudioFrame } = await import('../../audio-frame.js');
  const { AudioResampler, AudioResamplerQuality } = await import('../../audio-resampler.js');
  const resampler = new AudioResampler(from, to, 1, AudioResamplerQuality.HIGH);
  const frames = [...resampler.push(new AudioFrame(pcm, from, 1, pcm.length)), ...resampler.flush()];
  resampler.close();
  const all = new Int16Array(frames.reduce((sum, { data }) => sum + data.length, 0));
  let filled = 0;
  for (const { data } of frames) {
    all.set(data, filled);
    filled += data.length;
  }
  return all;
}
