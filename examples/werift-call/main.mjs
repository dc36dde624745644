// A call over WebRTC without LiveKit: an agent in this process, its caller in another one, Opus between them, all on loopback. The
// agent hears an AudioStream and speaks through an AudioStreamTrack: the same classes as with LiveKit's engine.
//
//   npm install && npm start            or: node main.mjs SECONDS
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AudioStreamTrack } from 'narrowcast';
import { MediaStreamTrack } from 'werift';
import { connect, listenTo, send } from './opus-audio.mjs';
import { hear, tone } from './tone.mjs';

const seconds = Number(process.argv[2] ?? 2);
const caller = fork(fileURLToPath(new URL('caller.mjs', import.meta.url)), [String(seconds)]);
const agent = await connect();
const outgoing = new MediaStreamTrack({ kind: 'audio' });
const track = new AudioStreamTrack({ sampleRate: 48_000 }); // frames of 20 ms
let heard;
agent.onTrack.subscribe((incoming) => {
  const listening = listenTo(incoming);
  heard = { listening, frames: hear(listening.stream) };
});

const [offer] = await once(caller, 'message');
await agent.setRemoteDescription({ type: 'offer', sdp: offer.sdp });
const [transceiver] = agent.getTransceivers();
transceiver.sender.replaceTrack(outgoing);
transceiver.setDirection('sendrecv');
const answer = await agent.setLocalDescription(await agent.createAnswer());
caller.send(answer.toSdp());
await once(caller, 'message'); // it is connected, and so is this side soon
if (agent.connectionState !== 'connected') {
  await agent.connectionStateChange.watch((state) => state === 'connected');
}

const before = process.cpuUsage();
const sending = send(track, outgoing);
track.write({ data: tone(660, seconds), sampleRate: 24_000, channels: 1 }, { final: true });
await track.waitForPlayout();
await new Promise((resolve) => setTimeout(resolve, 500)); // what is under way arrives
const { user, system } = process.cpuUsage(before);
const { framesOut } = track.stats();
caller.send('done');
const [report] = await once(caller, 'message');
track.stop();
await sending;
heard?.listening.end();
const mine = { heard: await heard?.frames, ...heard?.listening.counts };
await agent.close();
await once(caller, 'exit');

console.log(`the agent heard:  ${JSON.stringify(mine)}`);
console.log(`the caller heard: ${JSON.stringify(report)}`);
console.log(
  `the agent took ${((user + system) / framesOut / 2).toFixed(0)} µs of the processor for each 10 ms that it heard and said`,
);
