// dispose() as ES modules import it, while a stream is read that gets nothing.
import { dispose } from '@livekit/rtc-node';
import { AudioStream, install, openTracks } from './engine-meeting.mjs';

install();
const [{ track }] = openTracks(1);
void new AudioStream(track, 16_000).getReader().read();
await dispose();
console.log('disposed');
