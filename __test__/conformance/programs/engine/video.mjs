// VideoSource and VideoStream: what a frame is, and each way to stop.
import {
  LocalVideoTrack,
  VideoBufferType,
  VideoFrame,
  VideoRotation,
  VideoSource,
  VideoStream,
} from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { kind, outcome, result, say as program, trace, until } from '../trace.mjs';

const [WIDTH, HEIGHT] = [64, 48];
const open = () => {
  const source = new VideoSource(WIDTH, HEIGHT);
  return { source, track: LocalVideoTrack.createVideoTrack('video', source) };
};
/** A grey picture, as RGBA. */
const picture = (grey) => {
  const data = new Uint8Array(WIDTH * HEIGHT * 4).fill(grey);
  return new VideoFrame(data, WIDTH, HEIGHT, VideoBufferType.RGBA);
};
/** Shows pictures until `seen` is true: the engine keeps a queue of few, and counts none. */
async function showUntil(source, seen) {
  for (let at = 1; !seen(); at++) {
    source.captureFrame(picture(128), BigInt(at * 33_000));
    const enough = performance.now() + 30;
    await until(() => seen() || performance.now() > enough);
  }
}

{
  const say = trace('frames');
  const { source, track } = open();
  say('source', [source.width, source.height, source.closed, Object.keys(source).includes('ffiHandle')]);
  const stream = new VideoStream(track);
  say('stream', [stream instanceof ReadableStream, stream.locked]);
  const reader = stream.getReader();
  let first;
  const read = reader.read().then(({ value }) => (first = value));
  await showUntil(source, () => first);
  await read;
  say('event', Object.keys(first).toSorted());
  say('frame', [
    first.frame instanceof VideoFrame,
    first.frame.width,
    first.frame.height,
    first.frame.type === VideoBufferType.I420,
  ]);
  say('data', [first.frame.data.constructor.name, first.frame.data.length]);
  say('rotation', first.rotation);
  say('timestamp', typeof first.timestampUs);
  say(
    'planes',
    [0, 1, 2, 3].map((plane) => first.frame.getPlane(plane)?.length),
  );
  say('grey', Math.abs(first.frame.getPlane(0)[0] - 126) < 5);
  for (const type of [
    VideoBufferType.RGBA,
    VideoBufferType.BGRA,
    VideoBufferType.RGB24,
    VideoBufferType.NV12,
    VideoBufferType.I444,
  ]) {
    const converted = result(() => first.frame.convert(type));
    say(
      `as ${VideoBufferType[type]}`,
      converted.value ? [converted.value.type === type, converted.value.data.length] : converted,
    );
  }
  say('cancel', await outcome(reader.cancel()));
  say('read', await outcome(reader.read().then(({ done }) => done)));
  await track.close();
}
{
  const say = trace('order');
  const { source, track } = open();
  const seen = [];
  const ended = (async () => {
    for await (const { timestampUs } of new VideoStream(track)) seen.push(timestampUs);
  })();
  await showUntil(source, () => seen.length >= 8);
  await track.close();
  await ended;
  say(
    'rising',
    seen.every((at, i) => i === 0 || at > seen[i - 1]),
  );
}
{
  const say = trace('left by break');
  const { source, track } = open();
  const stream = new VideoStream(track);
  let seen = 0;
  const reading = (async () => {
    for await (const _ of stream) if (++seen === 2) break;
  })();
  await showUntil(source, () => seen === 2);
  await reading;
  say('then', [stream.locked, (await stream.getReader().read()).done]);
  await track.close();
}
{
  const say = trace('rotated');
  const { source, track } = open();
  const seen = [];
  const stream = new VideoStream(track);
  const reading = (async () => {
    for await (const { rotation } of stream) seen.push(rotation);
  })();
  while (seen.length < 3) {
    source.captureFrame(picture(1), 1n, VideoRotation.VIDEO_ROTATION_180);
    await until(() => true);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await track.close();
  await reading;
  say('rotation', [...new Set(seen)]);
}
{
  const say = trace('closed source');
  const { source } = open();
  await source.close();
  say('closed', source.closed);
  say(
    'capture',
    result(() => source.captureFrame(picture(1))),
  );
  say('twice', await outcome(source.close()));
}
program('no track', result(() => new VideoStream(undefined)) && kind(new TypeError()));
await sayLeftovers();
process.exit();
