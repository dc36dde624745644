// dispose() as ES modules import it, while a native thread plays a frame that is longer than any test may take.
import { AudioFrame, dispose } from '@livekit/rtc-node';
import { AudioSource } from './engine-meeting.mjs';

const source = new AudioSource(8000, 1);
const captured = source.captureFrame(AudioFrame.create(8000, 1, 8000 * 100));
captured.then(
  () => console.log('played'),
  ({ code }) => console.log(code),
);
await source.close();
await dispose();
console.log('disposed');
