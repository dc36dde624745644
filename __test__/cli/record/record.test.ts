import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { Failure } from '../../../src/cli/shared/failure.js';
import { recordRoom, type RecordOptions } from '../../../src/cli/record/record.js';
import type { RecordFigures } from '../../../src/cli/record/result.js';
import { RoomRecorder } from '../../../src/cli/record/room-recorder.js';
import { Screen } from '../../../src/cli/shared/screen.js';
import { readRecording } from '../../../src/cli/shared/wav-reader.js';
import { Recorder } from '../../../src/index.js';
import { noSignals } from '../../support/platform.js';
import { narrowcast, scratch } from '../command.js';
import { full, holdWrites, useDisk } from '../shared/disk.js';
import { FakeRoom, FakeVoice } from './fake-room.js';
import { until } from '../../support/wait.mjs';

// A recording begins with a look at what an idle thread takes, and a process takes its time to start.

afterEach(() => void vi.restoreAllMocks());

const RATE = 8000;
const FRAME = RATE / 100;

/** A frame of 10 ms, all of it `value`. */
const frame = (value: number) => new Int16Array(FRAME).fill(value);

/** A recording of a fake room, under way. */
async function begin(change: Partial<RecordOptions> = {}) {
  const folder = scratch();
  const out = change.out ?? join(folder, 'out');
  const room = new FakeRoom();
  let printed = '';
  const screen = new Screen({ write: (text) => (printed += text) });
  const options = { sampleRate: RATE, json: join(folder, 'out.json'), ...change, out };
  const status = recordRoom(options, () => room, screen);
  status.catch(() => {});
  await Promise.race([room.listening, status]);
  return {
    room,
    out,
    status,
    printed: () => printed.replace(/\s+/g, ' '),
    /** The samples that are no silence, in the file of this name. */
    sounds: async (name: string) =>
      (await readRecording(join(out, `${name}.wav`), RATE)).filter((value) => value !== 0),
    figures: () => JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as RecordFigures,
  };
}

const over = { why: 'all have left', regular: true };

/** As many samples as frames were said, one after the other. */
const said = (...values: number[]) => Int16Array.from(values.flatMap((value) => Array.from(frame(value))));

test('a participant who publishes again, or comes back, goes on in the same file', async () => {
  const { room, status, sounds, out, printed, figures } = await begin();
  const first = room.speak('alice');
  first.say(frame(1));
  first.say(frame(2));
  first.stop();
  const second = room.speak('alice');
  second.say(frame(3));
  await until(() => second.read === 1, 'it is read');
  second.stop();
  room.end(over);

  expect(await status).toBe(0);
  expect(await sounds('alice')).toEqual(said(1, 2, 3));
  expect(readdirSync(out).toSorted()).toEqual(['alice.wav', 'report.html']);
  expect(printed()).toContain('until all have left: 1 participant, 3 frames, 0 dropped, the files are in');
  expect(figures().recording).toMatchObject({ room: 'fake', sampleRate: RATE, end: 'all have left' });
  expect(figures().result.voices).toMatchObject([{ identity: 'alice', source: 'voice', framesReceived: 3 }]);
  expect(room.left).toBe(1);
});

test('a stream that ends by itself frees its file, too', async () => {
  const { room, status, sounds } = await begin();
  const first = room.speak('alice');
  first.say(frame(1));
  first.close();
  await until(() => first.read === 1, 'it is read');
  await new Promise((resolve) => setImmediate(resolve));
  const second = room.speak('alice');
  second.say(frame(2));
  await until(() => second.read === 1, 'it is read');
  room.end(over);

  expect(await status).toBe(0);
  expect(await sounds('alice')).toEqual(said(1, 2));
});

test('two tracks at a time, and shared screens, have files of their own', async () => {
  const { room, status, sounds, out } = await begin({ report: false });
  room.speak('alice').say(frame(1));
  room.speak('alice').say(frame(2));
  room.speak('alice', true).say(frame(3));
  room.speak('alice-2').say(frame(4));
  room.speak('ALICE').say(frame(5));
  // No voice goes on in the file of a screen, nor the other way round.
  const voice = room.speak('dave');
  voice.say(frame(6));
  voice.stop();
  room.speak('dave', true).say(frame(7));
  room.end(over);

  expect(await status).toBe(0);
  expect(readdirSync(out).toSorted()).toEqual([
    'ALICE-3.wav',
    'alice-2-2.wav',
    'alice-2.wav',
    'alice.screen.wav',
    'alice.wav',
    'dave.screen.wav',
    'dave.wav',
  ]);
  const names = ['alice', 'alice-2', 'alice.screen', 'alice-2-2', 'ALICE-3', 'dave', 'dave.screen'];
  for (const [at, name] of names.entries()) {
    expect(await sounds(name)).toEqual(said(at + 1));
  }
});

test('nothing that is in the folder is replaced, and no identity leads out of it', async () => {
  const folder = scratch();
  const out = join(folder, 'out');
  mkdirSync(out);
  writeFileSync(join(out, 'alice.wav'), 'of yesterday');
  const { room, status, sounds } = await begin({ out, report: false });
  room.speak('alice').say(frame(1));
  room.speak('../alice').say(frame(2));
  room.end(over);

  expect(await status).toBe(0);
  expect(readFileSync(join(out, 'alice.wav'), 'utf8')).toBe('of yesterday');
  expect(readdirSync(out).toSorted()).toEqual(['__alice.wav', 'alice-2.wav', 'alice.wav'].toSorted());
  expect(readdirSync(folder)).toEqual(['out']);
  expect((await readRecording(join(out, 'alice-2.wav'), RATE)).includes(1)).toBe(true);
  expect(await sounds('__alice')).toEqual(said(2));
});

test('all files are as long as the recording, wherever their participants were heard in it', async () => {
  const { room, status, out, figures } = await begin();
  const early = room.speak('early');
  early.say(frame(1));
  await until(() => early.read === 1, 'it is read');
  early.stop();
  const started = performance.now();
  // Less than a frame may be late that is not the first of its stream.
  await until(() => performance.now() - started > 150, 'time passes');
  const late = room.speak('late');
  late.say(frame(2));
  await until(() => late.read === 1, 'it is read');
  // More than fits: the engine catches up, and what waits when it is over is recorded.
  for (let frames = 1; frames < 50; frames++) late.say(frame(2));
  room.end(over);
  expect(await status).toBe(0);

  const [one, other] = await Promise.all(
    ['early', 'late'].map((name) => readRecording(join(out, `${name}.wav`), RATE)),
  );
  const { seconds } = figures().recording;
  expect(one!.length).toBe(Math.round(seconds * RATE));
  expect(other!.length).toBe(one!.length);
  // Nothing of it is cut off.
  expect(other!.filter((value) => value === 2)).toHaveLength(50 * FRAME);
  expect(other!.indexOf(2) - one!.indexOf(1)).toBeGreaterThanOrEqual(0.15 * RATE - FRAME);
  const [first, second] = figures().result.voices;
  expect(first!.begin).toBeCloseTo(one!.indexOf(1) / RATE, 5);
  expect(second!.begin).toBeCloseTo(other!.indexOf(2) / RATE, 5);
  expect(second!.heard).toBe(0.5);
});

test('what waited before it could be read is where it was heard, and not where it was read', async () => {
  const { room, status, figures } = await begin();
  const started = performance.now();
  await until(() => performance.now() - started > 100, 'time passes');
  // It is read at once, and all of it together.
  const voice = room.speak('alice');
  for (let frames = 0; frames < 500; frames++) voice.say(frame(1));
  room.end(over);

  expect(await status).toBe(0);
  expect(figures().result.voices[0]!.begin).toBe(0);
});

test('while a file is gone on with, another voice of the same participant has one of its own', async () => {
  const { room, status, sounds } = await begin({ report: false });
  const first = room.speak('alice');
  first.say(frame(1));
  first.stop();
  const second = room.speak('alice');
  second.say(frame(2));
  await until(() => second.read === 1, 'the first is at its end');
  room.speak('alice').say(frame(3));
  second.say(frame(4));
  room.end(over);

  expect(await status).toBe(0);
  expect(await sounds('alice')).toEqual(said(1, 2, 4));
  expect(await sounds('alice-2')).toEqual(said(3));
});

test('what was lost is counted, told, and gives status 1', async () => {
  const { room, status, printed, figures } = await begin();
  const voice = room.speak('alice');
  voice.say(frame(1));
  await until(() => voice.read === 1, 'it is read');
  voice.lose(7);
  voice.stop();
  room.speak('alice').lose(5);
  room.end(over);

  expect(await status).toBe(1);
  expect(printed()).toContain('12 dropped');
  expect(figures().result.voices[0]!.framesDropped).toBe(12);
});

test('a room in which no participant was heard is no failure', async () => {
  const { room, status, printed } = await begin();
  room.end(over);

  expect(await status).toBe(0);
  expect(printed()).toContain('no participant was heard, so there is no file');
});

test('the time that was asked for ends it', async () => {
  const { room, status, printed } = await begin({ seconds: 0.1 });
  const voice = room.speak('alice');
  voice.say(frame(1));

  expect(await status).toBe(0);
  expect(printed()).toContain('until the time is up: 1 participant');
  expect(voice.closed).toBe(true);
});

test('it ends before a file is longer than a WAV file can be', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    // 46 minutes and a half: half a minute is kept for what is late.
    const { status, printed } = await begin({ sampleRate: 768_000, seconds: 3600 });
    await vi.advanceTimersByTimeAsync(2_800_000);

    expect(await status).toBe(0);
    expect(printed()).toContain('until a WAV file can not be longer');
  } finally {
    vi.useRealTimers();
  }
});

test('Ctrl-C ends it, with complete files and its own status', async () => {
  const { room, status, sounds, printed } = await begin();
  room.speak('alice').say(frame(1));
  process.emit('SIGINT', 'SIGINT');

  expect(await status).toBe(130);
  expect(await sounds('alice')).toEqual(said(1));
  expect(printed()).toContain('until it was interrupted');
});

test('a room that is lost fails it, after everything was written', async () => {
  const { room, status, sounds, out, figures } = await begin();
  room.speak('alice').say(frame(1));
  room.end({ why: 'the server shut down', regular: false });

  await expect(status).rejects.toEqual(new Failure(`the server shut down; what was heard until then is in ${out}`));
  expect(await sounds('alice')).toEqual(said(1));
  expect(figures().recording.end).toBe('the server shut down');
  expect(readdirSync(out)).toContain('report.html');
});

test('an engine that breaks fails it, with complete files and nothing left open', async () => {
  const { room, status, sounds } = await begin();
  const voice = room.speak('alice');
  voice.say(frame(1));
  await until(() => voice.read === 1, 'it is read');
  room.break(new Error('the engine broke'));

  await expect(status).rejects.toThrow('the engine broke');
  expect(await sounds('alice')).toEqual(said(1));
  expect(room.left).toBe(1);
});

test('an engine that breaks while what waits is recorded fails it, and what was heard is in the file', async () => {
  const { room, status, sounds } = await begin();
  const voice = room.speak('alice');
  let closing = false;
  voice.close = () => void (closing = true);
  voice.say(frame(1));
  room.end(over);
  await until(() => closing, 'it is at its end');
  room.break(new Error('the engine broke'));
  await new Promise((resolve) => setImmediate(resolve));
  // Each write is late: whatever else is done to the file comes in between.
  await useDisk(() => new Promise((resolve) => setImmediate(resolve)));
  FakeVoice.prototype.close.call(voice);

  await expect(status).rejects.toThrow('the engine broke');
  vi.restoreAllMocks();
  expect(await sounds('alice')).toEqual(said(1));
});

test('a room that refuses fails it, is left, and no folder stays that was made for it', async () => {
  const room = new FakeRoom();
  room.joined = () => Promise.reject(new Failure('refused'));
  const folder = scratch();
  const refused = (...path: string[]) =>
    recordRoom({ sampleRate: RATE, out: join(folder, ...path) }, () => room, new Screen({ write: () => {} }));

  await expect(refused('one', 'two', 'three')).rejects.toThrow('refused');
  expect(room.left).toBe(1);
  expect(readdirSync(folder)).toEqual([]);

  mkdirSync(join(folder, 'one'));
  await expect(refused('one', 'two')).rejects.toThrow('refused');
  await expect(refused('one')).rejects.toThrow('refused');
  expect(readdirSync(folder)).toEqual(['one']);
});

test('a disk that is full in the middle fails it, and the other files are complete', async () => {
  const { room, status, out, sounds } = await begin();
  room.speak('alice').say(frame(1));
  const loud = room.speak('bob');
  // For whole blocks only, which the other file has none of.
  await useDisk(({ length }) => (length < 32_768 ? undefined : full()));
  // Two blocks and a frame: what is appended after the one that failed is refused.
  for (let samples = 0; samples <= 2 * 16_384; samples += FRAME) loud.say(frame(2));

  await expect(status).rejects.toThrow(/^can't write .*bob\.wav: no space left on device$/);
  expect(room.left).toBe(1);
  expect(await sounds('alice')).toEqual(said(1));
  const bytes = readFileSync(join(out, 'bob.wav'));
  expect(bytes.readUInt32LE(40)).toBe(bytes.length - 44);
});

test('what was recorded by now can be played, whatever becomes of the process', async () => {
  const out = scratch();
  const recorder = await RoomRecorder.open(out, RATE);
  const voice = new FakeVoice('alice');
  recorder.record(voice);
  for (let samples = 0; samples < 2 * 16_384; samples += FRAME) voice.say(frame(1));
  const path = join(out, 'alice.wav');
  const written = () => existsSync(path) && statSync(path).size > 32_768;
  await until(written, 'a block is on the disk');
  expect(readFileSync(path).readUInt32LE(40)).toBe(0);
  await recorder.save();
  const bytes = readFileSync(path);
  expect(bytes.readUInt32LE(40)).toBeGreaterThanOrEqual(32_768);
  expect(bytes.readUInt32LE(40)).toBeLessThanOrEqual(bytes.length - 44);
  expect(bytes.readUInt32LE(4)).toBe(bytes.readUInt32LE(40) + 36);
  await recorder.finish();
});

test('the files are brought up to date every 10 s, until it is over', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const save = vi.spyOn(Recorder.prototype, 'save');
    const recorder = await RoomRecorder.open(scratch(), RATE);
    vi.advanceTimersByTime(9_999);
    expect(save).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(10_001);
    expect(save).toHaveBeenCalledTimes(2);
    await recorder.finish();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('while the disk is behind, no more is read, and then nothing is missing', async () => {
  const blocks = await holdWrites(({ length }) => length === 32_768);
  const out = scratch();
  const recorder = await RoomRecorder.open(out, RATE);
  const voice = new FakeVoice('alice');
  recorder.record(voice);
  const values = Array.from({ length: 1024 }, (_, at) => at + 1); // 5 blocks
  for (const value of values) voice.say(frame(value));
  await until(() => blocks.held > 0, 'a block is on its way');
  // Everything that can be read without the disk is read by then.
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(voice.read * FRAME).toBeLessThan(3 * 16_384);
  blocks.release();
  await recorder.finish();

  expect((await readRecording(join(out, 'alice.wav'), RATE)).filter((value) => value !== 0)).toEqual(said(...values));
});

test('what is said when it is over is not recorded', async () => {
  const out = scratch();
  const recorder = await RoomRecorder.open(out, RATE);
  await recorder.finish();
  const voice = new FakeVoice('late');
  recorder.record(voice);

  expect(voice.closed).toBe(true);
  expect(recorder.heard()).toEqual([]);
  expect(readdirSync(out)).toEqual([]);
});

test('the table tells who is muted, who is gone, and whose screen it is, and obeys no control characters', async () => {
  const recorder = await RoomRecorder.open(scratch(), RATE);
  const muted = new FakeVoice('muted');
  muted.silent = true;
  const gone = new FakeVoice('gone');
  for (const voice of [muted, gone, new FakeVoice('alice', true), new FakeVoice('\u001b[31m\n' + 'x'.repeat(100))]) {
    recorder.record(voice);
  }
  gone.stop();

  expect(recorder.heard().map(({ identity, state }) => [identity, state])).toEqual([
    ['muted', 'muted'],
    ['gone', 'gone'],
    ['alice (screen)', undefined],
    [`�[31m�${'x'.repeat(23)}…`, undefined],
  ]);
  await recorder.finish();
});

test.each([
  { flags: [], says: /^narrowcast: --url is missing[^\n]*\n$/ },
  { flags: ['--url', 'x', '--token', 't'], says: /must begin with wss:\/\/ or ws:\/\// },
  { flags: ['--url', 'ws://x', '--token', 't', '--rate', '11025'], says: /--rate 11025 must be a multiple of 100\n$/ },
  { flags: ['--url', 'ws://x', '--token', 't', '--seconds', '0'], says: /argument '0' is invalid/ },
])('$flags are refused with one line and status 2', async ({ flags, says }) => {
  const folder = scratch();
  const { status, stdout, stderr } = await narrowcast(['record', ...flags], { cwd: folder, env: nothing });

  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^narrowcast: [^\n]+\n$/);
  expect(stdout).toBe('');
  expect(status).toBe(2);
  expect(readdirSync(folder)).toEqual([]);
});

/** The environment of the machine that the tests run on is none of their business. */
const nothing = { LIVEKIT_URL: '', LIVEKIT_TOKEN: '', LIVEKIT_API_KEY: '', LIVEKIT_API_SECRET: '' };

test('a server that is not there is told in one line, with status 1', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  const { status, stdout, stderr } = await narrowcast(['record', '--url', url, '--token', 'a-token'], { env: nothing });

  expect(stderr).toMatch(/^narrowcast: can't join a room at ws:[^\n]+\n$/);
  expect(stderr).not.toContain('a-token');
  expect(stdout).toBe('');
  expect(status).toBe(1);
});

test.skipIf(noSignals)('Ctrl-C ends it while a server does not answer', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { spawn } = await import('node:child_process');
  const { root } = await import('../command.js');
  const program = join(root, 'dist', 'cli', 'main.cjs');
  const child = spawn(process.execPath, [program, 'record', '--url', url, '--token', 'a-token'], {
    cwd: scratch(),
    stdio: 'ignore',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  server.once('connection', () => child.kill('SIGINT'));
  const ended = await new Promise((resolve) => child.on('close', (status, signal) => resolve({ status, signal })));
  server.close();

  expect(ended).toEqual({ status: 130, signal: null });
});

test.each([
  { name: 'a folder that is a file', flags: ['--out', 'taken'], says: "can't make the folder taken: " },
  {
    name: 'figures in a folder that is missing',
    flags: ['--json', 'missing/a.json'],
    says: "can't write missing/a.json",
  },
])('$name fails with one line and status 1, before the room is entered', async ({ flags, says }) => {
  const folder = scratch();
  writeFileSync(join(folder, 'taken'), 'not audio');
  const args = ['record', '--url', 'ws://127.0.0.1:9', '--token', 't', '--out', 'out', ...flags];
  const { status, stderr } = await narrowcast(args, { cwd: folder, env: nothing });

  expect(stderr).toContain(says);
  expect(stderr).toMatch(/^narrowcast: [^\n]+\n$/);
  expect(status).toBe(1);
});
