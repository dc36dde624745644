import { Room } from '@livekit/rtc-node';
import { afterAll, expect, inject, test } from 'vitest';
import { socketsElsewhere } from '../../scripts/loopback-only.mjs';
import { AudioStream, install } from '../../src/livekit/index.js';
import { until } from '../support/meeting.js';
import { publish, roomName, subscribed, token, toneShare } from '../support/room.js';

const engine = install();
const { url, pid } = inject('livekit');
afterAll(() => engine.uninstall());

/** Reads until `samples` of the stream in a row are the tone, as it was encoded and decoded. */
async function hears(stream: AudioStream, hz: number, sampleRate: number): Promise<boolean> {
  const window = new Int16Array(sampleRate / 5);
  for await (const frame of stream.values({ preventCancel: true })) {
    window.copyWithin(0, frame.data.length);
    window.set(frame.data, window.length - frame.data.length);
    if (toneShare(window, hz, sampleRate) > 0.9) return true;
  }
  return false;
}

test('what others say comes through their room into streams of their own, which end when they leave', async () => {
  const name = roomName();
  const room = new Room();
  const tracks = ['low', 'high'].map((identity) => subscribed(room, identity));
  await room.connect(url, await token(name, 'agent'), { autoSubscribe: true, dynacast: false });
  const [low, high] = await Promise.all([publish(name, 'low', 440), publish(name, 'high', 1000)]);
  const [lowStream, highStream] = (await Promise.all(tracks)).map((track) => new AudioStream(track, 16_000));
  expect(await hears(lowStream!, 440, 16_000)).toBe(true);
  expect(await hears(highStream!, 1000, 16_000)).toBe(true);

  await low.leave();
  expect(await hears(lowStream!, 1000, 16_000)).toBe(false); // read to its end, and never the other's
  expect(engine.stats().streams).toBe(1);
  expect(await hears(highStream!, 1000, 16_000)).toBe(true);

  high.kill(); // the server finds out by itself
  await room.disconnect();
  await highStream!.cancel();
  expect(engine.stats()).toMatchObject({ streams: 0, malformed: 0, framesMalformed: 0, panics: 0 });
});

test('a stream of a room that is left ends, and what was buffered can be read', async () => {
  const name = roomName();
  const room = new Room();
  const track = subscribed(room, 'other');
  await room.connect(url, await token(name, 'agent'), { autoSubscribe: true, dynacast: false });
  const other = await publish(name, 'other');
  const stream = new AudioStream(await track, 16_000);
  await until(() => stream.stats().framesIn >= 20, 'frames come');
  await room.disconnect();
  let frames = 0;
  for await (const _ of stream) frames++;
  expect(frames).toBe(stream.stats().framesIn);
  expect(frames).toBeGreaterThanOrEqual(20);
  expect(engine.stats().streams).toBe(0);
  await other.leave();
});

// In this file, so that it looks after the server had rooms.
test.runIf(process.platform === 'linux')('the server has no socket that leaves this machine', () => {
  expect(socketsElsewhere(pid)).toEqual([]);
});
