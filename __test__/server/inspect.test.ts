import { Room } from '@livekit/rtc-node';
import { expect, inject, onTestFinished, test } from 'vitest';
import { AudioStream, install } from '../../src/livekit/index.js';
import { publish, roomName, subscribed, token } from '../support/room.js';
import { until } from '../support/wait.mjs';

test('engine.inspect(): a room from its connection to its end, with the tracks that are subscribed to', async () => {
  const engine = install();
  onTestFinished(() => engine.uninstall());
  const name = roomName();
  const room = new Room();
  const heard = subscribed(room, 'caller');
  expect(engine.inspect().rooms).toEqual([]);

  const connected = room.connect(inject('livekit').url, await token(name, 'agent'), {
    autoSubscribe: true,
    dynacast: false,
  });
  await until(() => engine.inspect().rooms.length === 1, 'it is known');
  await connected;
  const caller = await publish(name, 'caller');
  const { sid } = await heard;
  expect(engine.inspect().rooms).toEqual([
    { ageMs: expect.any(Number), thread: 0, name, state: 'open', tracks: [sid] },
  ]);
  const stream = new AudioStream(await heard, 16_000);
  expect(engine.inspect().engine.streams).toBe(1);

  await caller.leave();
  await until(() => engine.inspect().rooms[0]!.tracks.length === 0, 'the track is gone');
  await until(() => engine.inspect().streams.length === 0, 'its stream has ended');
  stream.close();
  await room.disconnect();
  expect(engine.inspect()).toMatchObject({ rooms: [], pending: { client: [], ownMs: [] }, engine: { streams: 0 } });
}, 120_000);
