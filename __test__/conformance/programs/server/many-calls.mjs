// RPC, many at once, with handlers that take their time, throw, or are still at it when the room is left.
import { RpcError } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet } from '../rooms.mjs';
import { outcome, sleep, trace } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const call = (method, payload = '', responseTimeout = 60_000) =>
  caller.localParticipant.performRpc({ destinationIdentity: 'agent', method, payload, responseTimeout });
{
  const say = trace('at once');
  const callers = new Set();
  agent.localParticipant.registerRpcMethod('twice', async ({ payload, callerIdentity }) => {
    callers.add(callerIdentity);
    await sleep((Number(payload) % 5) * 20);
    return String(Number(payload) * 2);
  });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => call('twice', String(at))));
  say('answers', answers.map(Number));
  say('callers', [...callers]);
}
{
  const say = trace('one after the other');
  const answers = [];
  for (let at = 0; at < 10; at++) answers.push(Number(await call('twice', String(at))));
  say('answers', answers);
}
{
  const say = trace('failures');
  agent.localParticipant.registerRpcMethod('throws', () => {
    throw new Error('at once');
  });
  agent.localParticipant.registerRpcMethod('refuses', async () => {
    throw new RpcError(2001, 'no', 'data');
  });
  agent.localParticipant.registerRpcMethod('gives no text', async () => 7);
  for (const method of ['throws', 'refuses', 'gives no text', 'none']) say(method, await outcome(call(method)));
  say('too long', await outcome(call('twice', 'x'.repeat(20_000))));
  say(
    'all at once',
    await Promise.all(['throws', 'refuses', 'twice', 'none'].map((method) => outcome(call(method, '1')))),
  );
}
{
  const say = trace('interceptor');
  const seen = [];
  const interceptor = async (data, go) => {
    seen.push(data.method);
    return go(data);
  };
  if (agent.localParticipant.addRpcInterceptor) {
    caller.localParticipant.addRpcInterceptor({ outgoing: interceptor });
    say('answer', await outcome(call('twice', '4')));
  }
}
{
  const say = trace('the room is left');
  let started;
  const atIt = new Promise((resolve) => (started = resolve));
  agent.localParticipant.registerRpcMethod('waits', () => {
    started();
    return new Promise(() => {});
  });
  const pending = outcome(call('waits'));
  await atIt;
  await caller.disconnect();
  say('pending', await pending);
  say('afterwards', await outcome(call('twice', '1')));
}
await agent.disconnect();
await sayLeftovers();
process.exit();
