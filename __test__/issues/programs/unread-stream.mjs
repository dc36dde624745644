// A stream that is not read while 60 frames come, and then to its end.
import { AudioStream, frame, framesDecoded, narrowcast, openTrack, report, until } from './side.mjs';

const FRAMES = 60;
const { source, track } = openTrack();
// rtc-node knows no bufferMs, nor any other bound.
const stream = new AudioStream(track, { sampleRate: 16_000, bufferMs: 100 });
const arrived = () => (narrowcast ? stream.stats().framesIn : framesDecoded().length);
for (let i = 1; i <= FRAMES; i++) {
  await source.captureFrame(frame());
  await until(() => arrived() === i, 'it has come');
}
await track.close();
const kept = [];
for await (const { userdata } of stream) kept.push(userdata);
report({ arrived: arrived(), kept: kept.length, counted: kept[0].droppedBefore ?? 0 });
