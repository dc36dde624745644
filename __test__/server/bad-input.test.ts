import { once } from 'node:events';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { DisconnectReason, Room, RoomEvent, TrackKind, type RemoteTrack } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
// Main thread and workers have to share one addon: this one is dist's, as theirs is.
import { AudioStream, install } from '../support/engine-meeting.mjs';
import { runNode } from '../support/child.js';
import { deleteRoom, publish, roomName, subscribed, token } from '../support/room.js';
import { until as untilWithin } from '../support/wait.mjs';

vi.setConfig({ testTimeout: 180_000 }); // on a loaded machine
const engine = install();
const { url, apiKey } = inject('livekit');
const options = { autoSubscribe: true, dynacast: false };
afterAll(() => engine.uninstall());

const until = (condition: () => boolean, what: string) => untilWithin(condition, what, 100_000);
const client = () =>
  (globalThis as unknown as { _ffiClientInstance: { listenerCount(name: string): number } })._ffiClientInstance;

/** An address of this machine where no server answers. */
async function deserted(): Promise<string> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return `ws://127.0.0.1:${port}`;
}

async function forged(room: string): Promise<string> {
  const access = new AccessToken(apiKey, 'another secret, also of 32 characters', { identity: 'agent' });
  access.addGrant({ roomJoin: true, room });
  return access.toJwt();
}

describe('a room that can not be entered', () => {
  test.each<[string, (room: string) => Promise<[url: string, token: string]>]>([
    ['with a token that is none', async () => [url, 'nonsense']],
    ['with a token that another key signed', async (room) => [url, await forged(room)]],
    ['without a token', async () => [url, '']],
    ['where no server is', async (room) => [await deserted(), await token(room, 'agent')]],
    ['at an address that is none', async (room) => ['nowhere', await token(room, 'agent')]],
  ])('%s: connect rejects, nothing is left, and the same Room can be used', async (_, wrong) => {
    const name = roomName();
    const room = new Room();
    await expect(room.connect(...(await wrong(name)), options)).rejects.toThrow(/./);
    expect(room.isConnected).toBe(false);
    await until(() => client().listenerCount('ffi_event') === 0, 'no listener is left for it');
    await room.connect(url, await token(name, 'agent'), options);
    expect(room.isConnected).toBe(true);
    await room.disconnect();
    expect(engine.stats()).toMatchObject({ malformed: 0, unknown: 0, panics: 0 });
  });
});

test('a room that is deleted while it is read ends its streams, and what is buffered can be read', async () => {
  const name = roomName();
  const room = new Room();
  const disconnected = new Promise((resolve) => room.once(RoomEvent.Disconnected, resolve));
  const track = subscribed(room, 'other');
  await room.connect(url, await token(name, 'agent'), options);
  await publish(name, 'other');
  const [read, unread] = [new AudioStream(await track, 16_000), new AudioStream(await track, 16_000)];
  const reading = (async () => {
    let frames = 0;
    for await (const _ of read) frames++;
    return frames;
  })();
  await until(() => unread.stats().framesIn >= 20, 'frames come');
  await deleteRoom(name);
  expect(await disconnected).toBe(DisconnectReason.ROOM_DELETED);
  expect(await reading).toBe(read.stats().framesIn);
  let frames = 0;
  for await (const _ of unread) frames++;
  expect(frames).toBe(unread.stats().framesIn);
  expect(frames).toBeGreaterThanOrEqual(20);
  expect(engine.stats().streams).toBe(0);
  await until(() => client().listenerCount('ffi_event') === 0, 'no listener is left for the room');

  // The same Room enters the room that takes its place, and is left by the program, this time.
  await room.connect(url, await token(name, 'agent'), options);
  expect(client().listenerCount('ffi_event')).toBe(1);
  await room.disconnect();
  expect(client().listenerCount('ffi_event')).toBe(0);
});

// narrowcast does not see this call of the engine's own function. It hears of the room's end, and of its streams' ends.
test('dispose(), imported before install(), ends what is open, and lets the process end', async () => {
  const name = roomName();
  await publish(name, 'other');
  const args = [JSON.stringify({ url, token: await token(name, 'agent') })];
  const env = { NODE_ENV: 'production' };
  const { status, stdout, stderr } = await runNode('./dispose-in-room.mjs', args, { env, limitMs: 120_000 });
  expect({ status, stderr, said: new Set(stdout.trim().split('\n')) }).toEqual({
    status: 0,
    stderr: '',
    said: new Set(['disposed', 'ended']),
  });
});

test('a publisher that goes over to another rate and other channels is heard at the rate that was asked for', async () => {
  const name = roomName();
  const room = new Room();
  const tracks: RemoteTrack[] = [];
  room.on(RoomEvent.TrackSubscribed, (track) => {
    if (track.kind === TrackKind.KIND_AUDIO) tracks.push(track);
  });
  await room.connect(url, await token(name, 'agent'), options);
  const other = await publish(name, 'other', 440, 48_000);
  const others = [
    { hz: 440, sampleRate: 16_000, channels: 2 },
    { hz: 440, sampleRate: 24_000, channels: 1 },
  ];
  for (let at = 0; at <= others.length; at++) {
    if (at > 0) {
      await other.unpublish();
      await other.publish(others[at - 1]!);
    }
    await until(() => tracks.length === at + 1, 'its track is there');
    const stream = new AudioStream(tracks[at]!, { sampleRate: 16_000, numChannels: 2 });
    const reader = stream.getReader();
    for (let frames = 0; frames < 30; frames++) {
      const { value } = await reader.read();
      expect(value).toMatchObject({ sampleRate: 16_000, channels: 2, samplesPerChannel: 160 });
      expect(value!.data).toHaveLength(320);
    }
    reader.releaseLock();
    // The last one is left open, for the publisher to end it.
    if (at < others.length) await stream.cancel();
  }
  await other.leave();
  await until(() => engine.stats().streams === 0, 'the last stream has ended');
  expect(engine.stats()).toMatchObject({ framesMalformed: 0, malformed: 0, panics: 0 });
  await room.disconnect();
});

describe('threads with narrowcast and a room of their own', () => {
  type Message = 'connected' | 'stolen' | 'ended' | { frames: number; seen: string[] };

  async function enter(room: string) {
    const worker = new Worker(new URL('../support/room-worker.mjs', import.meta.url), {
      workerData: { url, token: await token(room, 'agent') },
    });
    onTestFinished(() => void worker.terminate());
    const messages: Message[] = [];
    worker.on('message', (message: Message) => messages.push(message));
    const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
    failed.catch(() => {});
    await Promise.race([until(() => messages.includes('connected'), 'it is connected'), failed]);
    const frames = () => Math.max(0, ...messages.map((message) => (typeof message === 'object' ? message.frames : 0)));
    const seen = () => messages.flatMap((message) => (typeof message === 'object' ? message.seen : []));
    return { worker, messages, frames, seen };
  }

  test('hear their own, whatever happens in the others: an end, an uninstalled rtc-node, a third one', async () => {
    const [one, two] = [roomName(), roomName()];
    const [first, second] = await Promise.all([enter(one), enter(two)]);
    const [low] = await Promise.all([publish(one, 'low'), publish(two, 'high', 1000)]);
    await until(() => first!.frames() >= 20 && second!.frames() >= 20, 'both hear');
    expect(new Set(first!.seen())).toEqual(new Set(['low']));
    expect(new Set(second!.seen())).toEqual(new Set(['high']));

    // A thread that ends takes nothing from the others.
    await low.leave();
    await until(() => first!.messages.includes('ended'), 'the first one has ended');
    const before = second!.frames();
    await until(() => second!.frames() >= before + 40, 'the second one goes on');

    // rtc-node without narrowcast, in a third thread, takes the engine's callback, and it is taken back.
    const { stolen } = engine.stats();
    const thief = new Worker(
      `const { AudioSource } = require('@livekit/rtc-node');
       new AudioSource(48_000, 1);
       require('node:worker_threads').parentPort.once('message', () => process.exit()).postMessage('taken');`,
      { eval: true, execArgv: [] },
    );
    onTestFinished(() => void thief.terminate());
    await once(thief, 'message');
    await until(() => engine.stats().stolen > stolen, 'it is noticed');
    const after = second!.frames();
    await until(() => second!.frames() >= after + 40, 'the second one goes on');
    expect(engine.stats()).toMatchObject({ malformed: 0, panics: 0 });
  });
});
