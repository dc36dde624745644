// A room that ends, in each way: its events, its streams, what was waited for, and whether it can be entered again.
import { AudioStream, DisconnectReason, Room, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, next, order, publishTone } from '../rooms.mjs';
import { record } from '../sound.mjs';
import { outcome, soon, trace, until } from '../trace.mjs';

const ways = {
  'the program leaves': (agent) => agent.disconnect(),
  'the server removes it': () => order('remove', { identity: 'agent' }),
  'the server deletes the room': () => order('delete'),
};
for (const [way, act] of Object.entries(ways)) {
  const say = trace(way);
  const agent = new Room();
  await join('agent', {}, { room: agent });
  const caller = await join('caller');
  await until(() => agent.remoteParticipants.size === 1 && caller.remoteParticipants.size === 1);
  const subscribed = next(agent, RoomEvent.TrackSubscribed);
  const tone = await publishTone(caller, 440);
  const [track] = await subscribed;
  const { frames, ended } = record(new AudioStream(track, 16_000));
  const unread = new AudioStream(track, 16_000);
  await until(() => frames.length > 10);
  say('entered', agent.isConnected);
  // Its answer comes with the end, or never.
  const call = outcome(
    agent.localParticipant.performRpc({ destinationIdentity: 'caller', method: 'none', payload: '' }),
  );
  await call;
  const events = [];
  for (const event of [RoomEvent.ConnectionStateChanged, RoomEvent.Disconnected]) {
    agent.on(event, (...args) =>
      events.push([event, event === RoomEvent.Disconnected ? DisconnectReason[args[0]] : typeof args[0]]),
    );
  }
  const gone = new Promise((resolve) => agent.once(RoomEvent.Disconnected, resolve));
  act(agent);
  await gone;
  const drained = (async () => {
    for await (const _ of unread);
  })();
  const end = await soon(Promise.all([ended, drained]));
  // Whether the server sends the caller away first, which ends streams, is a matter of chance.
  if (way !== 'the server deletes the room') say('its streams end', end);
  await until(() => !agent.isConnected);
  say('events', events);
  say('state', [agent.isConnected, agent.connectionState]);
  say('publish', await outcome(agent.localParticipant.publishData(new Uint8Array(1), { reliable: true })));
  say('leave again', await outcome(agent.disconnect()));
  agent.removeAllListeners();
  await tone.stop();
  await caller.disconnect();
  await join('agent', {}, { room: agent });
  say('entered again', agent.isConnected);
  await agent.disconnect();
  say('left again', agent.isConnected);
  await tone.track.close();
}
await sayLeftovers();
process.exit();
