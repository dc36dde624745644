// AudioSource: what is heard of what it took. At any rate, with pauses in it, and once the engine knows it no more.
import { AudioSource, AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, record, tone, toneShare } from '../sound.mjs';
import { condition, outcome, sleep, trace, until } from '../trace.mjs';

const RATE = 48_000;

/** Samples that are no silence. */
const loud = (frames) => frames.reduce((sum, { data }) => sum + data.filter((sample) => sample !== 0).length, 0);

/** Whether any 200 ms of the frames are a tone. */
function isTone(frames, hz) {
  for (let at = 0; at + 20 <= frames.length; at += 5) {
    const window = Int16Array.from(frames.slice(at, at + 20).flatMap(({ data }) => [...data]));
    if (toneShare(window, hz, RATE) > 0.95) return true;
  }
  return false;
}

// Rates whose 10 ms are no whole number of samples are among them.
for (const rate of [8000, 11_025, 12_345, 22_050, 44_100]) {
  const say = trace(`${rate} Hz`);
  const { source, track } = openTrack({ rate, queueMs: 1000 });
  const { frames } = record(new AudioStream(track, RATE, 1));
  const samples = Math.floor(rate / 100);
  const ms = (1000 * samples) / rate;
  for (let i = 0; i < 80; i++) await source.captureFrame(tone(440, { rate, ms, atMs: i * ms }));
  await source.waitForPlayout();
  // But for what a resampler holds back, and samples of the tone that are 0.
  await until(() => loud(frames) > 80 * ms * 48 * 0.95);
  say('heard');
  // The engine plays what it gets for 10 ms in 10 ms. On a thread that is busy, rtc-node's has gaps.
  if (condition === 'idle') say('as the tone', isTone(frames, (440 * rate) / (100 * samples)));
  await source.close();
  await track.close();
}
{
  const say = trace('pauses');
  const { source, track } = openTrack({ queueMs: 200 });
  const { frames } = record(new AudioStream(track, RATE, 1));
  for (let group = 1; group <= 5; group++) {
    for (let i = 0; i < 10; i++) await source.captureFrame(level(1000));
    await source.waitForPlayout();
    await until(() => loud(frames) >= group * 4800);
    // Nothing waits, and nothing is heard twice.
    await sleep(100);
    say('heard', [loud(frames), source.queuedDuration]);
  }
  say('levels', [...new Set(frames.flatMap(({ data }) => [...data]))].toSorted());
  await source.close();
  await track.close();
}
for (const queueMs of [0, 100, 1000]) {
  const say = trace(`a source that the engine knows no more, with a queue of ${queueMs} ms`);
  const source = new AudioSource(RATE, 1, queueMs);
  say('before', await outcome(source.captureFrame(level(1))));
  source.ffiHandle.dispose();
  // narrowcast may have taken a frame before the engine has refused it, and says so with the next.
  let told;
  for (let i = 0; i < 50 && !told?.error; i++) {
    told = await outcome(source.captureFrame(level(1)));
    await sleep(20);
  }
  say('a capture is told', told);
}
await sleep(1000);
await sayLeftovers();
process.exit();
