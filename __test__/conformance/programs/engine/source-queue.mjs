// AudioSource: what waits to be played, and how a program waits for it.
import { AudioSource, AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, record } from '../sound.mjs';
import { outcome, sleep, trace, until } from '../trace.mjs';

/** Captures `ms` in frames of 100 ms. */
async function fill(source, ms) {
  for (let at = 0; at < ms; at += 100) await source.captureFrame(level(1000, { ms: 100 }));
}
const nothingWaits = async (source) =>
  (
    await outcome(
      Promise.race([
        source.waitForPlayout().then(() => 'at once'),
        sleep(0)
          .then(() => sleep(0))
          .then(() => 'waits'),
      ]),
    )
  ).value;

{
  const say = trace('waitForPlayout');
  const source = new AudioSource(48_000, 1, 2000);
  say('of nothing', await nothingWaits(source));
  const began = performance.now();
  await fill(source, 1500);
  const { queuedDuration } = source;
  const since = performance.now() - began;
  say('queued', queuedDuration >= 1500 - since - 5 && queuedDuration <= 1500);
  say('waits', await nothingWaits(source));
  const waiters = [1, 2].map(() => source.waitForPlayout());
  await Promise.all(waiters);
  say('afterwards', [source.queuedDuration, await nothingWaits(source)]);
  await fill(source, 500);
  say('once more', await nothingWaits(source));
  await source.waitForPlayout();
  say('in the end', source.queuedDuration);
  await source.close();
}
{
  const say = trace('waitForPlayout while more comes');
  const source = new AudioSource(48_000, 1, 2000);
  const began = performance.now();
  await fill(source, 500);
  const waiting = source.waitForPlayout();
  await fill(source, 600);
  await waiting;
  say('waits for all of it', performance.now() - began >= 1090);
  say('in the end', source.queuedDuration);
  await source.close();
}
{
  const say = trace('clearQueue');
  const source = new AudioSource(48_000, 1, 1000);
  say('of nothing', [source.clearQueue(), source.queuedDuration]);
  await fill(source, 800);
  const waiting = source.waitForPlayout();
  say('returns', source.clearQueue());
  say('queued', source.queuedDuration);
  await waiting;
  say('waits', await nothingWaits(source));
  say('room for more', await outcome(fill(source, 800)));
  source.clearQueue();
  await source.close();
}
{
  const say = trace('close');
  const { source, track } = openTrack({ queueMs: 1000 });
  const { frames } = record(new AudioStream(track));
  await fill(source, 500);
  const waiting = source.waitForPlayout();
  await source.close();
  say('waiter', await outcome(waiting));
  say('afterwards', [source.queuedDuration, await nothingWaits(source)]);
  // What was captured is played.
  const loud = () => frames.filter(({ data }) => data.at(-1) === 1000).length;
  await until(() => loud() >= 50);
  say('played', loud());
  await track.close();
}
await sayLeftovers();
process.exit();
