// One misuse of a resampler, by its name; what comes of it is printed if this process is still there.
import { AudioFrame } from '@livekit/rtc-node';
import { AudioResampler } from './side.mjs';

const frame = (samples, rate = 48_000, channels = 1) =>
  new AudioFrame(new Int16Array(samples), rate, channels, Math.trunc(samples / channels));

function closed() {
  const resampler = new AudioResampler(48_000, 16_000);
  resampler.close();
  return resampler;
}

const misuses = {
  'both rates 0': () => new AudioResampler(0, 0).push(frame(480)),
  'a rate that is no number': () => new AudioResampler(Number.NaN, 16_000).push(frame(480)),
  'an infinite rate': () => new AudioResampler(Infinity, 16_000).push(frame(480)),
  'no channels': () => new AudioResampler(48_000, 16_000, 0).push(frame(480)),
  'half a frame of two channels': () => new AudioResampler(48_000, 16_000, 2).push(frame(9601, 48_000, 2)),
  'a frame of two channels where one is expected': () =>
    new AudioResampler(48_000, 16_000).push(frame(9600, 48_000, 2)),
  'a frame after close': () => closed().push(frame(480)),
};

const misuse = misuses[process.argv[3]];
process.stdout.write('ready\n', () => {
  let outcome;
  try {
    misuse();
    outcome = 'accepted';
  } catch (error) {
    outcome = error.code ?? 'an error';
  }
  process.stdout.write(outcome, () => process.exit());
});
