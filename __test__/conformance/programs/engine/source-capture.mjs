// AudioSource: which frames it takes, in which order it says so, and what it refuses.
import { AudioFrame, AudioSource, AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, record, settled } from '../sound.mjs';
import { outcome, result, runs, sleep, trace, until } from '../trace.mjs';

/** How each promise settles. In which order, the engine does not say: its threads answer. */
async function taken(promises) {
  const outcomes = await Promise.all(promises.map(outcome));
  return outcomes.map(({ error }) => error ?? 'taken');
}

{
  const say = trace('source');
  const source = new AudioSource(48_000, 2, 200);
  say('fields', [source.sampleRate, source.numChannels, source.queueSize, source.queuedDuration, source.closed]);
  say('default', new AudioSource(16_000, 1).queueSize);
  await source.close();
  say('closed', source.closed);
}
{
  const say = trace('many at once into a full queue');
  const source = new AudioSource(48_000, 1, 100);
  const began = performance.now();
  const answers = await taken(Array.from({ length: 50 }, () => source.captureFrame(level(1))));
  const played = (performance.now() - began) / 10;
  const count = answers.filter((answer) => answer === 'taken').length;
  // As many as the queue holds and one more, and those for which it has room by then.
  say('taken', [answers[0], count >= 10, count <= 12 + played]);
  say('answers', [...new Set(answers)].toSorted());
  await source.close();
}
{
  const say = trace('one after the other');
  const source = new AudioSource(48_000, 1, 100);
  let taken = 0;
  for (let i = 0; i < 40; i++) await source.captureFrame(level(1)).then(() => taken++);
  say('taken', taken);
  await source.close();
}
{
  const say = trace('without a queue');
  const { source, track } = openTrack();
  const { frames, ended } = record(new AudioStream(track));
  for (let group = 0; group < 10; group++) {
    say('four', await taken([0, 1, 2, 3].map((i) => source.captureFrame(level(100 * (group * 4 + i + 1))))));
    await until(() => frames.length >= group * 4 + 2);
  }
  await settled(() => frames.length);
  say(
    'arrived',
    frames.map(({ data }) => data[0]).toSorted((one, other) => one - other),
  );
  for (const ms of [5, 15, 20, 30]) say(`${ms} ms`, await outcome(source.captureFrame(level(1, { ms }))));
  await track.close();
  await ended;
}
{
  const say = trace('frames longer than the queue');
  for (const ms of [100, 150, 250]) {
    const source = new AudioSource(48_000, 1, 100);
    say(`${ms} ms`, await outcome(source.captureFrame(level(1, { ms }))));
    await source.close();
  }
}
{
  const say = trace('another format');
  const source = new AudioSource(48_000, 1, 1000);
  const formats = { 'another rate': { rate: 16_000 }, '2 channels': { channels: 2 } };
  for (const [name, format] of Object.entries(formats)) say(name, await outcome(source.captureFrame(level(1, format))));
  say('the right one', await outcome(source.captureFrame(level(1))));
  say('empty', await outcome(source.captureFrame(new AudioFrame(new Int16Array(0), 48_000, 1, 0))));
  say(
    'amid others',
    await taken([level(1), level(1, { channels: 2 }), level(1)].map((frame) => source.captureFrame(frame))),
  );
  await source.close();
  say('closed', await outcome(source.captureFrame(level(1))));
  say('closed twice', await outcome(source.close()));
}
{
  const say = trace('sources at once');
  const sources = [1, 2, 3].map(() => new AudioSource(48_000, 1, 1000));
  const captured = sources.map((source) => taken(Array.from({ length: 30 }, () => source.captureFrame(level(1)))));
  for (const answers of await Promise.all(captured)) say('taken', runs(answers));
  for (const source of sources) await source.close();
}
{
  const say = trace('closed while it captures');
  const source = new AudioSource(48_000, 1, 1000);
  const captured = [1, 2, 3].map(() => source.captureFrame(level(1, { ms: 100 })));
  await source.close();
  say('settled', await taken(captured));
}
{
  const say = trace('arguments');
  for (const [rate, channels] of [
    [48_000, 1],
    [8000, 1],
    [44_100, 2],
    [12_345, 1],
  ]) {
    say(
      `${rate} Hz, ${channels}`,
      result(() => new AudioSource(rate, channels).queueSize),
    );
  }
}
// narrowcast gives the engine a closed source back when what it took was played.
await sleep(1000);
await sayLeftovers();
process.exit();
