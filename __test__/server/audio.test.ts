import { Room } from '@livekit/rtc-node';
import { afterAll, expect, inject, test } from 'vitest';
import { socketsElsewhere } from '../../scripts/loopback-only.mjs';
import { AudioStream, install } from '../../src/livekit/index.js';
import { publish, roomName, subscribed, token, toneShare } from '../support/room.js';
import { until } from '../support/wait.mjs';

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

test('what the engine decodes has 48 kHz, and what 16 kHz have no room for does not come back as another tone', async () => {
  const name = roomName();
  const room = new Room();
  const track = subscribed(room, 'whistle');
  await room.connect(url, await token(name, 'agent'), { autoSubscribe: true, dynacast: false });
  const whistle = await publish(name, 'whistle', 15_000);
  expect(await hears(new AudioStream(await track, 48_000), 15_000, 48_000)).toBe(true);
  await whistle.leave();

  const hiss = subscribed(room, 'hiss');
  const other = await publish(name, 'hiss', 9000);
  const streams = ([undefined, 'engine'] as const).map(
    async (resampler) => new AudioStream(await hiss, { sampleRate: 16_000, ...(resampler && { resampler }) }),
  );
  const [ours, engines] = await Promise.all(streams);
  // 16 kHz less 9: the tone's image, if there is one.
  expect(await hears(engines!, 7000, 16_000)).toBe(true);
  const image = async (stream: AudioStream) => {
    const samples = new Int16Array(16_000);
    while (stream.stats().bufferedMs > 0) stream.readInto(samples);
    await until(() => stream.stats().bufferedMs >= 1000, 'a second was heard');
    expect(stream.readInto(samples)).toBe(samples.length);
    return toneShare(samples, 7000, 16_000) * samples.reduce((energy, sample) => energy + sample ** 2, 0);
  };
  const [left, whole] = await Promise.all([image(ours!), image(engines!)]);
  expect(left).toBeLessThan(whole / 100);

  await other.leave();
  await room.disconnect();
  expect(engine.stats().streams).toBe(0);
});

// In this file, so that it looks after the server had rooms.
test.runIf(process.platform === 'linux')('the server has no socket that leaves this machine', () => {
  expect(socketsElsewhere(pid)).toEqual([]);
});
