// Two rooms in one program, and a third participant: what is said in one is not heard in the other.
import { AudioStream, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, next, publishTone } from '../rooms.mjs';
import { listen, toneShare } from '../sound.mjs';
import { holds, trace, until } from '../trace.mjs';

const rooms = await Promise.all(
  [0, 1].map(async (at) => ({ agent: await join('agent', {}, { at }), caller: await join('caller', {}, { at }) })),
);
for (const { agent, caller } of rooms)
  await until(() => agent.remoteParticipants.size === 1 && caller.remoteParticipants.size === 1);
const tones = [440, 1000];
const subscribed = rooms.map(({ agent }) => next(agent, RoomEvent.TrackSubscribed));
const published = await Promise.all(rooms.map(({ caller }, at) => publishTone(caller, tones[at])));
const streams = (await Promise.all(subscribed)).map(([track]) => new AudioStream(track, 16_000));
async function hears(at) {
  const frames = streams[at].values({ preventCancel: true });
  const heard = await listen(frames, 16_000, (samples) => toneShare(samples, tones[at], 16_000) > 0.9);
  await frames.return();
  return heard;
}
holds('each its own tone', (await Promise.all([hears(0), hears(1)])).every(Boolean));

const heard = rooms.map(({ agent }, at) => {
  const say = trace(`room ${at}`);
  const received = [];
  agent.on(RoomEvent.DataReceived, (payload) => received.push(payload[0]));
  return { say, received };
});
await Promise.all(
  rooms.map(async ({ caller }, at) => {
    for (let i = 0; i < 30; i++)
      await caller.localParticipant.publishData(new Uint8Array([100 * at + i]), { reliable: true });
  }),
);
await until(() => heard.every(({ received }) => received.length === 30));
for (const { say, received } of heard) say('received', received);

const gone = next(rooms[0].agent, RoomEvent.ParticipantDisconnected);
await published[0].stop();
await rooms[0].caller.disconnect();
heard[0].say('left', (await gone)[0].identity);
for await (const _ of streams[0]);
heard[0].say('its stream ended');
heard[1].say('is still there', [rooms[1].agent.isConnected, rooms[1].agent.remoteParticipants.size]);
holds('the other tone is still there', await hears(1));
await rooms[0].agent.disconnect();
await published[1].stop();
await rooms[1].agent.disconnect();
await rooms[1].caller.disconnect();
await streams[1].cancel();
for (const { track } of published) await track.close();
await sayLeftovers();
process.exit();
