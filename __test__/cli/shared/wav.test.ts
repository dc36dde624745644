import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { synthesizeVoice } from '../../../src/cli/meeting/synthetic-voice.js';
import { readRecording, readSpeech } from '../../../src/cli/shared/wav-reader.js';
import { g711 } from '../../../src/index.js';
import { WavWriter } from '../../../src/wav-writer.js';
import { samePcm, scratch } from '../command.js';
import { bytesOf, wavBytes } from '../wav.js';
import { full, holdWrites, useDisk } from './disk.js';
import { turn } from '../../support/wait.mjs';

// On a busy machine, converting takes its time.

const RATE = 16_000;
const voice = synthesizeVoice(3, RATE);

afterEach(() => void vi.restoreAllMocks());

/** Writes `samples` in pieces of `piece`. */
async function writeAll(path: string, samples: Int16Array, piece: number): Promise<void> {
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  const reused = new Int16Array(piece);
  for (let at = 0; at < samples.length; at += piece) {
    const part = samples.subarray(at, at + piece);
    reused.set(part);
    const full = writer.append(reused.subarray(0, part.length));
    // What was appended was copied: the caller may use its memory for something else.
    reused.fill(-1);
    if (full) await full;
  }
  await writer.close();
}

test.each([1, 160, 161, 16_384, 16_385, 100_000])('what is written in pieces of %i can be read back', async (piece) => {
  const path = join(scratch(), 'a.wav');
  const samples = piece === 1 ? voice.subarray(0, 40_000) : voice;
  await writeAll(path, samples, piece);

  expect(samePcm(await readRecording(path, RATE), samples)).toBe(true);
});

test('WavWriter: the header is that of a WAV file, with its sizes in place', async () => {
  const path = join(scratch(), 'a.wav');
  await writeAll(path, voice, 160);
  const bytes = readFileSync(path);

  expect(bytes.length).toBe(44 + voice.length * 2);
  expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
  expect(bytes.readUInt32LE(40)).toBe(voice.length * 2);
  // PCM, mono, its rate, bytes a second, bytes of a sample, and bits of it.
  expect(bytes.subarray(0, 44)).toEqual(wavBytes({ sampleRate: RATE }, bytesOf(voice)).subarray(0, 44));
});

test.each([
  { format: 'alaw', tag: 6, silence: 0xd5, length: 20_001 },
  { format: 'mulaw', tag: 7, silence: 0xff, length: 40_000 },
] as const)('WavWriter: $format has the format, the fact chunk and the even length of a WAV file', async (expected) => {
  const { format, tag, silence, length } = expected;
  const path = join(scratch(), 'a.wav');
  const coding = { tag, encode: (samples: Int16Array) => g711.encode(samples, format) };
  const writer = await WavWriter.create(path, { sampleRate: 8000, coding });
  await writer.append(voice.subarray(0, length));
  await writer.silence(50_000);
  await writer.save();
  const saved = readFileSync(path);
  expect(saved.readUInt32LE(54)).toBe(saved.readUInt32LE(46));
  expect(saved.readUInt32LE(54)).toBeLessThanOrEqual(saved.length - 58);
  await writer.close();

  const bytes = readFileSync(path);
  const samples = length + 50_000;
  const padded = samples + (samples % 2);
  expect(bytes.length).toBe(58 + padded);
  // Size of all behind it, and the chunks' names and sizes.
  expect([bytes.readUInt32LE(4), bytes.readUInt32LE(16), bytes.readUInt32LE(42)]).toEqual([50 + padded, 18, 4]);
  expect([12, 38, 50].map((at) => bytes.toString('latin1', at, at + 4))).toEqual(['fmt ', 'fact', 'data']);
  // Encoding, channels, rate, bytes a second, bytes of a sample, bits of it, and no bytes of an extension.
  expect([20, 22, 32, 34, 36].map((at) => bytes.readUInt16LE(at))).toEqual([tag, 1, 1, 8, 0]);
  expect([24, 28, 46, 54].map((at) => bytes.readUInt32LE(at))).toEqual([8000, 8000, samples, samples]);
  const data = bytes.subarray(58, 58 + samples);
  expect(data.subarray(0, length)).toEqual(Buffer.from(g711.encode(voice.subarray(0, length), format)));
  expect(data.subarray(length).every((byte) => byte === silence)).toBe(true);
  const read = await readSpeech(path, 8000, 100);
  expect(samePcm(read, g711.decode(data, format))).toBe(true);
});

test('WavWriter: long silence in G.711 goes to the disk in a few pieces, and what of it fails is told', async () => {
  const path = join(scratch(), 'a.wav');
  const coding = { tag: 7, encode: (samples: Int16Array) => g711.encode(samples, 'mulaw') };
  const writer = await WavWriter.create(path, { sampleRate: 8000, coding });
  let writes = 0;
  await useDisk(() => (++writes > 7 ? full() : undefined));
  await writer.append(voice.subarray(0, 1000));
  await writer.silence(4_500_000);
  expect(writes).toBe(6);
  await writer.append(voice.subarray(0, 1000));
  await expect((async () => writer.silence(4_500_000))()).rejects.toThrow('no space left');
  expect(() => writer.append(voice)).toThrow('no space left');
  vi.restoreAllMocks();
  await expect(writer.close()).rejects.toThrow('no space left');
  const bytes = readFileSync(path);
  expect([bytes.readUInt32LE(46), bytes.length]).toEqual([4_502_000, 58 + 4_502_000]);
  const data = bytes.subarray(58);
  const said = Buffer.from(g711.encode(voice.subarray(0, 1000), 'mulaw'));
  expect([data.subarray(0, 1000), data.subarray(-1000)]).toEqual([said, said]);
  expect(data.subarray(1000, -1000).every((byte) => byte === 0xff)).toBe(true);
});

test('WavWriter: a file that would have more than 4 GB is refused, and what is in it can be played', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  await writer.append(voice.subarray(0, 16_384));
  await writer.silence(2 ** 31 - 40_000);
  await expect((async () => writer.silence(40_000))()).rejects.toThrow(
    `can't write ${path}: a WAV file has 4 GB at most`,
  );
  expect(() => writer.append(voice)).toThrow('4 GB');
  await expect(writer.close()).rejects.toThrow('4 GB');

  const header = await open(path).then(async (file) => {
    const { buffer } = await file.read(Buffer.alloc(44), 0, 44, 0);
    await file.close();
    return buffer;
  });
  expect(header.readUInt32LE(40)).toBe(16_384 * 2);
  expect(header.readUInt32LE(4)).toBe(16_384 * 2 + 36);
});

test('a recording of nothing is a WAV file too', async () => {
  const path = join(scratch(), 'a.wav');
  await writeAll(path, new Int16Array(0), 160);

  expect(await readRecording(path, RATE)).toHaveLength(0);
});

test('a file that was there is replaced', async () => {
  const path = join(scratch(), 'a.wav');
  await writeAll(path, voice, 160);
  await writeAll(path, voice.subarray(0, 320), 160);

  expect(readFileSync(path)).toHaveLength(44 + 640);
});

test('a disk that takes a little at a time gets everything', async () => {
  const path = join(scratch(), 'a.wav');
  await useDisk((write) => void (write.length = Math.min(write.length, 1001)));
  await writeAll(path, voice, 160);

  expect(samePcm(await readRecording(path, RATE), voice)).toBe(true);
});

test('it waits for a slow disk with the memory of two blocks, and no more', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  const { release } = await holdWrites();
  let appended = 0;
  let full: Promise<void> | void = undefined;
  while (!full) {
    full = writer.append(voice.subarray(appended, appended + 160));
    appended += 160;
  }
  let settled = false;
  void full.then(() => (settled = true));
  await new Promise(setImmediate);

  expect(settled).toBe(false);
  expect(appended).toBeLessThanOrEqual(2 * 16_384 + 160);
  release();
  await full;
  await writer.close();
  expect(samePcm(await readRecording(path, RATE), voice.subarray(0, appended))).toBe(true);
});

test('what the disk refuses is a failure for the caller of append, and what was written can be played', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  await useDisk(({ position }) => (position > 40_000 ? full() : undefined));
  const attempt = async () => {
    for (let at = 0; at < voice.length; at += 160) {
      const full = writer.append(voice.subarray(at, at + 160));
      if (full) await full;
      // Lets the disk answer.
      await new Promise(setImmediate);
    }
  };

  await expect(attempt()).rejects.toThrow(`can't write ${path}: no space left on device`);
  expect(() => writer.append(voice)).toThrow('no space left on device');
  await expect(writer.close()).rejects.toThrow('no space left on device');
  vi.restoreAllMocks();
  const kept = await readRecording(path, RATE);
  expect(kept.length).toBeGreaterThan(16_000);
  expect(samePcm(kept, voice.subarray(0, kept.length))).toBe(true);
});

test('a failure of the last block is one of closing', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  await useDisk(({ position }) => (position >= 44 ? full() : undefined));
  void writer.append(voice.subarray(0, 160));

  await expect(writer.close()).rejects.toThrow(`can't write ${path}: no space left on device`);
});

test.skipIf(!existsSync('/dev/full'))('a full disk is a failure at once', async () => {
  const path = join(scratch(), 'full.wav');
  symlinkSync('/dev/full', path);

  await expect(WavWriter.create(path, { sampleRate: RATE })).rejects.toThrow(
    `can't write ${path}: no space left on device`,
  );
});

test('a folder that is missing is named', async () => {
  const path = join(scratch(), 'missing', 'a.wav');

  await expect(WavWriter.create(path, { sampleRate: RATE })).rejects.toThrow(
    `can't write ${path}: no such file or directory`,
  );
});

/** Writes a file for {@link readSpeech}. */
function wav(format: Parameters<typeof wavBytes>[0], data: Uint8Array, before?: Uint8Array): string {
  const path = join(scratch(), 'input.wav');
  writeFileSync(path, wavBytes(format, data, before));
  return path;
}

test('readSpeech: 16-bit mono at the same rate comes as it is, up to the length that is needed', async () => {
  const path = wav({}, bytesOf(voice));

  expect(samePcm(await readSpeech(path, RATE, 100), voice)).toBe(true);
  expect(samePcm(await readSpeech(path, RATE, 0.5), voice.subarray(0, RATE / 2))).toBe(true);
});

test('readSpeech: channels are mixed', async () => {
  const path = wav({ channels: 2 }, bytesOf(Int16Array.of(100, 300, 200, -200, -300, -301)));

  expect([...(await readSpeech(path, RATE, 1))]).toEqual([200, 0, -300]);
});

test('readSpeech: chunks before the samples are skipped, odd ones too', async () => {
  const list = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1');

  expect([...(await readSpeech(wav({}, bytesOf(Int16Array.of(7, 8)), list), RATE, 1))]).toEqual([7, 8]);
});

test('readSpeech: a size that says more than there is, as of a program that was killed, is not believed', async () => {
  const path = join(scratch(), 'input.wav');
  writeFileSync(path, wavBytes({}, bytesOf(Int16Array.of(1, 2, 3, 4))).subarray(0, 44 + 5));

  expect([...(await readSpeech(path, RATE, 1))]).toEqual([1, 2]);
});

test.each([
  { name: '8 bit', encoding: 1, bits: 8, bytes: [0, 128, 255], samples: [-32_768, 0, 32_512] },
  { name: '24 bit', encoding: 1, bits: 24, bytes: [9, 0, 128, 9, 1, 0], samples: [-32_768, 1] },
  { name: '32 bit', encoding: 1, bits: 32, bytes: [9, 9, 255, 127, 0, 0, 254, 255], samples: [32_767, -2] },
  // The values of ITU-T G.711's tables.
  { name: 'A-law', encoding: 6, bits: 8, bytes: [0xd5, 0x55, 0xaa, 0x2a], samples: [8, -8, 32_256, -32_256] },
  { name: 'µ-law', encoding: 7, bits: 8, bytes: [0xff, 0x00, 0x80, 0xfe], samples: [0, -32_124, 32_124, 8] },
])('readSpeech: $name', async ({ encoding, bits, bytes, samples }) => {
  expect([...(await readSpeech(wav({ encoding, bits }, Uint8Array.from(bytes)), RATE, 1))]).toEqual(samples);
});

test.each([Float32Array, Float64Array])('readSpeech: floating point, %o', async (Floats) => {
  const floats = Floats.of(-1, 0.5, 2, NaN);
  const path = wav({ encoding: 3, bits: Floats.BYTES_PER_ELEMENT * 8 }, new Uint8Array(floats.buffer));

  expect([...(await readSpeech(path, RATE, 1))]).toEqual([-32_768, 16_384, 32_767, 0]);
});

test('readSpeech: an encoding that it can not read is named, with what to do', async () => {
  const path = wav({ encoding: 17, bits: 4, channels: 2 }, new Uint8Array(8));

  await expect(readSpeech(path, RATE, 1)).rejects.toThrow(/encoding 17 and 4 bits: convert it to PCM/);
});

test('another rate is converted: a tone keeps its frequency', async () => {
  const tone = Int16Array.from({ length: 48_000 }, (_, at) => 10_000 * Math.sin((2 * Math.PI * 440 * at) / 48_000));
  const speech = await readSpeech(wav({ sampleRate: 48_000 }, bytesOf(tone)), RATE, 100);
  let crossings = 0;
  for (let at = 1; at < speech.length; at++) if (speech[at - 1]! < 0 && speech[at]! >= 0) crossings++;

  expect(Math.abs(speech.length - RATE)).toBeLessThan(10);
  expect(Math.abs(crossings - 440)).toBeLessThan(3);
});

test.each([
  { name: 'text', content: 'hello, this is no sound at all, not even a little of it' },
  { name: 'nothing', content: '' },
])('a file that is no WAV file is named: $name', async ({ content }) => {
  const path = join(scratch(), 'input.wav');
  writeFileSync(path, content);

  await expect(readSpeech(path, RATE, 1)).rejects.toThrow(`${path} is not a WAV file that can be read`);
});

test('a WAV file without samples, and one that is missing, are named', async () => {
  const empty = wav({}, new Uint8Array(0));
  const missing = join(scratch(), 'missing.wav');

  await expect(readSpeech(empty, RATE, 1)).rejects.toThrow(`can't use ${empty}: there are no samples in it`);
  await expect(readSpeech(missing, RATE, 1)).rejects.toThrow(`can't read ${missing}: no such file or directory`);
});

test.each([0, 1, 16_383, 16_384, 1_000_000])('silence of %i samples is in its place', async (silence) => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  const sound = voice.subarray(0, 20_000);
  for (const write of [() => writer.silence(silence), () => writer.append(sound), () => writer.silence(silence)]) {
    await write();
  }
  await writer.close();
  const expected = new Int16Array(2 * silence + sound.length);
  expected.set(sound, silence);

  expect(samePcm(await readRecording(path, RATE), expected)).toBe(true);
  expect(readFileSync(path)).toHaveLength(44 + expected.length * 2);
});

test('a file that is to be kept is, and says so', async () => {
  const path = join(scratch(), 'a.wav');
  writeFileSync(path, 'of yesterday');

  await expect(WavWriter.create(path, { sampleRate: RATE, existing: 'keep' })).rejects.toMatchObject({
    cause: { code: 'EEXIST' },
  });
  expect(readFileSync(path, 'utf8')).toBe('of yesterday');
});

test('sizes that are saved in between name what is in the file, and not the silence that never was', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  for (const write of [() => writer.append(voice.subarray(0, 16_384)), () => writer.silence(100_000)]) await write();
  await writer.save();
  const bytes = readFileSync(path);
  expect(bytes.length).toBe(44 + 16_384 * 2);
  expect(bytes.readUInt32LE(40)).toBe(16_384 * 2);

  await writer.append(voice.subarray(0, 10));
  await Promise.all([writer.save(), writer.close()]);
  expect((await readRecording(path, RATE)).length).toBe(116_384 + 10);
});

test('the two sizes in the header change together, so that the file can be played at any moment', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  const apart: number[] = [];
  await useDisk(() => {
    const header = readFileSync(path);
    apart.push(header.readUInt32LE(4) - header.readUInt32LE(40));
  });
  await writer.append(voice.subarray(0, 20_000));
  await writer.save();
  await writer.close();

  expect(new Set(apart)).toEqual(new Set([36]));
  expect((await readRecording(path, RATE)).length).toBe(20_000);
});

test('sizes that are on their way when the file is closed come before the last ones', async () => {
  const path = join(scratch(), 'a.wav');
  const writer = await WavWriter.create(path, { sampleRate: RATE });
  await writer.append(voice.subarray(0, 100));
  const sizes = await holdWrites(({ position }) => position === 0);
  const saved = writer.save();
  const closed = writer.close();
  for (let turns = 0; turns < 50; turns++) await turn();
  expect(sizes.held).toBe(1);
  sizes.release();
  await Promise.all([saved, closed]);

  expect(sizes.held).toBe(2);
  expect((await readRecording(path, RATE)).length).toBe(100);
});

test('WavWriter.save: what was appended before it can be played after it, whatever else is on its way', async () => {
  const path = join(scratch(), 'a.wav');
  const held: (() => void)[] = [];
  await useDisk(() => new Promise<void>((resolve) => void held.push(resolve)));
  /** Lets the disk write until that is done. */
  const written = async <T>(done: Promise<T>) => {
    const state = { isDone: false };
    void done.finally(() => (state.isDone = true));
    for (; !state.isDone; await turn()) held.shift()?.();
    return done;
  };
  const writer = await written(WavWriter.create(path, { sampleRate: RATE }));
  const samples = Int16Array.from({ length: 200_000 }, (_, at) => at % 32_749);
  const pieces = [100, 16_284, 30_000, 5000, 70_000, 1, 40_000, 38_615];
  let end = 0;
  for (const piece of pieces) {
    const first = writer.save();
    const full = writer.append(samples.subarray(end, (end += piece)));
    if (full) await written(full);
    await written(Promise.all([first, writer.save()]));
    expect(samePcm(await readRecording(path, RATE), samples.subarray(0, end))).toBe(true);
  }
  expect(end).toBe(samples.length);
  await written(writer.close());
  expect(samePcm(await readRecording(path, RATE), samples)).toBe(true);
});
