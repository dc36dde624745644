// AsyncLocalStorage in a room: the context in which an await goes on, and in which handlers run.
import { AsyncLocalStorage } from 'node:async_hooks';
import { RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, rooms } from '../rooms.mjs';
import { say, trace, until } from '../trace.mjs';

const storage = new AsyncLocalStorage();
const here = () => storage.getStore() ?? 'none';
const joined = (identity) =>
  storage.run(`joins as ${identity}`, async () => {
    const room = await join(identity);
    trace(identity)('connects in', here());
    return room;
  });
const agent = await joined('agent');
const caller = await joined('caller');
await until(() => agent.remoteParticipants.size === 1);
for (const name of ['one', 'other']) {
  await storage.run(name, async () => {
    await caller.localParticipant.publishData(new Uint8Array(1), { reliable: true });
    say('publishData goes on in', here());
  });
}
let handled;
storage.run('registers', () => {
  agent.localParticipant.registerRpcMethod('where', async () => ((handled = here()), 'there'));
});
await storage.run('calls', async () => {
  await caller.localParticipant.performRpc({ destinationIdentity: 'agent', method: 'where', payload: '' });
  say('performRpc goes on in', here());
});
trace('handler')('called', handled !== undefined);
let heard;
storage.run('listens', () => agent.on(RoomEvent.DataReceived, () => (heard = here())));
await caller.localParticipant.publishData(new Uint8Array(1), { reliable: true });
await until(() => heard);
trace('listener')('runs in', heard);
trace('handler')('runs in', handled);
say('rooms', rooms.length);
await caller.disconnect();
await storage.run('leaves', async () => {
  await agent.disconnect();
  say('disconnect goes on in', here());
});
await sayLeftovers();
process.exit();
