// The events of two rooms, in their order: who comes, publishes, says something, and leaves.
import { Room, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, next, order, publishTone, sayEvents } from '../rooms.mjs';
import { until } from '../trace.mjs';

const [agent, caller] = [new Room(), new Room()];
const says = { agent: sayEvents(agent, 'agent'), caller: sayEvents(caller, 'caller') };
/** What both have to show before the program goes on, so that the order is no chance. */
async function both(event, act, ...by) {
  const seen = (by.length > 0 ? by : [agent, caller]).map((room) => next(room, event));
  await act();
  await Promise.all(seen);
}

await join('agent', {}, { room: agent });
const came = next(agent, RoomEvent.ParticipantConnected);
await join('caller', {}, { room: caller });
await came;
says.caller('participants', [...caller.remoteParticipants.keys()]);

let tone;
const publishes = async () => (tone = await publishTone(caller, 440));
await both(RoomEvent.TrackSubscribed, () => both(RoomEvent.LocalTrackSubscribed, publishes, caller), agent);
// Muting is mute.mjs's: how often a room hears of it, that the server orders, is a matter of chance with rtc-node, too.
const { localParticipant } = caller;
await both(RoomEvent.ParticipantMetadataChanged, () => localParticipant.updateMetadata('on the line'));
await both(RoomEvent.ParticipantNameChanged, () => localParticipant.updateName('Caller'));
await both(RoomEvent.ParticipantAttributesChanged, () => localParticipant.setAttributes({ mood: 'calm' }));
await both(RoomEvent.RoomMetadataChanged, () => order('tell', { metadata: 'all hear this' }));
const data = new Uint8Array([1, 2, 3]);
await both(RoomEvent.DataReceived, () => localParticipant.publishData(data, { reliable: true, topic: 'three' }), agent);
await both(RoomEvent.ChatMessage, () => localParticipant.sendChatMessage('hello'), agent);
await both(RoomEvent.DtmfReceived, () => localParticipant.publishDtmf(7, '7'), agent);
await tone.stop();
await both(RoomEvent.TrackUnpublished, () => localParticipant.unpublishTrack(tone.publication.sid), agent);
await both(RoomEvent.ParticipantDisconnected, () => caller.disconnect(), agent);
await agent.disconnect();
await until(() => !agent.isConnected && !caller.isConnected);
await tone.track.close();
await sayLeftovers();
process.exit();
