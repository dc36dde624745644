// Frames whose samples are a part of a larger buffer, as a Buffer of Node's pool or a subarray is.
import { AudioFrame } from '@livekit/rtc-node';
import { AudioResampler, AudioStream, openTrack, report } from './side.mjs';

const buffer = Int16Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 40_000) - 20_000);
const same = (a, b) => a.length === b.length && a.every((sample, i) => sample === b[i]);

const { source, track } = openTrack();
const reader = new AudioStream(track, 16_000).getReader();
await source.captureFrame(new AudioFrame(buffer.subarray(700, 860), 16_000, 1, 160));
const heard = (await reader.read()).value.data;

function resample(data) {
  const resampler = new AudioResampler(48_000, 16_000);
  const frames = [...resampler.push(new AudioFrame(data, 48_000, 1, data.length)), ...resampler.flush()];
  resampler.close();
  return frames.flatMap((frame) => [...frame.data]);
}

report({
  played: same(heard, buffer.subarray(700, 860)),
  playedTheStart: same(heard, buffer.subarray(0, 160)),
  resampled: same(resample(buffer.subarray(700, 5500)), resample(buffer.slice(700, 5500))),
});
