import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { expect, inject, test, vi } from 'vitest';
import type { Room } from '@livekit/rtc-node';
import { LiveKitRoom } from '../../src/cli/record/livekit-room.js';
import type { RecordFigures } from '../../src/cli/record/result.js';
import type { Voice } from '../../src/cli/record/room.js';
import { loadBindings } from '../../src/livekit/bindings.js';
import { narrowcast, scratch, type Ended } from '../cli/command.js';
import { publish, roomName, token, toneShare } from '../support/room.js';
import { until } from '../support/wait.mjs';

// Several processes start, one after the other, and what they do is waited for.
vi.setConfig({ testTimeout: 240_000 });

const RATE = 16_000;
const { url, apiKey, apiSecret } = inject('livekit');
const api = new RoomServiceClient(url.replace('ws', 'http'), apiKey, apiSecret);
/** Nothing of the machine that the tests run on. */
const env = { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret, LIVEKIT_TOKEN: '' };

/** A recorder at work. */
interface Recorder {
  /** Its folder. */
  readonly folder: string;
  /** When the test knew that it had begun, in ms. */
  readonly begun: number;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts to record; resolves when it is in the room. */
async function record(...args: string[]): Promise<Recorder> {
  const folder = scratch();
  let kill: ((signal: NodeJS.Signals) => void) | undefined;
  let running: ((recorder: Recorder) => void) | undefined;
  const started = new Promise<Recorder>((resolve) => (running = resolve));
  const ended = narrowcast(['record', '--rate', String(RATE), '--out', 'out', '--json', 'out.json', ...args], {
    cwd: folder,
    env,
    limitMs: 200_000,
    onOutput: (stdout, send) => {
      kill = send;
      if (!stdout.startsWith('Recording ')) return;
      running?.({ folder, begun: performance.now(), ended, kill: (signal) => kill!(signal) });
      running = undefined;
    },
  });
  const early = ended.then((how) => Promise.reject(new Error(`it ended: ${JSON.stringify(how)}`)));
  early.catch(() => {});
  return Promise.race([started, early]);
}

/** What is in a recording by now, whether or not it is complete. */
function pcmOf({ folder }: Recorder, name: string): Int16Array {
  const path = join(folder, 'out', `${name}.wav`);
  if (!existsSync(path)) return new Int16Array(0);
  const bytes = readFileSync(path);
  const samples = Math.max(0, (bytes.length - 44) >> 1);
  return new Int16Array(new Uint8Array(bytes.subarray(44, 44 + samples * 2)).buffer);
}

/** Waits until the last fifth of a second in the file is the tone, or silence. */
function hears(recorder: Recorder, name: string, hz: number | 'silence'): Promise<void> {
  const what = `${name} is recorded with ${hz}`;
  return until(() => kindOf(pcmOf(recorder, name).slice(-RATE / 5)) === hz, what, 60_000);
}

const TONES = [440, 600, 1000, 1500];

/** What of it there is to hear; undefined if it is a bit of several. */
function kindOf(samples: Int16Array): number | 'silence' | undefined {
  if (samples.length === 0) return undefined;
  if (samples.every((sample) => Math.abs(sample) < 50)) return 'silence';
  return TONES.find((hz) => toneShare(samples, hz, RATE) > 0.9);
}

/** What there is to hear in each tenth of a second. */
function kindsOf(pcm: Int16Array): (number | 'silence' | undefined)[] {
  const tenth = RATE / 10;
  return Array.from({ length: Math.floor(pcm.length / tenth) }, (_, at) =>
    kindOf(pcm.slice(at * tenth, (at + 1) * tenth)),
  );
}

const figuresOf = ({ folder }: Recorder) => JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as RecordFigures;

/** The header names all samples of a file, and they are as many as in the others. */
function expectComplete(recorder: Recorder, names: readonly string[]): void {
  const { seconds } = figuresOf(recorder).recording;
  for (const name of names) {
    const bytes = readFileSync(join(recorder.folder, 'out', `${name}.wav`));
    expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
    expect(bytes.readUInt32LE(40)).toBe(bytes.length - 44);
    expect(bytes.readUInt32LE(24)).toBe(RATE);
    expect((bytes.length - 44) / 2).toBe(Math.round(seconds * RATE));
  }
}

test('a participant who joins, mutes, publishes again and leaves is in one file, at the time when it was', async () => {
  const name = roomName();
  const steady = await publish(name, 'steady', 440);
  const spawned = performance.now();
  const recorder = await record('--room', name, '--identity', 'tape');
  await hears(recorder, 'steady', 440);

  const joining = performance.now();
  const guest = await publish(name, 'a/guest', 600);
  await hears(recorder, 'a_guest', 600);
  const heard = performance.now();
  await guest.mute(true);
  await hears(recorder, 'a_guest', 'silence');
  await guest.mute(false);
  await hears(recorder, 'a_guest', 600);
  await guest.unpublish();
  // Another rate, and another number of channels.
  await guest.publish({ hz: 1000, sampleRate: 24_000, channels: 2 });
  await hears(recorder, 'a_guest', 1000);
  await guest.leave();
  const again = await publish(name, 'a/guest', 1500);
  await hears(recorder, 'a_guest', 1500);
  expect((await api.listParticipants(name)).map(({ identity }) => identity).toSorted()).toEqual([
    'a/guest',
    'steady',
    'tape',
  ]);
  recorder.kill('SIGINT');
  const { status, stdout, stderr } = await recorder.ended;
  await Promise.all([steady.leave(), again.leave()]);

  expect(stderr).toBe('');
  expect(status).toBe(130);
  expect(stdout).toContain('2 participants');
  expect(stdout).toContain(' 0 dropped');
  expect(readdirSync(join(recorder.folder, 'out')).toSorted()).toEqual(['a_guest.wav', 'report.html', 'steady.wav']);
  expectComplete(recorder, ['a_guest', 'steady']);
  expect(figuresOf(recorder).result.voices).toMatchObject([
    { identity: 'steady', framesDropped: 0 },
    { identity: 'a/guest', framesDropped: 0 },
  ]);

  const kinds = kindsOf(pcmOf(recorder, 'a_guest'));
  const tones = kinds.filter((kind) => typeof kind === 'number');
  expect(tones.filter((hz, at) => hz !== tones[at - 1])).toEqual([600, 1000, 1500]);
  // Muted, and publishing again.
  const [first, second, third] = [600, 1000, 1500].map((hz) => kinds.indexOf(hz)) as [number, number, number];
  expect(kinds.slice(first, second)).toContain('silence');
  expect(kinds.slice(second, third)).toContain('silence');
  // It began in the file when it began in the room: not before it came, not after it was heard. In s, and rough, for the
  // windows are.
  expect(first / 10).toBeGreaterThan((joining - recorder.begun) / 1000 - 0.5);
  expect(first / 10).toBeLessThan((heard - spawned) / 1000 + 0.5);
  expect(kinds.slice(0, first).filter((kind) => kind !== undefined && kind !== 'silence')).toEqual([]);
  expect(kindsOf(pcmOf(recorder, 'steady')).filter((kind) => typeof kind === 'number' && kind !== 440)).toEqual([]);
});

test.each([
  {
    name: 'a room that is deleted ends the recording, with status 0',
    end: (room: string) => api.deleteRoom(room),
    status: 0,
    says: /^$/,
    why: 'the room was deleted',
  },
  {
    name: 'a recorder that is removed from the room says so, with status 1',
    end: (room: string) => api.removeParticipant(room, 'tape'),
    status: 1,
    says: /^narrowcast: the recorder was removed from the room; what was heard until then is in out\n$/,
    why: 'the recorder was removed from the room',
  },
])('$name, and complete files', async ({ end, status, says, why }) => {
  const name = roomName();
  const recorder = await record('--token', await token(name, 'tape'), '--no-report');
  const guest = await publish(name, 'guest', 440);
  await hears(recorder, 'guest', 440);
  await end(name);
  const ended = await recorder.ended;
  guest.kill();

  expect(ended.stderr).toMatch(says);
  expect(ended.status).toBe(status);
  expect(ended.stdout.replace(/\s+/g, ' ')).toContain(`until ${why}: 1 participant`);
  expect(figuresOf(recorder).recording).toMatchObject({ room: name, sampleRate: RATE, end: why });
  expectComplete(recorder, ['guest']);
  expect(existsSync(join(recorder.folder, 'out', 'report.html'))).toBe(false);
});

test('a voice says what it is, what waits of it, what was lost, and when it is over', async () => {
  const name = roomName();
  const guest = await publish(name, 'guest', 440);
  const room = new LiveKitRoom({ url, token: await token(name, 'tape') }, RATE);
  const voices: Voice[] = [];
  try {
    await room.join();
    expect(room.name).toBe(name);
    room.listen((voice) => voices.push(voice));
    await until(() => voices.length === 1, 'its voice is there', 60_000);
    await guest.publish({ hz: 600, sampleRate: 48_000, screen: true });
    await until(() => voices.length === 2, 'its screen is there', 60_000);
    expect(voices.map(({ identity, screen }) => [identity, screen])).toEqual([
      ['guest', false],
      ['guest', true],
    ]);
    await guest.mute(true);
    await until(() => voices[1]!.muted(), 'the screen is muted', 60_000);
    expect(voices[0]!.muted()).toBe(false);
    // It is not read, and 10 s fit.
    await until(() => voices[0]!.stream.stats().framesDropped > 0, 'more came than fits', 60_000);
    expect(voices[0]!.stream.stats().bufferedMs).toBeGreaterThan(9000);
    expect(voices.map((voice) => voice.over())).toEqual([false, false]);
    await guest.unpublish();
    await until(() => voices[1]!.over(), 'the screen is taken back', 60_000);
    expect(voices[0]!.over()).toBe(false);
  } finally {
    await room.leave();
  }
});

test('only audio is asked for, and again once a lost connection is back', async () => {
  const name = roomName();
  await publish(name, 'guest', 440);
  const { rtc } = loadBindings();
  const connect = vi.spyOn(rtc.Room.prototype, 'connect');
  const room = new LiveKitRoom({ url, token: await token(name, 'tape') }, RATE);
  const voices: Voice[] = [];
  try {
    await room.join();
    expect(connect.mock.calls[0]![2]).toMatchObject({ autoSubscribe: false });
    room.listen((voice) => voices.push(voice));
    await until(() => voices.length === 1, 'the guest is heard', 60_000);
    // As if the server had forgotten what it was asked for.
    const own = connect.mock.contexts[0] as Room;
    const [publication] = own.remoteParticipants.get('guest')!.trackPublications.values();
    publication!.setSubscribed(false);
    await until(() => voices[0]!.over(), 'the guest is heard no more', 60_000);
    own.emit(rtc.RoomEvent.Reconnected);
    await until(() => voices.length === 2, 'the guest is heard again', 60_000);
  } finally {
    connect.mockRestore();
    await room.leave();
  }
});

test('a token that the server refuses is told in one line, without the token', async () => {
  const access = new AccessToken(apiKey, 'not the secret of this server, as anybody can see', { identity: 'tape' });
  access.addGrant({ roomJoin: true, room: roomName() });
  const wrong = await access.toJwt();
  const { status, stdout, stderr } = await narrowcast(['record', '--token', wrong], { env });

  expect(stderr).toMatch(/^narrowcast: the server at ws:[^ ]+ refuses the token: .+\n$/);
  expect(stderr).not.toContain(wrong.split('.')[2]);
  expect(stdout).toBe('');
  expect(status).toBe(1);
});
