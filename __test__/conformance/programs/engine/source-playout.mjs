// AudioSource: what is heard of what it took. At any rate, with pauses in it, and once the engine refuses it.
import { AudioSource, AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, record, settled, tone, toneShare } from '../sound.mjs';
import { outcome, sleep, trace, until } from '../trace.mjs';

const RATE = 48_000;

/** Samples of frames that are no silence. */
const loud = (frames) => frames.flatMap(({ data }) => [...data].filter((sample) => sample !== 0));

// Rates whose 10 ms are no whole number of samples are among them.
for (const rate of [8000, 11_025, 12_345, 22_050, 44_100]) {
  const say = trace(`${rate} Hz`);
  const { source, track } = openTrack({ rate, queueMs: 1000 });
  const { frames } = record(new AudioStream(track, RATE, 1));
  const samples = Math.floor(rate / 100);
  const atMs = (1000 * samples) / rate;
  for (let i = 0; i < 80; i++) {
    await source.captureFrame(tone(440, { rate, ms: atMs, atMs: i * atMs }));
  }
  await source.waitForPlayout();
  await settled(() => frames.length);
  const heard = loud(frames);
  // All of it, but for what a resampler holds back, and samples of the tone that are 0.
  say('heard', Math.abs(heard.length / RATE - (80 * samples) / rate) < 0.03);
  say('as the tone', toneShare(heard.slice(4800, 28_800), 440, RATE) > 0.95);
  await source.close();
  await track.close();
}
{
  const say = trace('pauses');
  const { source, track } = openTrack({ queueMs: 200 });
  const { frames } = record(new AudioStream(track, RATE, 1));
  for (let group = 0; group < 5; group++) {
    for (let i = 0; i < 10; i++) await source.captureFrame(level(1000));
    await source.waitForPlayout();
    await until(() => loud(frames).length >= (group + 1) * 4800);
    await sleep(100);
  }
  await settled(() => frames.length);
  say('heard', loud(frames).length);
  // Nothing is played where nothing was said.
  say(
    'silence',
    frames.some(({ data }) => data.every((sample) => sample === 0)),
  );
  await source.close();
  await track.close();
}
{
  const say = trace('less than 10 ms at the end');
  const { source, track } = openTrack({ queueMs: 200 });
  const { frames } = record(new AudioStream(track, RATE, 1));
  for (let i = 0; i < 2; i++) {
    await source.captureFrame(level(1000, { ms: 105 }));
    await source.waitForPlayout();
    await settled(() => frames.length);
    say('heard', loud(frames).length);
  }
  await source.close();
  await track.close();
}
for (const queueMs of [0, 100, 1000]) {
  const say = trace(`a source that the engine knows no more, with a queue of ${queueMs} ms`);
  const source = new AudioSource(RATE, 1, queueMs);
  say('before', await outcome(source.captureFrame(level(1))));
  source.ffiHandle.dispose();
  // narrowcast may have taken a frame before the engine has refused it, and says so with the next.
  const told = [];
  for (let i = 0; i < 50 && !told.at(-1)?.error; i++) {
    told.push(await outcome(source.captureFrame(level(1))));
    await sleep(20);
  }
  say('a capture is told', told.at(-1));
}
await sleep(1000);
await sayLeftovers();
process.exit();
