// What becomes of the memory of frames that were played.
import { AudioFrame } from '@livekit/rtc-node';
import { notCollected, openTrack, report } from './side.mjs';

const { source } = openTrack();
const buffers = [];
async function play() {
  const samples = new Int16Array(160);
  buffers.push(new WeakRef(samples.buffer));
  await source.captureFrame(new AudioFrame(samples, 16_000, 1, 160));
}
for (let i = 0; i < 100; i++) await play();
// The last one may still be on the stack.
report({ collected: (await notCollected(buffers, 1)) <= 1 });
