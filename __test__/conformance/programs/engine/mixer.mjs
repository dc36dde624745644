// AudioMixer: streams that come and go, of rtc-node's AudioStream and of the program's own.
import { AsyncLocalStorage } from 'node:async_hooks';
import { AudioFrame, AudioMixer, AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, playPaced } from '../sound.mjs';
import { outcome, result, runs, say as program, sleep, soon, trace, until } from '../trace.mjs';

/** Waits for a stream as long as it takes. */
const patient = { streamTimeoutMs: 60_000 };

/** `count` frames of 10 ms whose samples are `value`, at 48,000 Hz. */
async function* levels(value, count) {
  for (let i = 0; i < count; i++) yield level(value);
}
async function all(mixer) {
  const values = [];
  for await (const frame of mixer) {
    const { data, sampleRate, channels, samplesPerChannel } = frame;
    values.push([frame.constructor === AudioFrame, sampleRate, channels, samplesPerChannel, data[0], data.at(-1)]);
  }
  return runs(values);
}

{
  const say = trace('two streams of the program');
  const mixer = new AudioMixer(48_000, 1, patient);
  mixer.addStream(levels(100, 30));
  mixer.addStream(levels(20, 30));
  mixer.endInput();
  say('mixed', await all(mixer));
  say(
    'too late',
    result(() => mixer.addStream(levels(1, 1))),
  );
}
{
  const say = trace('one longer than the other, clipped');
  const mixer = new AudioMixer(48_000, 1, { ...patient, blocksize: 480 });
  mixer.addStream(levels(30_000, 5));
  mixer.addStream(levels(20_000, 10));
  mixer.endInput();
  say('mixed', await all(mixer));
}
{
  const say = trace('streams of a track');
  const { source, track } = openTrack();
  const mixer = new AudioMixer(48_000, 1, { ...patient, blocksize: 480 });
  const streams = [1, 2].map(() => new AudioStream(track));
  for (const stream of streams) mixer.addStream(stream);
  const seen = [];
  const mixed = (async () => {
    for await (const { data } of mixer) seen.push(data[0]);
  })();
  await playPaced(
    source,
    40,
    (i) => level(100 * (i + 1)),
    () => seen.length,
  );
  say('mixed', seen);
  await track.close();
  await mixed;
  say('ended', seen.length);
}
{
  const say = trace('a stream that is removed');
  const { source, track } = openTrack();
  const other = openTrack();
  const mixer = new AudioMixer(48_000, 1, { ...patient, blocksize: 480 });
  const streams = [track, other.track].map((of) => new AudioStream(of));
  for (const stream of streams) mixer.addStream(stream);
  const seen = [];
  const mixed = (async () => {
    for await (const { data } of mixer) seen.push(data[0]);
  })();
  for (let i = 0; i < 10; i++) {
    await Promise.all([source.captureFrame(level(100)), other.source.captureFrame(level(20))]);
    await until(() => seen.length >= i - 4);
  }
  await until(() => seen.length === 10);
  say('both', runs(seen));
  mixer.removeStream(streams[1]);
  await other.source.captureFrame(level(20)); // for which the mixer waits by now
  await playPaced(
    source,
    10,
    () => level(100),
    () => seen.length - 10,
  );
  say('one', runs(seen.slice(11)));
  const closing = outcome(mixer.aclose());
  await source.captureFrame(level(1)); // for which the mixer waits
  say('closed', await closing);
  await mixed;
  await outcome(track.close());
  await outcome(other.track.close());
}
{
  const say = trace('closed while it waits');
  const mixer = new AudioMixer(48_000, 1, patient);
  const waiting = outcome(mixer[Symbol.asyncIterator]().next());
  say('aclose', await outcome(mixer.aclose()));
  say('waiting', await waiting);
  say('twice', await outcome(mixer.aclose()));
}
{
  const say = trace('a stream that is late');
  const mixer = new AudioMixer(48_000, 1, { blocksize: 480 }); // waits for 100 ms
  async function* late() {
    yield level(100);
    await sleep(250);
    yield level(101);
  }
  mixer.addStream(late());
  say(
    'mixed',
    (await all(mixer)).map(([values, count]) => [values[4], count]),
  );
}
{
  const say = trace('a stream that throws');
  const mixer = new AudioMixer(48_000, 1, { ...patient, blocksize: 480 });
  async function* throwing() {
    yield level(100);
    throw new Error('no more');
  }
  mixer.addStream(throwing());
  mixer.addStream(levels(20, 3));
  say('mixed', await all(mixer));
  say(
    'too late',
    result(() => mixer.addStream(levels(1, 1))),
  );
}
{
  const say = trace('of another rate');
  const mixer = new AudioMixer(48_000, 1, { ...patient, blocksize: 480 });
  async function* slower() {
    for (let i = 0; i < 30; i++) yield level(7, { rate: 16_000 });
  }
  mixer.addStream(slower());
  let frames = 0;
  for await (const _ of mixer) frames++;
  say('frames', frames);
}
{
  const say = trace('contexts');
  const storage = new AsyncLocalStorage();
  const seen = [];
  async function* telling() {
    for (let i = 0; i < 3; i++) {
      seen.push(storage.getStore());
      await sleep(1);
      yield level(i);
    }
  }
  const mixer = storage.run('made', () => new AudioMixer(48_000, 1, { ...patient, blocksize: 480 }));
  storage.run('added', () => mixer.addStream(telling()));
  await storage.run('read', () => all(mixer));
  say('of a stream', seen);
}
{
  const say = trace('told that nothing comes, while it is read');
  const mixer = new AudioMixer(48_000, 1, patient);
  const next = mixer[Symbol.asyncIterator]().next();
  mixer.endInput();
  say('ends', await soon(next));
}
{
  const say = trace('a full queue');
  const mixer = new AudioMixer(48_000, 1, { ...patient, blocksize: 480, capacity: 2 });
  let given = 0;
  async function* counted() {
    while (given < 6) yield level(given++);
  }
  mixer.addStream(counted());
  await until(() => given >= 2);
  await sleep(20);
  say('closed', await outcome(mixer.aclose()));
  say('left', await all(mixer));
}
program(
  'stereo',
  await (async () => {
    const mixer = new AudioMixer(16_000, 2, { ...patient, blocksize: 160 });
    mixer.addStream(
      (async function* () {
        for (let i = 0; i < 4; i++) yield level(5, { rate: 16_000, channels: 2 });
      })(),
    );
    mixer.endInput();
    return all(mixer);
  })(),
);
await sayLeftovers();
process.exit();
