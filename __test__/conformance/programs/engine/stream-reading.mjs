// AudioStream: each way to read it, and each way to stop.
import { AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, playPaced, record } from '../sound.mjs';
import { kind, outcome, result, say as program, trace, until } from '../trace.mjs';

const { source, track } = openTrack();
const reference = record(new AudioStream(track));
const heard = () => reference.frames.length;
let played = 0;
/** Plays `count` frames: the first of all has samples of 100, the next of 200, … */
const play = (count) => playPaced(source, count, () => level(100 * ++played), heard);
const first = (frame) => (frame ? frame.data[0] : frame);
const ended = ({ done, value }) => [done, first(value)];

{
  const say = trace('for await');
  const stream = new AudioStream(track);
  void play(20);
  const seen = [];
  for await (const frame of stream) if (seen.push(first(frame)) === 5) break;
  say(
    'five',
    seen.map((value, at) => value - seen[0] === 100 * at),
  );
  say('locked after break', stream.locked);
  say('again', await outcome(stream[Symbol.asyncIterator]().next().then(ended)));
  await until(() => heard() === played && played === 20);
}
{
  const say = trace('for await that throws');
  const stream = new AudioStream(track);
  void play(5);
  const thrown = await outcome(
    (async () => {
      for await (const _ of stream) throw new RangeError('no more');
    })(),
  );
  say('thrown', thrown);
  say('then', [stream.locked, ended(await stream.getReader().read())]);
  await until(() => heard() === 25);
}
{
  const say = trace('values that keep the stream');
  const stream = new AudioStream(track);
  await play(6);
  let seen = [];
  for await (const frame of stream.values({ preventCancel: true })) if (seen.push(first(frame)) === 3) break;
  say('before', seen);
  say('locked', stream.locked);
  seen = [];
  for await (const frame of stream) if (seen.push(first(frame)) === 3) break;
  say('after', seen);
}
{
  const say = trace('reader');
  const stream = new AudioStream(track);
  let reader = stream.getReader();
  say('locked', [stream.locked, result(() => stream.getReader()), await outcome(stream.cancel())]);
  say(
    'bytes',
    result(() => new AudioStream(track).getReader({ mode: 'byob' })),
  );
  await play(4);
  say('reads', [first((await reader.read()).value), first((await reader.read()).value)]);
  reader.releaseLock();
  say('released', [stream.locked, await outcome(reader.read()), await outcome(reader.closed)]);
  reader = stream.getReader();
  say('goes on', [first((await reader.read()).value), first((await reader.read()).value)]);
  const pending = [reader.read(), reader.read(), reader.read()].map((promise) => promise.then(ended));
  await play(3);
  say('asked ahead', await Promise.all(pending));
  const waiting = outcome(reader.read().then(ended));
  say('cancel', await outcome(reader.cancel('enough')));
  say('waiting', await waiting);
  say('closed', [
    await outcome(reader.closed),
    await outcome(reader.read().then(ended)),
    await outcome(reader.cancel()),
  ]);
}
{
  const say = trace('reader that is released while it waits');
  const stream = new AudioStream(track);
  const reader = stream.getReader();
  const waiting = outcome(reader.read());
  reader.releaseLock();
  say('waiting', await waiting);
  const next = stream.getReader();
  const read = next.read().then(ended);
  await play(1);
  say('next reader', [first(reference.frames.at(-1)), (await read)[1] === first(reference.frames.at(-1))]);
  await next.cancel();
}
{
  const say = trace('pipeTo');
  const stream = new AudioStream(track);
  const seen = [];
  const stopping = new AbortController();
  const piped = outcome(
    stream.pipeTo(
      new WritableStream({
        write: (frame) => void seen.push(first(frame)),
        abort: (reason) => say('aborted', kind(reason)),
      }),
      {
        signal: stopping.signal,
      },
    ),
  );
  await play(10);
  await until(() => seen.length === 10);
  stopping.abort();
  say('ended', await piped);
  say('seen', seen);
  say('then', [stream.locked, ended(await stream.getReader().read())]);
}
{
  const say = trace('pipeTo that fails');
  const stream = new AudioStream(track);
  const piped = outcome(stream.pipeTo(new WritableStream({ write: () => Promise.reject(new RangeError('full')) })));
  await play(2);
  say('ended', await piped);
  say('then', [stream.locked, ended(await stream.getReader().read())]);
}
{
  const say = trace('pipeThrough');
  const stream = new AudioStream(track);
  const values = new TransformStream({ transform: (frame, out) => out.enqueue(first(frame)) });
  const reader = stream.pipeThrough(values).getReader();
  await play(3);
  say('reads', [await reader.read(), await reader.read(), await reader.read()]);
  await reader.cancel();
}
{
  const say = trace('tee');
  const stream = new AudioStream(track);
  const [one, other] = stream.tee().map((branch) => branch.getReader());
  say('locked', stream.locked);
  await play(4);
  say('one', [first((await one.read()).value), first((await one.read()).value)]);
  const cancelled = one.cancel();
  say('other', [
    first((await other.read()).value),
    first((await other.read()).value),
    first((await other.read()).value),
  ]);
  await other.cancel();
  say('cancelled', await outcome(cancelled));
}
{
  const say = trace('cancel');
  const stream = new AudioStream(track);
  await play(5);
  say('cancel', [await outcome(stream.cancel('enough')), await outcome(stream.cancel())]);
  say('read', ended(await stream.getReader().read()));
  const unread = new AudioStream(track);
  say('at once', await outcome(unread.cancel()));
}
{
  const say = trace('two of one track');
  const streams = [new AudioStream(track), new AudioStream(track)];
  await play(5);
  await streams[0].cancel();
  await play(5);
  const other = record(streams[1]);
  await until(() => other.frames.length === 10);
  say('other', other.frames.map(first));
  say('cancel while it is read', await outcome(streams[1].cancel()));
}
const late = new AudioStream(track);
await play(3);
const reader = late.getReader();
const reads = [1, 2, 3].map(() => reader.read().then(ended));
await Promise.all(reads);
const waiting = reader.read().then(ended);
await track.close();
program('the track ends', [await waiting, await outcome(reader.closed)]);
await reference.ended;
program(
  'reference',
  reference.frames.map(first).every((value, at) => value === 100 * (at + 1)),
);
program(
  'on a closed track',
  result(() => new AudioStream(track).locked),
);
await sayLeftovers();
process.exit();
