// The other side of the call, a process of its own: says a tone, and listens.
import { once } from 'node:events';
import { AudioStreamTrack } from 'narrowcast';
import { MediaStreamTrack } from 'werift';
import { connect, listenTo, send } from './opus-audio.mjs';
import { hear, tone } from './tone.mjs';

const connection = await connect();
const outgoing = new MediaStreamTrack({ kind: 'audio' });
connection.addTransceiver(outgoing, { direction: 'sendrecv' });
let heard;
connection.onTrack.subscribe((incoming) => {
  const listening = listenTo(incoming);
  heard = { listening, frames: hear(listening.stream) };
});

process.send((await connection.setLocalDescription(await connection.createOffer())).toSdp());
const [answer] = await once(process, 'message');
await connection.setRemoteDescription(answer);
if (connection.connectionState !== 'connected')
  await connection.connectionStateChange.watch((state) => state === 'connected');
process.send('connected');

const track = new AudioStreamTrack({ sampleRate: 48_000 });
const sending = send(track, outgoing);
track.write({ data: tone(440, Number(process.argv[2])), sampleRate: 24_000, channels: 1 }, { final: true });
await track.waitForPlayout();
await once(process, 'message'); // the agent has said what it had to
track.stop();
await sending;
heard?.listening.end();
process.send({ heard: await heard?.frames, ...heard?.listening.counts });
await connection.close();
process.disconnect();
