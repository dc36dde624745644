import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AudioFrame, AudioStream, AudioStreamTrack, g711, Recorder, type RecorderOptions } from '../src/index.js';
import { readSpeech } from '../src/cli/shared/wav-reader.js';
import { full, holdWrites, isTo, useDisk } from './cli/shared/disk.js';
import { failure } from './support/expect.js';
import { block, turn, until } from './support/wait.mjs';

const RATE = 8000;
/** Samples of a ms. */
const MS = RATE / 1000;
const any = <T>(value: unknown) => value as T;

afterEach(() => void vi.restoreAllMocks());

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-recorder-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What the header of a WAV file says, and its samples. */
function wav(path: string) {
  const bytes = readFileSync(path);
  expect(bytes.toString('latin1', 0, 4)).toBe('RIFF');
  expect(bytes.readUInt32LE(4)).toBe(bytes.readUInt32LE(40) + 36);
  const data = new Int16Array(bytes.readUInt32LE(40) / 2).map((_, at) => bytes.readInt16LE(44 + 2 * at));
  const [channels, rate] = [bytes.readUInt16LE(22), bytes.readUInt32LE(24)];
  const channel = (of: number) => data.filter((_, at) => at % channels === of);
  return { channels, rate, channel, length: data.length / channels, bytes: bytes.length };
}

/** Where a channel has sound: from the first sample to the last, and that without the silence around. */
function sound(samples: Int16Array) {
  const from = samples.findIndex((sample) => sample !== 0);
  const to = samples.findLastIndex((sample) => sample !== 0) + 1;
  return { from, to, samples: samples.slice(Math.max(from, 0), to) };
}

const counting = (from: number, count: number) => Int16Array.from({ length: count }, (_, at) => from + at);

async function open(options: RecorderOptions = {}) {
  const folder = scratch();
  const path = join(folder, 'call.wav');
  const recorder = await Recorder.open(path, { sampleRate: RATE, ...options });
  onTestFinished(() => recorder.close().catch(() => {}));
  return { recorder, path, folder, began: performance.now() };
}

const recorded = (recorder: Recorder, channel: string) => recorder.stats().channels[channel]!.recordedMs;

/** Receives what a track says, until all was heard. */
async function play(track: AudioStreamTrack): Promise<void> {
  const playout = { isOver: false };
  void track.waitForPlayout().then(() => (playout.isOver = true));
  while (!playout.isOver) await track.recv();
}

describe('Recorder: a stereo file', () => {
  it('has the caller on the left and the agent on the right, each at its time, and all of one length', async () => {
    const { recorder, path, began } = await open();
    const caller = new AudioStream({ sampleRate: RATE });
    const track = new AudioStreamTrack({ sampleRate: RATE, frameSizeMs: 10 });
    recorder.record('caller', caller);
    recorder.record('agent', track);
    await until(() => performance.now() - began > 300, 'a while has passed');
    const said = performance.now() - began;
    track.write(counting(1, 200 * MS), { final: true });
    await play(track);
    const heard = performance.now() - began;
    caller.write(counting(-2000, 100 * MS));
    await until(() => recorded(recorder, 'caller') >= 100, 'the caller is recorded');
    await recorder.close();

    const file = wav(path);
    expect([file.channels, file.rate]).toEqual([2, RATE]);
    const [left, right] = [sound(file.channel(0)), sound(file.channel(1))];
    expect(right.samples).toEqual(counting(1, 200 * MS));
    expect(left.samples).toEqual(counting(-2000, 100 * MS));
    // The track's time is when it was heard, the stream's ends when it came in.
    expect(right.from / MS).toBeGreaterThan(said - 10);
    expect(right.from / MS).toBeLessThan(heard - 190 + 20);
    expect(left.to / MS).toBeGreaterThan(heard - 20);
    expect(file.length / MS).toBeGreaterThanOrEqual(left.to / MS);
    const { seconds, channels } = recorder.stats();
    expect(file.length / RATE).toBe(seconds);
    expect(channels).toMatchObject({
      caller: { recordedMs: 100, lostMs: 0, bufferedMs: 0, state: 'ended' },
      agent: { recordedMs: 200, lostMs: 0, state: 'ended' },
    });
    // The track is the program's.
    expect([track.readyState, caller.locked]).toEqual(['live', false]);
  });

  it('has nothing of what was interrupted, and the next utterance in its place', async () => {
    const { recorder, path } = await open();
    const track = new AudioStreamTrack({ sampleRate: RATE, frameSizeMs: 10 });
    recorder.record('agent', track);
    track.write(counting(1, 1000 * MS));
    for (let n = 0; n < 20; n++) await track.recv();
    const { heardMs } = track.interrupt();
    expect(heardMs).toBe(200);
    for (let n = 0; n < 10; n++) await track.recv();
    track.write(counting(-500, 20 * MS), { final: true });
    await play(track);
    await recorder.close();
    const agent = wav(path).channel(1);
    const { from, samples } = sound(agent);
    expect(samples.slice(0, 200 * MS)).toEqual(counting(1, 200 * MS));
    expect(samples.slice(-20 * MS)).toEqual(counting(-500, 20 * MS));
    const pause = agent.slice(from + 200 * MS, from + samples.length - 20 * MS);
    expect(pause.every((sample) => sample === 0)).toBe(true);
    expect(Math.abs(pause.length / MS - 100)).toBeLessThan(60);
  });

  it('is converted from other rates and channels', async () => {
    const { recorder, path } = await open();
    const tone = Int16Array.from({ length: 2 * 48_000 * 0.3 }, (_, at) =>
      Math.round(9000 * Math.sin((2 * Math.PI * 440 * (at >> 1)) / 48_000)),
    );
    const caller = new AudioStream({ sampleRate: 48_000, numChannels: 2 });
    caller.write(tone);
    caller.close();
    recorder.record('caller', caller);
    recorder.record('agent', any(frames(new AudioFrame(tone, 48_000, 2, tone.length / 2))));
    await until(() => recorded(recorder, 'caller') === 300 && recorded(recorder, 'agent') === 300, 'both are recorded');
    await recorder.close();
    for (const channel of [0, 1]) {
      const { samples } = sound(wav(path).channel(channel));
      const middle = samples.slice(100 * MS, 200 * MS);
      expect(Math.max(...middle)).toBeGreaterThan(8800);
      const crossings = middle.filter((sample, at) => at > 0 && sample >= 0 && middle[at - 1]! < 0).length;
      expect(Math.abs(crossings - 44)).toBeLessThanOrEqual(1);
    }
  });
});

async function* frames(...all: AudioFrame[]) {
  yield* all;
}

describe('Recorder: a file each', () => {
  it('has all voices from one beginning to one end, also of a source that takes the place of another', async () => {
    const folder = scratch();
    const [a, b] = [join(folder, 'a.wav'), join(folder, 'b.wav')];
    const recorder = await Recorder.open({ alice: a, bob: b }, { sampleRate: RATE });
    const [first, second] = [new AudioStream({ sampleRate: RATE }), new AudioStream({ sampleRate: RATE })];
    recorder.record('alice', first);
    first.write(counting(1, 50 * MS));
    recorder.record('alice', second);
    expect(first.locked).toBe(false);
    second.write(counting(1000, 50 * MS));
    await until(() => recorded(recorder, 'alice') === 100, 'both are recorded');
    await recorder.close();
    const [alice, bob] = [wav(a), wav(b)];
    expect([alice.channels, bob.channels, alice.length]).toEqual([1, 1, bob.length]);
    expect([...sound(alice.channel(0)).samples].filter((sample) => sample !== 0)).toEqual([
      ...counting(1, 50 * MS),
      ...counting(1000, 50 * MS),
    ]);
    expect(sound(bob.channel(0)).from).toBe(-1);
    expect(recorder.stats().channels['bob']).toEqual({ recordedMs: 0, lostMs: 0, bufferedMs: 0, state: 'waiting' });
  });
});

describe('Recorder: a source that takes the place of one that waits', () => {
  /** So many that a second fills what the file's writer takes. */
  const fast = 48_000;
  const ms = fast / 1000;

  /** What is recorded of what came while the disk wrote nothing; `begin` records it, and returns when it was said. */
  async function replaced(begin: (recorder: Recorder) => Promise<unknown>) {
    const path = join(scratch(), 'agent.wav');
    const recorder = await Recorder.open({ agent: path }, { sampleRate: fast });
    const first = new AudioStream({ sampleRate: fast });
    recorder.record('agent', first);
    const disk = await holdWrites(({ position }) => position >= 44);
    first.write(new Int16Array(1000 * ms).fill(-1));
    await until(() => disk.held > 0 && first.stats().bufferedMs === 0, 'the writer is full');
    await begin(recorder);
    recorder.record('agent', new AudioStream({ sampleRate: fast }));
    disk.release();
    await recorder.close();
    return sound(
      wav(path)
        .channel(0)
        .filter((sample) => sample !== -1),
    ).samples;
  }

  it('has a stream without gaps', async () => {
    const said = await replaced(async (recorder) => {
      const stream = new AudioStream({ sampleRate: fast });
      recorder.record('agent', stream);
      const began = performance.now();
      await until(() => performance.now() - began > 1500, 'a while has passed');
      stream.write(counting(1, 500 * ms));
    });
    expect(said).toEqual(counting(1, 500 * ms));
  });

  it('has a track without gaps', async () => {
    const said = await replaced(async (recorder) => {
      const track = new AudioStreamTrack({ sampleRate: fast, frameSizeMs: 10 });
      recorder.record('agent', track);
      track.write(counting(1, 500 * ms), { final: true });
      await play(track);
    });
    expect(said.filter((sample) => sample !== 0)).toEqual(counting(1, 500 * ms));
    // Where this thread came late, there was a gap.
    expect(said.length).toBeLessThan(900 * ms);
  });
});

describe('Recorder: a voice that comes later', () => {
  it('has a file that begins where all begin, at the time at which it comes', async () => {
    const folder = scratch();
    const [a, b] = [join(folder, 'a.wav'), join(folder, 'b.wav')];
    const recorder = await Recorder.open({}, { sampleRate: RATE });
    const began = performance.now();
    await recorder.add('alice', a);
    // Longer than what is put together in memory, so that silence goes into the file by itself.
    await until(() => performance.now() - began > 1500, 'a while has passed');
    await recorder.add('bob', b);
    const bob = new AudioStream({ sampleRate: RATE });
    bob.write(counting(1, 20 * MS));
    const came = performance.now() - began;
    recorder.record('bob', bob);
    await until(() => recorded(recorder, 'bob') === 20, 'it is recorded');
    await recorder.close();
    const { from, samples } = sound(wav(b).channel(0));
    expect(samples).toEqual(counting(1, 20 * MS));
    expect(from / MS).toBeGreaterThan(came - 20);
    expect(from / MS).toBeLessThan(performance.now() - began);
    expect(recorder.stats().channels['bob']!.beganMs).toBe(from / MS);
    expect(recorder.stats().channels['alice']!.beganMs).toBeUndefined();
    expect([wav(a).length, wav(b).length]).toEqual(Array(2).fill(recorder.stats().seconds * RATE));
  });

  it('is refused under a name that is taken, in a file that is there, and after the end; the recording goes on', async () => {
    const folder = scratch();
    const path = join(folder, 'a.wav');
    const recorder = await Recorder.open({ alice: path }, { sampleRate: RATE });
    await expect(recorder.add('alice', join(folder, 'b.wav'))).rejects.toEqual(failure('INVALID_ARGUMENT', 'channel'));
    await expect(recorder.add('bob', '')).rejects.toEqual(failure('INVALID_ARGUMENT', 'path'));
    await expect(recorder.add('bob', path)).rejects.toMatchObject({ code: 'WRITE_FAILED', cause: { code: 'EEXIST' } });
    await recorder.add('bob', join(folder, 'b.wav'));
    await recorder.close();
    await expect(recorder.add('carol', join(folder, 'c.wav'))).rejects.toEqual(failure('CLOSED'));
    expect(existsSync(join(folder, 'c.wav'))).toBe(false);
    expect(wav(join(folder, 'b.wav')).channels).toBe(1);
  });
});

describe('Recorder: G.711', () => {
  it.each(['mulaw', 'alaw'] as const)('%s: a byte for each sample, 8 kHz by default', async (format) => {
    const folder = scratch();
    const path = join(folder, 'call.wav');
    const recorder = await Recorder.open({ caller: path }, { format, saveMs: 100 });
    const said = g711.encode(
      Int16Array.from({ length: 3001 }, (_, at) => 900 + at),
      format,
    );
    const caller = new AudioStream({ from: { sampleRate: RATE, format }, sampleRate: RATE });
    caller.write(said);
    caller.close();
    recorder.record('caller', caller);
    await until(() => recorded(recorder, 'caller') > 375, 'all is recorded');
    await recorder.close();
    const bytes = readFileSync(path);
    const length = Math.round(recorder.stats().seconds * RATE);
    expect([bytes.readUInt16LE(20), bytes.readUInt32LE(24)]).toEqual([format === 'mulaw' ? 7 : 6, RATE]);
    // The number of samples in the chunk fact, and the bytes of the chunk data.
    expect([bytes.readUInt32LE(46), bytes.readUInt32LE(54)]).toEqual([length, length]);
    expect(bytes.readUInt32LE(4) + 8).toBe(bytes.length);
    const data = bytes.subarray(58, 58 + length);
    const at = data.indexOf(said);
    expect(at).toBeGreaterThanOrEqual(0);
    // What is silent is so in the code, too.
    const silence = format === 'mulaw' ? 0xff : 0xd5;
    expect([...data.subarray(0, at), ...data.subarray(at + said.length)].every((byte) => byte === silence)).toBe(true);
    expect(await readSpeech(path, RATE, 100)).toEqual(g711.decode(data, format));
  });

  it('can be played after a crash', async () => {
    const folder = scratch();
    const path = join(folder, 'call.wav');
    const recorder = await Recorder.open(path, { format: 'mulaw', saveMs: 100 });
    onTestFinished(() => recorder.close());
    const caller = new AudioStream({ sampleRate: RATE });
    recorder.record('caller', caller);
    const write = setInterval(() => caller.write(new Int16Array(1000 * MS).fill(500)), 10);
    onTestFinished(() => clearInterval(write));
    const samples = () => readFileSync(path).readUInt32LE(46);
    await until(() => samples() > 0, 'what was written can be played');
    const bytes = readFileSync(path);
    expect(bytes.readUInt32LE(54)).toBe(2 * bytes.readUInt32LE(46));
    expect(bytes.length).toBeGreaterThanOrEqual(58 + bytes.readUInt32LE(54));
    expect(bytes.readUInt32LE(4)).toBe(bytes.readUInt32LE(54) + 50);
    expect((await readSpeech(path, RATE, 100)).length).toBeGreaterThanOrEqual(bytes.readUInt32LE(46));
  });
});

describe('Recorder: a blocked thread and a slow disk', () => {
  it('loses nothing while the buffers last', async () => {
    const { recorder, path } = await open();
    const caller = new AudioStream({ sampleRate: RATE, bufferMs: 2000 });
    recorder.record('caller', caller);
    for (let n = 0; n < 4; n++) {
      caller.write(counting(1 + n * 400 * MS, 400 * MS));
      block(400);
      await turn();
    }
    await until(() => recorded(recorder, 'caller') === 1600, 'all is recorded');
    await recorder.close();
    expect(sound(wav(path).channel(0)).samples).toEqual(counting(1, 1600 * MS));
    expect(recorder.stats().channels['caller']).toMatchObject({ lostMs: 0 });
  });

  it('counts what the buffers lose, and has silence in its place', async () => {
    const { recorder, path } = await open();
    const caller = new AudioStream({ sampleRate: RATE, bufferMs: 100 });
    recorder.record('caller', caller);
    caller.write(counting(1, 10 * MS));
    await until(() => recorded(recorder, 'caller') === 10, 'the beginning is recorded');
    caller.write(counting(1 + 10 * MS, 250 * MS));
    await until(() => recorded(recorder, 'caller') === 110, 'the end is recorded');
    await recorder.close();
    const { samples } = sound(wav(path).channel(0));
    expect(recorder.stats().channels['caller']).toMatchObject({ recordedMs: 110, lostMs: 150 });
    expect(samples.slice(-100 * MS)).toEqual(counting(1 + 160 * MS, 100 * MS));
    expect(samples.filter((sample) => sample !== 0)).toHaveLength(110 * MS);
    expect(samples.length).toBeGreaterThanOrEqual(260 * MS);
  });

  it('a disk that hangs holds up its own file alone, and what is lost meanwhile is counted at once', async () => {
    const folder = scratch();
    const [a, b] = [join(folder, 'a.wav'), join(folder, 'b.wav')];
    const recorder = await Recorder.open({ alice: a, bob: b }, { sampleRate: RATE, saveMs: 100 });
    const [alice, bob] = [new AudioStream({ sampleRate: RATE }), new AudioStream({ sampleRate: RATE })];
    recorder.record('alice', alice);
    recorder.record('bob', bob);
    const disk = await holdWrites(isTo(a));
    alice.write(new Int16Array(6000 * MS).fill(1));
    await until(() => disk.held > 0 && alice.stats().bufferedMs < 2000, 'the writer is full');
    const lost = () => recorder.stats().channels['alice']!.lostMs;
    expect(lost()).toBe(0);
    alice.write(new Int16Array(12_000 * MS).fill(1));
    expect(lost()).toBeGreaterThan(2000);
    bob.write(counting(1, 200 * MS));
    await until(() => sound(wav(b).channel(0)).samples.length === 200 * MS, 'the other file can be played');
    bob.write(counting(3000, 200 * MS));
    const closed = recorder.close();
    await until(() => sound(wav(b).channel(0)).samples.at(-1) === 2999 + 200 * MS, 'it has its end');
    disk.release();
    await closed;
    expect(wav(a).length).toBe(wav(b).length);
    const { recordedMs, lostMs } = recorder.stats().channels['alice']!;
    expect(recordedMs + lostMs).toBe(18_000);
  });

  it('a file that fails is told of while another one hangs', async () => {
    const folder = scratch();
    const [a, b] = [join(folder, 'a.wav'), join(folder, 'b.wav')];
    const recorder = await Recorder.open({ alice: a, bob: b }, { sampleRate: RATE });
    const [alice, bob] = [new AudioStream({ sampleRate: RATE }), new AudioStream({ sampleRate: RATE })];
    recorder.record('alice', alice);
    recorder.record('bob', bob);
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const [isAlices, isBobs] = [isTo(a), isTo(b)];
    await useDisk((write) => (isAlices(write) ? released : isBobs(write) ? full() : undefined));
    for (const stream of [alice, bob]) stream.write(new Int16Array(6000 * MS).fill(1));
    expect(await recorder.failed).toEqual(failure('WRITE_FAILED', b));
    release();
    await expect(recorder.close()).rejects.toEqual(failure('WRITE_FAILED', b));
    expect([alice.locked, bob.locked]).toEqual([false, false]);
  });

  it('reads no further while the disk does not write', async () => {
    const { recorder } = await open();
    const disk = await holdWrites(({ position }) => position >= 44);
    const caller = new AudioStream({ sampleRate: RATE, bufferMs: 10_000 });
    recorder.record('caller', caller);
    caller.write(new Int16Array(6000 * MS).fill(1));
    // Two blocks, a window and what is pending; the rest waits natively.
    await until(() => disk.held > 0, 'the disk is asked');
    for (let n = 0; n < 50; n++) await turn();
    expect(caller.stats().bufferedMs).toBeGreaterThan(1000);
    disk.release();
    await until(() => recorded(recorder, 'caller') === 6000, 'all is recorded');
    await recorder.close();
  });
});

describe('Recorder: what goes wrong', () => {
  it('can be played after a crash: the header is brought up to date', async () => {
    const { recorder, path } = await open({ saveMs: 100 });
    const caller = new AudioStream({ sampleRate: RATE });
    recorder.record('caller', caller);
    const write = setInterval(() => caller.write(new Int16Array(1000 * MS).fill(5)), 10);
    onTestFinished(() => clearInterval(write));
    await until(() => existsSync(path) && wav(path).length > RATE, 'what was written can be played');
    expect(sound(wav(path).channel(0)).samples.every((sample) => sample === 5)).toBe(true);
  });

  it('a full disk ends it with WRITE_FAILED, and leaves what was written playable', async () => {
    const { recorder, path } = await open();
    let written = 0;
    await useDisk(({ length, position }) => (position >= 44 && (written += length) > 40_000 ? full() : undefined));
    const caller = new AudioStream({ sampleRate: RATE, bufferMs: 60_000 });
    recorder.record('caller', caller);
    caller.write(new Int16Array(4000 * MS).fill(3));
    expect(await recorder.failed).toEqual(failure('WRITE_FAILED', `can't write ${path}: no space left on device`));
    expect(() => recorder.record('agent', caller)).toThrow(failure('CLOSED'));
    await expect(recorder.close()).rejects.toEqual(failure('WRITE_FAILED'));
    await expect(recorder.close()).rejects.toEqual(failure('WRITE_FAILED'));
    expect([caller.locked, recorder.stats().channels['caller']!.state]).toEqual([false, 'ended']);
    const { length, bytes } = wav(path);
    expect(length).toBeGreaterThan(0);
    expect(bytes).toBeGreaterThanOrEqual(44 + length * 4);
  });

  it.skipIf(process.platform === 'win32')('a folder that is removed ends it with WRITE_FAILED', async () => {
    const { recorder, path, folder } = await open({ saveMs: 100 });
    rmSync(folder, { recursive: true });
    expect(await recorder.failed).toEqual(failure('WRITE_FAILED', `can't write ${path}: it was removed`));
    await expect(recorder.close()).rejects.toEqual(failure('WRITE_FAILED', 'it was removed'));
  });

  it('a file that is there is kept, unless it may be replaced', async () => {
    const path = join(scratch(), 'a.wav');
    writeFileSync(path, 'old');
    await expect(Recorder.open(path)).rejects.toEqual(failure('WRITE_FAILED', 'file already exists'));
    expect(readFileSync(path, 'utf8')).toBe('old');
    await (await Recorder.open(path, { replace: true, sampleRate: RATE })).close();
    expect(wav(path).channels).toBe(2);
  });

  it('a folder that is missing, or is no folder, is told of', async () => {
    const folder = scratch();
    await expect(Recorder.open(join(folder, 'none', 'a.wav'))).rejects.toEqual(failure('WRITE_FAILED'));
    mkdirSync(join(folder, 'b.wav'));
    await expect(Recorder.open({ a: join(folder, 'a.wav'), b: join(folder, 'b.wav') })).rejects.toEqual(
      failure('WRITE_FAILED', 'b.wav'),
    );
    // Nothing is left of the attempt, so the next one is not refused for it.
    rmSync(join(folder, 'b.wav'), { recursive: true });
    await (await Recorder.open({ a: join(folder, 'a.wav'), b: join(folder, 'b.wav') })).close();
  });

  it('a disk without room for a header is left without a file', async () => {
    const path = join(scratch(), 'a.wav');
    await useDisk(() => full());
    await expect(Recorder.open(path)).rejects.toEqual(failure('WRITE_FAILED', 'no space left on device'));
    expect(existsSync(path)).toBe(false);
  });

  it('a file that another channel is recorded in is refused, and goes on', async () => {
    const folder = scratch();
    const [a, b] = [join(folder, 'a.wav'), join(folder, 'b.wav')];
    const same = 'a file that no other channel is recorded in';
    await expect(Recorder.open({ a, b: a }, { replace: true })).rejects.toEqual(failure('INVALID_ARGUMENT', same));
    const recorder = await Recorder.open({ a }, { replace: true, sampleRate: RATE });
    const alice = new AudioStream({ sampleRate: RATE });
    recorder.record('a', alice);
    linkSync(a, b);
    await expect(recorder.add('b', b)).rejects.toEqual(failure('INVALID_ARGUMENT', same));
    alice.write(counting(1, 20 * MS));
    alice.close();
    await until(() => recorded(recorder, 'a') === 20, 'it is recorded');
    await recorder.close();
    expect(sound(wav(a).channel(0)).samples).toEqual(counting(1, 20 * MS));
  });

  it.skipIf(process.platform === 'win32')('failed tells of what close() fails with', async () => {
    const { recorder, folder } = await open();
    rmSync(folder, { recursive: true });
    await expect(recorder.close()).rejects.toEqual(failure('WRITE_FAILED', 'it was removed'));
    expect(await recorder.failed).toEqual(failure('WRITE_FAILED', 'it was removed'));
  });

  it('a file that was made while the recording ended is removed', async () => {
    const { recorder, folder } = await open();
    const added = recorder.add('late', join(folder, 'late.wav'));
    await Promise.all([expect(added).rejects.toEqual(failure('CLOSED')), recorder.close()]);
    expect(existsSync(join(folder, 'late.wav'))).toBe(false);
  });

  it('a source that throws, or gives no audio, ends with a warning, and the others go on', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const { recorder, path } = await open();
    const throwing = async function* () {
      yield new AudioFrame(counting(1, 10 * MS), RATE, 1, 10 * MS);
      throw new Error('gone wrong');
    };
    recorder.record('caller', throwing());
    recorder.record('agent', frames(any('noise')));
    await until(() => recorder.stats().channels['agent']?.state === 'ended', 'the agent has ended');
    await until(() => recorded(recorder, 'caller') === 10, 'what the caller said is recorded');
    await recorder.close();
    expect(sound(wav(path).channel(0)).samples).toEqual(counting(1, 10 * MS));
    expect(warn.mock.calls.map(([text]) => String(text)).toSorted()).toEqual([
      expect.stringContaining('gone wrong'),
      expect.stringContaining('pcm is "noise"'),
    ]);
  });

  it('refuses what is no source, is read or recorded already, and what comes after the end', async () => {
    const { recorder } = await open();
    const track = new AudioStreamTrack({ sampleRate: RATE });
    recorder.record('agent', track);
    expect(() => recorder.record('caller', track)).toThrow(failure('LOCKED'));
    const read = new AudioStream();
    const lock = read.getReader();
    expect(() => recorder.record('caller', read)).toThrow(failure('LOCKED'));
    lock.releaseLock();
    const slow = new AudioStream({ sampleRate: 20, frameSizeMs: 1000 });
    expect(() => recorder.record('caller', slow)).toThrow(failure('INVALID_ARGUMENT', '20 Hz'));
    slow.write(new Int16Array(20));
    expect(slow.tryRead()?.samplesPerChannel).toBe(20);
    for (const wrong of [undefined, null, 1, {}, [1]]) {
      expect(() => recorder.record('caller', any(wrong))).toThrow(failure('INVALID_ARGUMENT', 'source is'));
    }
    expect(() => recorder.record('nobody', read)).toThrow(failure('INVALID_ARGUMENT', 'one of caller, agent'));
    const empty = await Recorder.open({});
    expect(() => empty.record('caller', read)).toThrow(failure('INVALID_ARGUMENT', 'none was so far'));
    await empty.close();
    track.stop();
    expect(() => recorder.record('caller', track)).toThrow(failure('CLOSED'));
    const end = recorder.close();
    expect(recorder.close()).toBe(end);
    await end;
    expect(() => recorder.record('caller', read)).toThrow(failure('CLOSED'));
    const other = new AudioStreamTrack({ sampleRate: RATE });
    const next = await open();
    next.recorder.record('agent', other);
    await next.recorder.close();
    // It is free again.
    (await open()).recorder.record('agent', other);
  });

  it.each<[string, unknown, object]>([
    ['files', '', {}],
    ['files', null, {}],
    ['files', undefined, {}],
    ['files', ['a.wav'], {}],
    ['files', new Map([['a', 'a.wav']]), {}],
    ['options', 'a.wav', new Map()],
    ['files', { a: 1 }, {}],
    ['format', 'a.wav', { format: 'mp3' }],
    ['sampleRate', 'a.wav', { sampleRate: 0 }],
    ['bufferMs', 'a.wav', { bufferMs: 10 }],
    ['saveMs', 'a.wav', { saveMs: 0 }],
    ['replace', 'a.wav', { replace: 1 }],
    ['options.samplerate', 'a.wav', { samplerate: 8000 }],
  ])('%s that is wrong is refused: %o, %o', async (what, files, options) => {
    await expect(Recorder.open(any(files), options)).rejects.toEqual(failure('INVALID_ARGUMENT', what));
  });
});
