// Calls in both directions, at the same time, and each way in which one fails.
import { RpcError } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet } from '../rooms.mjs';
import { say } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const rooms = { agent, caller };
for (const [name, room] of Object.entries(rooms)) {
  room.localParticipant.registerRpcMethod('greet', async ({ callerIdentity, payload, responseTimeout }) => {
    return `${name} got ${payload} from ${callerIdentity}, ${responseTimeout > 0}`;
  });
}
agent.localParticipant.registerRpcMethod('refuse', async () => {
  throw new RpcError(1999, 'not today', 'tomorrow');
});
agent.localParticipant.registerRpcMethod('break', async () => {
  throw new Error('a secret');
});
agent.localParticipant.registerRpcMethod('sleep', () => new Promise(() => {}));

const call = (room, destinationIdentity, method, payload = '', responseTimeout = 15_000) =>
  room.localParticipant.performRpc({ destinationIdentity, method, payload, responseTimeout });
const failure = (promise) =>
  promise.then(
    (response) => response,
    (error) => [error instanceof RpcError, error.code, error.message, error.data ?? ''],
  );

say('there', await call(caller, 'agent', 'greet', 'hello'));
say('back', await call(agent, 'caller', 'greet', 'welcome'));
const both = Array.from({ length: 4 }, (_, i) => [
  call(caller, 'agent', 'greet', `a${i}`),
  call(agent, 'caller', 'greet', `b${i}`),
]);
say('at once', await Promise.all(both.flat()));
say('long', (await call(caller, 'agent', 'greet', 'x'.repeat(10_000))).length);
say('refused', await failure(call(caller, 'agent', 'refuse')));
say('broken', await failure(call(caller, 'agent', 'break')));
say('unknown', await failure(call(caller, 'agent', 'sing')));
say('nobody', await failure(call(caller, 'nobody', 'greet')));
say('late', await failure(call(caller, 'agent', 'sleep', '', 1000)));
agent.localParticipant.unregisterRpcMethod('greet');
say('unregistered', await failure(call(caller, 'agent', 'greet')));
await caller.disconnect();
await agent.disconnect();
await sayLeftovers();
process.exit();
