// FrameProcessor: which of its methods are called, in which order, in every way in which a stream can end.
import { AudioFrame, AudioStream, FrameProcessor, isFrameProcessor } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, playPaced, record, settled } from '../sound.mjs';
import { outcome, runs, say as program, trace, until } from '../trace.mjs';

class Recorder extends FrameProcessor {
  calls = [];
  enabled = true;
  isEnabled() {
    return this.enabled;
  }
  setEnabled(enabled) {
    this.enabled = enabled;
  }
  onStreamInfoUpdated() {
    this.calls.push('onStreamInfoUpdated');
  }
  onStreamInfoCleared() {
    this.calls.push('onStreamInfoCleared');
  }
  onCredentialsUpdated() {
    this.calls.push('onCredentialsUpdated');
  }
  onCredentialsCleared() {
    this.calls.push('onCredentialsCleared');
  }
  process(frame) {
    this.calls.push(frame instanceof AudioFrame ? 'process' : 'process of something else');
    return new AudioFrame(
      frame.data.map((sample) => sample + 1),
      frame.sampleRate,
      frame.channels,
      frame.samplesPerChannel,
    );
  }
  close() {
    this.calls.push('close');
  }
}

program('is one', [isFrameProcessor(new Recorder()), isFrameProcessor({ process: () => {} })]);

const track = openTrack();
const reference = record(new AudioStream(track.track));
const open = (processor, options = {}) => new AudioStream(track.track, { noiseCancellation: processor, ...options });
const play = (count) =>
  playPaced(
    track.source,
    count,
    () => level(1000),
    () => reference.frames.length,
  );
const first = (frame) => frame?.data[0];
/** Plays `count` frames, which a stream gets all; returns the first sample of each. */
async function through(stream, count) {
  const reader = stream.getReader();
  const reads = Array.from({ length: count }, () => reader.read());
  await play(count);
  const frames = await Promise.all(reads);
  reader.releaseLock();
  return runs(frames.map(({ value }) => first(value)));
}

for (const autoCloseNoiseCancellation of [undefined, true, false]) {
  const say = trace(`cancelled, close: ${autoCloseNoiseCancellation}`);
  const processor = new Recorder();
  const stream = open(processor, { autoCloseNoiseCancellation });
  say('opened', processor.calls);
  say('frames', await through(stream, 5));
  say('called', runs(processor.calls));
  await stream.cancel();
  await stream.cancel();
  say('cancelled', runs(processor.calls));
}
{
  const say = trace('left by break');
  const processor = new Recorder();
  const stream = open(processor);
  void play(10);
  let seen = 0;
  for await (const frame of stream) if (first(frame) === 1001 && ++seen === 3) break;
  await settled(() => reference.frames.length);
  say('closed once, and last', [processor.calls.filter((call) => call === 'close').length, processor.calls.at(-1)]);
}
{
  const say = trace('switched off and on');
  const processor = new Recorder();
  const stream = open(processor);
  const frames = [];
  for (const enabled of [true, false, true]) {
    processor.setEnabled(enabled);
    frames.push(await through(stream, 3));
  }
  say('frames', frames);
  await stream.cancel();
  say('called', runs(processor.calls));
}
{
  const say = trace('that throws');
  const processor = new Recorder();
  processor.process = () => {
    processor.calls.push('process');
    throw new RangeError('no');
  };
  const stream = open(processor);
  say('frames', await through(stream, 4));
  await stream.cancel();
  say('called', runs(processor.calls));
}
{
  const say = trace('whose close throws');
  const processor = new Recorder();
  processor.close = () => {
    processor.calls.push('close');
    throw new RangeError('no');
  };
  const stream = open(processor);
  say('frames', await through(stream, 2));
  say('cancel', await outcome(stream.cancel()));
  say('called', runs(processor.calls));
}
{
  const say = trace('of a stream that is never read');
  const processor = new Recorder();
  const stream = open(processor);
  await play(5);
  await stream.cancel();
  say('processed', processor.calls.includes('process'));
  say('closed once, and last', [processor.calls.filter((call) => call === 'close').length, processor.calls.at(-1)]);
}
{
  const say = trace('used twice');
  const processor = new Recorder();
  const one = open(processor, { autoCloseNoiseCancellation: false });
  const other = open(processor);
  say('frames', await through(one, 2));
  await one.cancel();
  say('other', [
    await other
      .getReader()
      .read()
      .then(({ value }) => first(value)),
  ]);
  say('open', processor.calls.includes('close'));
}
{
  const say = trace('no processor');
  const processor = { isEnabled: () => true, process: (frame) => frame, close: () => say('closed') };
  // What has not rtc-node's symbol is taken for the options of a plug-in that the engine does not know.
  say('opens', await outcome((async () => open(processor).locked)()));
}

const ends = trace('the track ends');
const processor = new Recorder();
const recorded = record(open(processor));
await play(10);
await until(() => recorded.frames.length === 10);
await track.track.close();
await recorded.ended;
ends('frames', runs(recorded.frames.map(first)));
ends('called', runs(processor.calls));
await reference.ended;
await sayLeftovers();
process.exit();
