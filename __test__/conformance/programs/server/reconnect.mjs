// A lost connection: the room comes back by itself, with what was published, and everything works as before.
import { AudioStream, RoomEvent, SimulateScenarioKind } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet, next, publishTone } from '../rooms.mjs';
import { listen, toneShare } from '../sound.mjs';
import { holds, say } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const subscribed = next(agent, RoomEvent.TrackSubscribed);
const tone = await publishTone(caller, 440);
let frames = new AudioStream((await subscribed)[0], 16_000)[Symbol.asyncIterator]();
const hears = () => listen(frames, 16_000, (samples) => toneShare(samples, 440, 16_000) > 0.9);
holds('hears', await hears());

for (const room of [caller, agent]) {
  const events = [next(room, RoomEvent.Reconnecting), next(room, RoomEvent.Reconnected)];
  await room.simulateScenario(SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT);
  await Promise.all(events);
  say('back', [room.isConnected, room.remoteParticipants.size]);
}
holds('hears again', await hears());

agent.localParticipant.registerRpcMethod('greet', async ({ payload }) => `hello, ${payload}`);
const call = { destinationIdentity: 'agent', method: 'greet', payload: 'caller' };
say('call', await caller.localParticipant.performRpc(call));
const data = next(agent, RoomEvent.DataReceived);
await caller.localParticipant.publishData(new Uint8Array([1, 2, 3]), { reliable: true });
say('data', [...(await data)[0]]);

const events = [next(caller, RoomEvent.Reconnecting), next(caller, RoomEvent.Reconnected)];
const republished = next(agent, RoomEvent.TrackSubscribed);
await caller.simulateScenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT);
await Promise.all(events);
say('back anew', caller.isConnected);
frames = new AudioStream((await republished)[0], 16_000)[Symbol.asyncIterator]();
holds('hears anew', await hears());
await tone.stop();
await caller.disconnect();
await agent.disconnect();
await sayLeftovers();
process.exit();
