// Data packets, many at once, in both directions: each arrives once, in order, and each promise settles.
import { DataPacketKind, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet } from '../rooms.mjs';
import { outcome, runs, trace, until } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const say = { agent: trace('to the agent'), caller: trace('to the caller') };
const received = { agent: [], caller: [] };
const kinds = { agent: new Set(), caller: new Set() };
for (const [name, room] of Object.entries({ agent, caller })) {
  room.on(RoomEvent.DataReceived, (payload, from, kind, topic) => {
    received[name].push(payload[0]);
    kinds[name].add([from.identity, DataPacketKind[kind], topic].join());
  });
}
const send = (room, at, options) => room.localParticipant.publishData(new Uint8Array([at]).fill(at), options);
for (const [from, to] of [
  [caller, 'agent'],
  [agent, 'caller'],
]) {
  const sent = await Promise.all(
    Array.from({ length: 100 }, (_, at) => outcome(send(from, at, { reliable: true, topic: 'many' }))),
  );
  say[to]('sent', runs(sent));
  await until(() => received[to].length >= 100);
  say[to](
    'received',
    received[to].splice(0).toSorted((one, other) => one - other),
  );
  for (let at = 0; at < 30; at++) await send(from, at, { reliable: true, topic: 'many' });
  await until(() => received[to].length >= 30);
  say[to]('one after the other', received[to].splice(0));
  say[to]('kinds', [...kinds[to]]);
  kinds[to].clear();
}
// Any of these may be lost.
const lossy = await Promise.all(
  Array.from({ length: 50 }, (_, at) => outcome(send(caller, at, { reliable: false, topic: 'lossy' }))),
);
say.agent('lossy sent', runs(lossy));
await until(async () => received.agent.length > 0 || !(await send(caller, 1, { reliable: false, topic: 'lossy' })));
say.agent('lossy', [...kinds.agent]);
say.caller('to nobody', await outcome(send(agent, 1, { reliable: true, destination_identities: ['nobody'] })));
const large = await outcome(caller.localParticipant.publishData(new Uint8Array(60_000).fill(7), { reliable: true }));
say.agent('large', large);
await caller.disconnect();
say.caller('after leaving', await outcome(send(caller, 1, { reliable: true })));
await agent.disconnect();
await sayLeftovers();
process.exit();
