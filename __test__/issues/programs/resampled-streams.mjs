// A stream of two channels that is resampled, and one that is cancelled.
import * as rtc from '@livekit/rtc-node';
import { TransformStream } from 'node:stream/web';
import { narrowcast, report } from './side.mjs';
import { AudioResampler, resampleStream } from '../../../dist/index.js';

let closed = 0;
const { prototype } = narrowcast ? AudioResampler : rtc.AudioResampler;
const { close } = prototype;
prototype.close = function () {
  closed++;
  close.call(this);
};

/** With what rtc-node has: a resampler made from what the agents tell it, closed when the stream ends. */
function withTransform(stream) {
  const resampler = new rtc.AudioResampler(48_000, 16_000);
  const transform = (frame, controller) => resampler.push(frame).forEach((each) => controller.enqueue(each));
  const flush = (controller) => {
    resampler.flush().forEach((each) => controller.enqueue(each));
    resampler.close();
  };
  return stream.pipeThrough(new TransformStream({ transform, flush }));
}

const resampled = (frames) => {
  const stream = ReadableStream.from(frames);
  return narrowcast ? resampleStream({ stream, outputRate: 16_000 }) : withTransform(stream);
};

const frames = Array.from({ length: 10 }, () => rtc.AudioFrame.create(48_000, 2, 4800));
const found = { channels: new Set(), samplesPerChannel: 0 };
for await (const { channels, samplesPerChannel } of resampled(frames)) {
  found.channels.add(channels);
  found.samplesPerChannel += samplesPerChannel;
}
const closedAtTheEnd = closed;
const reader = resampled(frames).getReader();
await reader.read();
await reader.cancel();
report({ ...found, channels: [...found.channels], closedAtTheEnd, closedWhenCancelled: closed - closedAtTheEnd });
