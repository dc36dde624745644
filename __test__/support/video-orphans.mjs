// Run with the ledger build and --expose-gc: video streams that drop, are cancelled, closed, forgotten, or whose track goes,
// all with frames in flight; then prints which of the engine's handles it still knows.
import * as rtc from '@livekit/rtc-node';
import { VideoStream, install, native } from './engine-meeting.mjs';
import { until } from './wait.mjs';

const engine = install();
const report = await show();
await until(() => (gc(), engine.stats().videoStreams === 0), 'forgotten streams are collected');
let last = -1;
await until(() => {
  const { received } = engine.stats();
  const rests = received === last;
  last = received;
  return rests;
}, 'things come to rest');
const { recorded, left, streams } = native.ledgerProbe();
engine.uninstall();
console.log(JSON.stringify({ ...report, recorded, left: left.map(String), streamsLeft: streams.map(String) }));

/** A function of its own: what it had in hand can be collected afterwards. */
async function show() {
  const [width, height] = [160, 120];
  const source = new rtc.VideoSource(width, height);
  const track = rtc.LocalVideoTrack.createVideoTrack('v', source);
  const picture = new rtc.VideoFrame(new Uint8Array(width * height * 4), width, height, rtc.VideoBufferType.RGBA);
  const next = async (frames) => {
    for (let i = 0; i < frames; i++) {
      source.captureFrame(picture);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  for (let round = 0; round < 20; round++) {
    const [dropping, cancelled, read] = [1, 8, 8].map((bufferFrames) => new VideoStream(track, { bufferFrames }));
    new VideoStream(track, { bufferFrames: 8 }); // forgotten
    const reader = read.getReader();
    const reading = reader.read();
    await next(5);
    await reading;
    source.captureFrame(picture);
    await Promise.all([cancelled.cancel(), reader.cancel()]);
    dropping.close();
    dropping.tryRead();
  }
  const ending = new VideoStream(track);
  await next(2);
  const { videoFrames } = engine.stats();
  await track.close();
  await until(() => ending.stats().framesBuffered === 1, 'the last frame waits');
  await source.close();
  return { videoFrames };
}
