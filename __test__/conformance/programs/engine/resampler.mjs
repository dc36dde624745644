// AudioResampler: how much comes out of it, when, and of what kind.
import { AudioFrame, AudioResampler, AudioResamplerQuality } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { tone, toneShare } from '../sound.mjs';
import { result, say as program, trace } from '../trace.mjs';

const qualities = Object.entries(AudioResamplerQuality).filter(([, value]) => typeof value === 'number');
program('qualities', qualities);

const pairs = [
  [48_000, 16_000],
  [16_000, 48_000],
  [44_100, 16_000],
  [24_000, 48_000],
  [48_000, 8000],
  [22_050, 48_000],
];
for (const [from, to] of pairs) {
  for (const channels of [1, 2]) {
    for (const [name, quality] of channels === 1 ? [['default', undefined], ...qualities] : [['default', undefined]]) {
      const say = trace(`${from} to ${to} Hz, ${channels}, ${name}`);
      const resampler = new AudioResampler(from, to, channels, quality);
      const frames = [];
      for (let i = 0; i < 50; i++) frames.push(...resampler.push(tone(440, { rate: from, channels, atMs: i * 10 })));
      const pushed = frames.reduce((sum, { samplesPerChannel }) => sum + samplesPerChannel, 0);
      const flushed = resampler.flush();
      frames.push(...flushed);
      const total = frames.reduce((sum, { samplesPerChannel }) => sum + samplesPerChannel, 0);
      say('total', total);
      say('flushed', flushed.filter((frame) => frame.samplesPerChannel > 0).length);
      say('what', [
        ...new Set(
          frames.map((frame) =>
            [
              frame.constructor === AudioFrame,
              frame.sampleRate,
              frame.channels,
              frame.data.length === frame.samplesPerChannel * channels,
            ].join(),
          ),
        ),
      ]);
      say('fields', Object.keys(frames[0]));
      say('kept back, below 100 ms', total - pushed >= 0 && total - pushed < to / 10);
      const left = frames.flatMap(({ data }) => [...data].filter((_, at) => at % channels === 0));
      say('hears', toneShare(left.slice(to / 10, to * 0.4), 440, to) > 0.999);
      resampler.close?.();
    }
  }
}
{
  const say = trace('equal rates');
  const resampler = new AudioResampler(48_000, 48_000);
  const frames = [];
  for (let i = 0; i < 10; i++) frames.push(...resampler.push(tone(440, { atMs: i * 10 })));
  frames.push(...resampler.flush());
  say(
    'samples',
    frames.reduce((sum, { samplesPerChannel }) => sum + samplesPerChannel, 0),
  );
  resampler.close?.();
}
{
  const say = trace('userdata');
  const resampler = new AudioResampler(48_000, 16_000);
  const frame = new AudioFrame(new Int16Array(48_000), 48_000, 1, 48_000, { id: 7 });
  say(
    'kept',
    resampler.push(frame).map(({ userdata }) => userdata),
  );
  say(
    'of what is flushed',
    resampler.flush().map(({ userdata }) => userdata),
  );
  resampler.close?.();
}
{
  const say = trace('nothing');
  const resampler = new AudioResampler(48_000, 16_000);
  say('flushed', resampler.flush().length);
  say(
    'empty frame',
    result(() => resampler.push(new AudioFrame(new Int16Array(0), 48_000, 1, 0)).length),
  );
  resampler.close?.();
}
{
  const say = trace('goes on after flush');
  const resampler = new AudioResampler(48_000, 16_000);
  const rounds = [1, 2].map(() => {
    const frames = [];
    for (let i = 0; i < 20; i++)
      frames.push(...(result(() => resampler.push(tone(440, { atMs: i * 10 }))).value ?? []));
    frames.push(...(result(() => resampler.flush()).value ?? []));
    return frames.reduce((sum, { samplesPerChannel }) => sum + samplesPerChannel, 0);
  });
  say('rounds', rounds);
  resampler.close?.();
}
{
  const say = trace('frames of any length');
  const resampler = new AudioResampler(48_000, 16_000);
  const frames = [1, 30, 100, 7].flatMap((ms) => resampler.push(tone(440, { ms })));
  frames.push(...resampler.flush());
  say(
    'samples',
    frames.reduce((sum, { samplesPerChannel }) => sum + samplesPerChannel, 0),
  );
  resampler.close?.();
}
await sayLeftovers();
process.exit();
