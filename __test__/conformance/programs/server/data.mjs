// Data packets, chat messages, DTMF and transcriptions.
import { DataPacketKind, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet, next, publishTone } from '../rooms.mjs';
import { holds, say } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const text = (bytes) => new TextDecoder().decode(bytes);

for (const [from, to] of [
  [caller, agent],
  [agent, caller],
]) {
  const received = next(to, RoomEvent.DataReceived);
  await from.localParticipant.publishData(new TextEncoder().encode('over here'), { reliable: true, topic: 'greeting' });
  const [payload, participant, kind, topic] = await received;
  say('data', [text(payload), participant.identity, kind === DataPacketKind.KIND_RELIABLE, topic]);
}

const many = [];
const all = next(agent, RoomEvent.DataReceived, (payload) => many.push(text(payload)) === 100);
for (let i = 0; i < 100; i++) {
  const payload = new TextEncoder().encode(`${i}`);
  await caller.localParticipant.publishData(payload, { reliable: true, destination_identities: ['agent'] });
}
await all;
holds(
  'in order',
  many.every((payload, i) => payload === `${i}`),
);

const chat = next(agent, RoomEvent.ChatMessage);
const sent = await caller.localParticipant.sendChatMessage('hello');
const [message, from] = await chat;
say('chat', [message.message, message.id === sent.id, from.identity]);
const edited = next(agent, RoomEvent.ChatMessage);
await caller.localParticipant.editChatMessage('goodbye', sent);
say('edited', (await edited)[0].message);

const digit = next(agent, RoomEvent.DtmfReceived);
await caller.localParticipant.publishDtmf(5, '5');
const [code, its, dialer] = await digit;
say('dtmf', [code, its, dialer.identity]);

const tone = await publishTone(caller, 440);
await caller.localParticipant.publishTranscription({
  participantIdentity: 'caller',
  trackSid: tone.publication.sid,
  segments: [{ id: 's1', text: 'hello', startTime: 0n, endTime: 500n, language: 'en', final: true }],
});
say('transcription', 'published');
await tone.stop();
await caller.disconnect();
await agent.disconnect();
await sayLeftovers();
process.exit();
