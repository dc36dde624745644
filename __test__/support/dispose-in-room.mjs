// dispose() as ES modules import it, before narrowcast is installed, in a room that is being listened to.
import { dispose, Room, RoomEvent } from '@livekit/rtc-node';
import { AudioStream, install } from './engine-meeting.mjs';

const { url, token } = JSON.parse(process.argv[2]);
install();
const room = new Room();
const subscribed = new Promise((resolve) => room.once(RoomEvent.TrackSubscribed, resolve));
await room.connect(url, token, { autoSubscribe: true, dynacast: false });
let frames = 0;
for await (const _ of new AudioStream(await subscribed, 16_000)) {
  if (++frames === 20) void dispose().then(() => console.log('disposed'));
}
console.log('ended');
