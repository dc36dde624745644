import { describe, expect, it } from 'vitest';
import { AudioStream, AudioStreamTrack, g711, type SampleFormat } from '../src/index.js';
import { PcmArguments } from '../src/pcm-argument.js';
import { failure } from './support/expect.js';

const CODES = Uint8Array.from({ length: 256 }, (_, code) => code);
/** From the tables of ITU-T G.711: codes and what they decode to. */
const VECTORS: Record<'mulaw' | 'alaw', readonly (readonly [number, number])[]> = {
  mulaw: [
    [0x00, -32_124],
    [0x0f, -16_764],
    [0x10, -15_996],
    [0x7e, -8],
    [0x80, 32_124],
    [0xff, 0],
  ],
  alaw: [
    [0x2a, -32_256],
    [0x55, -8],
    [0xd5, 8],
    [0xd4, 24],
    [0x80, 5504],
    [0xaa, 32_256],
  ],
};

describe.each(['mulaw', 'alaw'] as const)('g711 in %s', (format) => {
  it('decodes as the standard has it, and encodes back every code but the second zero', () => {
    for (const [code, sample] of VECTORS[format]) {
      expect([...g711.decode(Uint8Array.of(code), format)]).toEqual([sample]);
      expect([...g711.encode(Int16Array.of(sample), format)]).toEqual([code]);
    }
    const expected = [...CODES];
    if (format === 'mulaw') expected[0x7f] = 0xff;
    expect([...g711.encode(g711.decode(CODES, format), format)]).toEqual(expected);
  });

  it('keeps the order of loudness', () => {
    const all = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
    const back = g711.decode(g711.encode(all, format), format);
    expect(back.every((sample, i) => i === 0 || sample >= back[i - 1]!)).toBe(true);
  });

  it('is read by AudioStream.write, cut anywhere, and given by AudioStreamTrack.recv', async () => {
    const stream = new AudioStream({ sampleRate: 8000, samplesPerFrame: 64 });
    for (const length of [1, 63, 65, 127]) {
      stream.write(CODES.subarray(0, length), { format });
      stream.write(CODES.subarray(length), { format });
      const read = new Int16Array(256);
      expect([stream.readInto(read), read]).toEqual([256, g711.decode(CODES, format)]);
    }
    const track = new AudioStreamTrack({ sampleRate: 8000, frameSizeMs: 32 });
    track.write(CODES, { format, final: true });
    const frame = await track.recv({ format });
    const expected = g711.encode(g711.decode(CODES, format), format);
    expect(frame).toMatchObject({
      data: expected,
      format,
      sampleRate: 8000,
      channels: 1,
      samplesPerChannel: 256,
      pts: 0,
    });
    track.stop();
  });

  it('is read by an utterance, in frames and alone', () => {
    const track = new AudioStreamTrack({ sampleRate: 8000 });
    const utterance = track.say({ format });
    utterance.write(CODES);
    utterance.write({ data: CODES, sampleRate: 8000, channels: 1 });
    expect(track.bufferedMs).toBe(64);
    track.stop();
  });
});

describe('sample formats', () => {
  it('of two channels wait for the second code', () => {
    const reader = new PcmArguments(8000, 2, 'mulaw');
    const read = reader.read(CODES.subarray(0, 5));
    expect([read.data.length, read.rest.length]).toEqual([4, 1]);
    reader.keep(read);
    expect([...reader.read(CODES.subarray(5, 6)).data]).toEqual([...g711.decode(CODES.subarray(4, 6), 'mulaw')]);
    // A byte of another format is no part of it.
    expect(reader.read(CODES.subarray(5, 6), 'alaw').data.length).toBe(0);
  });

  it('refuse what is none', async () => {
    const stream = new AudioStream({ sampleRate: 8000 });
    const track = new AudioStreamTrack();
    const wrong = 'ulaw' as SampleFormat;
    const refused = failure('INVALID_ARGUMENT', `format is "ulaw": pass 'pcm16', 'mulaw' or 'alaw'`);
    expect(() => stream.write(CODES, { format: wrong })).toThrow(refused);
    expect(() => track.write(CODES, { format: wrong })).toThrow(refused);
    expect(() => track.say({ format: wrong })).toThrow(refused);
    await expect(track.recv({ format: wrong })).rejects.toEqual(refused);
    expect(() => g711.encode(new Int16Array(1), wrong)).toThrow(refused);
    expect(() => g711.decode(CODES.subarray(1), 'pcm16')).toThrow(failure('INVALID_ARGUMENT', 'a multiple of 2'));
    expect(() => g711.encode([1] as unknown as Int16Array, 'mulaw')).toThrow(failure('INVALID_ARGUMENT', 'Int16Array'));
    expect(() => stream.write(CODES, { fromat: 'mulaw' } as object)).toThrow(
      failure('INVALID_ARGUMENT', 'did you mean'),
    );
    track.stop();
  });
});
