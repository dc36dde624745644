// A resampler between equal rates, as a pipeline has that does not know what it will be fed.
import { AudioFrame } from '@livekit/rtc-node';
import { AudioResampler, report } from './side.mjs';

const data = Int16Array.from({ length: 16_000 }, (_, i) => ((i * 7919) % 60_000) - 30_000);
const pushed = new AudioFrame(data, 16_000, 1, data.length);
const resampler = new AudioResampler(16_000, 16_000);
const frames = [...resampler.push(pushed), ...resampler.flush()];
const samples = frames.flatMap((frame) => [...frame.data]);
report({
  theFrameItself: frames[0] === pushed,
  length: samples.length,
  exact: samples.every((sample, i) => sample === data[i]),
});
