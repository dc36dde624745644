// AudioStream: every form of its constructor, usual and odd rates, lengths of frames: what a frame is, and how many come.
import { AudioFrame, AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { openTrack, playPaced, record, settled, tone, toneShare } from '../sound.mjs';
import { result, trace } from '../trace.mjs';

const FRAMES = 60;
const rates = [8000, 11_025, 12_345, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
const lengths = [10, 20, 30, 50, 100];
const forms = {
  'no more': [],
  undefined: [undefined],
  ...Object.fromEntries(rates.map((rate) => [`${rate} Hz`, [rate]])),
  'a rate and 2 channels': [24_000, 2],
  'no options': [{}],
  'a rate as option': [{ sampleRate: 16_000 }],
  '2 channels as option': [{ numChannels: 2 }],
  ...Object.fromEntries(lengths.map((ms) => [`frames of ${ms} ms`, [{ sampleRate: 16_000, frameSizeMs: ms }]])),
  '22,050 Hz and frames of 25 ms': [{ sampleRate: 22_050, frameSizeMs: 25 }],
  '11,025 Hz, 2 channels and frames of 15 ms': [{ sampleRate: 11_025, numChannels: 2, frameSizeMs: 15 }],
};

const { source, track } = openTrack();
const streams = Object.entries(forms).flatMap(([form, args]) => {
  const say = trace(`stream with ${form}`);
  const { value: stream, error } = result(() => new AudioStream(track, ...args));
  say('opens', [error, stream instanceof ReadableStream, stream instanceof AudioStream, stream?.locked]);
  return stream ? [{ say, ...record(stream) }] : [];
});
const counted = () => streams.reduce((sum, { frames }) => sum + frames.length, 0);
await playPaced(
  source,
  FRAMES,
  (i) => tone(440, { atMs: i * 10 }),
  () => streams[0].frames.length,
);
await settled(counted);
await track.close();

const distinct = (values) => [...new Set(values.map((value) => JSON.stringify(value)))].map((text) => JSON.parse(text));
for (const { say, frames, ended } of streams) {
  await ended;
  const { sampleRate, channels, data } = frames[0];
  say('ended');
  say('class', distinct(frames.map(({ constructor }) => constructor === AudioFrame)));
  say('fields', distinct(frames.map(Object.keys)));
  say('format', distinct(frames.map((frame) => [frame.sampleRate, frame.channels, frame.samplesPerChannel])));
  say('data', distinct(frames.map(({ data }) => [data.constructor.name, data.byteOffset, data.length])));
  say('own buffer', data.byteLength === data.buffer.byteLength);
  // rtc-node's own streams have a queue of 10 frames in the engine, which drops what a late thread has no room for.
  say.about('frames', frames.length, { blocked: 10, turns: 10 });
  const left = frames.flatMap(({ data }) => [...data].filter((_, i) => i % channels === 0));
  say('hears', toneShare(left.slice(sampleRate / 5, sampleRate / 2), 440, sampleRate) > 0.9);
}
const userdata = streams.flatMap(({ frames }) => frames.map((frame) => Object.keys(frame.userdata)));
trace('frames')('userdata', distinct(userdata));
await sayLeftovers();
process.exit();
