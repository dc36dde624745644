// A thread with narrowcast and a room of its own: listens to one participant, says what it got, and goes on until it is
// terminated.
import { parentPort, workerData } from 'node:worker_threads';
import { Room, RoomEvent } from '@livekit/rtc-node';
import { AudioStream, install } from './engine-meeting.mjs';

const { url, token } = workerData;
const engine = install();
engine.on('stolen', () => parentPort.postMessage('stolen'));
const room = new Room();
const seen = [];
room.on(RoomEvent.ParticipantConnected, ({ identity }) => seen.push(identity));
const subscribed = new Promise((resolve) => room.once(RoomEvent.TrackSubscribed, resolve));
await room.connect(url, token, { autoSubscribe: true, dynacast: false });
parentPort.postMessage('connected');
let frames = 0;
for await (const _ of new AudioStream(await subscribed, 16_000)) {
  if (++frames % 20 === 0) parentPort.postMessage({ frames, seen });
}
parentPort.postMessage('ended');
await room.disconnect();
engine.uninstall();
