import { AudioFrame as RtcAudioFrame } from '@livekit/rtc-node';
import { describe, expect, it } from 'vitest';
import { PcmArguments } from '../src/pcm-argument.js';
import { failure } from './support/expect.js';

const SAMPLES = Int16Array.from({ length: 24 }, (_, i) => i * 1000 - 12_000);
const BYTES = Buffer.from(SAMPLES.buffer);

/** What is written of pieces of a stream. */
function written(reader: PcmArguments, pieces: Iterable<unknown>): number[] {
  const samples: number[] = [];
  for (const piece of pieces) {
    const read = reader.read(piece);
    reader.keep(read);
    samples.push(...read.data);
  }
  return samples;
}

function* pieces(length: number): Generator<Buffer> {
  // Each in memory of its own, and at an offset that may be odd.
  for (let at = 0; at < BYTES.length; at += length) {
    yield Buffer.concat([Buffer.alloc(at % 4), BYTES.subarray(at, at + length)]).subarray(at % 4);
  }
}

describe('PcmArguments', () => {
  it.each([1, 2, 3, 5, 7, 16, 47, 48])('joins bytes that are cut every %i', (length) => {
    for (const channels of [1, 2, 3]) {
      expect(written(new PcmArguments(16_000, channels), pieces(length))).toEqual([...SAMPLES]);
    }
  });

  it('reads samples where they are, and bytes as well if they are whole and aligned', () => {
    const reader = new PcmArguments(16_000, 2);
    expect(reader.read(SAMPLES).data).toBe(SAMPLES);
    const { data, sampleRate, channels } = reader.read(new Uint8Array(SAMPLES.buffer, 4, 8));
    expect([data.buffer === SAMPLES.buffer, data.byteOffset, data.length]).toEqual([true, 4, 4]);
    expect([sampleRate, channels]).toEqual([16_000, 2]);
  });

  it('takes frames and samples of other kinds, and bytes in them', () => {
    const reader = new PcmArguments(16_000, 1);
    expect(reader.read(new RtcAudioFrame(SAMPLES, 24_000, 2, 12))).toMatchObject({ sampleRate: 24_000, channels: 2 });
    const read = reader.read({ data: BYTES.subarray(0, 7), sampleRate: 8000, channels: 1 });
    expect([[...read.data], read.rest]).toEqual([[...SAMPLES.subarray(0, 3)], new Uint8Array([BYTES[6]!])]);
    expect(reader.read(new Float32Array([0.5])).data).toEqual(new Float32Array([0.5]));
  });

  it('keeps the rest of a sample for bytes of the same kind alone, and only if the piece was written', () => {
    const reader = new PcmArguments(16_000, 1);
    const odd = () => reader.read(BYTES.subarray(0, 3));
    odd();
    expect(written(reader, [BYTES.subarray(0, 2)])).toEqual([SAMPLES[0]]);
    for (const other of [{ data: BYTES.subarray(0, 2), sampleRate: 8000, channels: 1 }, SAMPLES.subarray(0, 1)]) {
      reader.keep(odd());
      expect(written(reader, [other, BYTES.subarray(0, 2)])).toEqual([SAMPLES[0], SAMPLES[0]]);
    }
    reader.keep(odd());
    reader.forget();
    expect(written(reader, [BYTES.subarray(0, 2)])).toEqual([SAMPLES[0]]);
    expect(written(reader, [BYTES.subarray(0, 1)])).toEqual([]);
  });

  it('for a writer of 16-bit samples of one kind refuses others', () => {
    const reader = new PcmArguments(16_000, 1);
    expect(reader.readOwn(BYTES).data).toEqual(SAMPLES);
    expect(() => reader.readOwn(new Float32Array(2))).toThrow(failure('INVALID_ARGUMENT', 'pcm is a Float32Array'));
    const frame = new RtcAudioFrame(SAMPLES, 24_000, 1, 24);
    expect(() => reader.readOwn(frame)).toThrow(failure('INVALID_ARGUMENT', '24000 Hz with 1 channels'));
  });
});
