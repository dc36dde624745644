// A program that knows nothing of narrowcast; run with `--import narrowcast/livekit/register`.
import assert from 'node:assert/strict';
import { AudioFrame, AudioSource, AudioStream, dispose, LocalAudioTrack } from '@livekit/rtc-node';

const source = new AudioSource(48_000, 1);
const track = LocalAudioTrack.createAudioTrack('voice', source);
const stream = new AudioStream(track, 16_000, 1);
assert.equal(typeof stream.stats, 'function', 'the stream is narrowcast’s');
const reader = stream.getReader();
for (let frames = 0; frames < 5; frames += 1) {
  await source.captureFrame(new AudioFrame(new Int16Array(480).fill(1000), 48_000, 1, 480));
}
const { value } = await reader.read();
assert.equal(value.sampleRate, 16_000);
await reader.cancel();
await track.close();
await dispose();
console.log('heard');
