// Connecting, who is there, and what participants tell about themselves.
import { ConnectionState, DisconnectReason, ParticipantKind, Room, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, next } from '../rooms.mjs';
import { holds, say, until } from '../trace.mjs';

const sorted = (attributes) => Object.entries(attributes).toSorted();

const agent = await join('agent');
say('connected', [
  agent.isConnected,
  agent.connectionState === ConnectionState.CONN_CONNECTED,
  agent.remoteParticipants.size,
]);
say('local', [agent.localParticipant.identity, agent.localParticipant.kind === ParticipantKind.STANDARD]);
holds('sid', (await agent.getSid()).startsWith('RM_'));

const arrives = next(agent, RoomEvent.ParticipantConnected);
const caller = await join('caller');
const [{ identity }] = await arrives;
say('came', identity);
say('caller sees', [...caller.remoteParticipants.keys()]);

const told = [
  next(agent, RoomEvent.ParticipantMetadataChanged),
  next(agent, RoomEvent.ParticipantNameChanged),
  next(agent, RoomEvent.ParticipantAttributesChanged),
];
await caller.localParticipant.updateMetadata('on the line');
await caller.localParticipant.updateName('Caller');
await caller.localParticipant.setAttributes({ language: 'en', mood: 'calm' });
const [[, who], [name], [attributes]] = await Promise.all(told);
say('metadata', who.metadata);
say('name', name);
say('attributes', [attributes, agent.remoteParticipants.get('caller').attributes].map(sorted));
await until(() => caller.localParticipant.attributes.mood === 'calm');
say('its own', [
  caller.localParticipant.metadata,
  caller.localParticipant.name,
  sorted(caller.localParticipant.attributes),
]);

const { publisherStats, subscriberStats } = (await agent.getRtcStats?.()) ?? {
  publisherStats: [],
  subscriberStats: [],
};
say('stats', [Array.isArray(publisherStats), Array.isArray(subscriberStats)]);

const leaves = next(agent, RoomEvent.ParticipantDisconnected);
await caller.disconnect();
say('left', (await leaves)[0].identity);
const gone = next(agent, RoomEvent.Disconnected);
// Older versions don't always tell a participant who leaves.
const left = agent.disconnect().then(() => []);
const [reason = DisconnectReason.CLIENT_INITIATED] = await Promise.race([gone, left]);
await left;
say('disconnected', [reason === DisconnectReason.CLIENT_INITIATED, agent.isConnected]);

const refused = await new Room().connect('ws://127.0.0.1:9', 'no token', {}).catch((error) => error.constructor.name);
say('refused', refused);
await sayLeftovers();
process.exit();
