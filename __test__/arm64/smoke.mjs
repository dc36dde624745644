// What `npm run test:arm64` runs in an arm64 Node: each part of the addon once, on the real engine where there is one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { LocalAudioTrack, AudioFrame } from '@livekit/rtc-node';
import { AudioResampler, AudioStream, AudioStreamTrack, FfiQueue, RingBuffer } from 'narrowcast';
import { AudioSource, AudioStream as TrackAudio, install } from 'narrowcast/livekit';

const tone = (hz, rate, samples) =>
  Int16Array.from({ length: samples }, (_, i) => Math.round(16_000 * Math.sin((2 * Math.PI * hz * i) / rate)));

/** How much louder the tone of `hz` is than all else, in dB. */
function toneToNoise(samples, hz, rate) {
  let [re, im, energy] = [0, 0, 0];
  for (const [i, sample] of samples.entries()) {
    re += sample * Math.cos((2 * Math.PI * hz * i) / rate);
    im += sample * Math.sin((2 * Math.PI * hz * i) / rate);
    energy += sample * sample;
  }
  const ofTone = (2 * (re * re + im * im)) / samples.length;
  return 10 * Math.log10(ofTone / Math.max(energy - ofTone, Number.MIN_VALUE));
}

test('this is arm64', () => assert.equal(process.arch, 'arm64'));

test('events go to who asked for them, in order', async () => {
  const queue = new FfiQueue({ types: ['audio', 'stats'] });
  const mine = queue.subscribe({ types: ['audio'], handles: [7n] });
  const first = mine.next();
  for (let i = 0; i < 100; i++) queue.put(i % 2 ? 'audio' : 'stats', Uint8Array.of(i), i % 4 === 1 ? 7n : 8n);
  const all = [(await first).value, ...mine.drain()].map(({ payload }) => payload[0]);
  assert.deepEqual(
    all,
    Array.from({ length: 25 }, (_, i) => 4 * i + 1),
  );
  queue.close();
  assert.throws(() => queue.put('audio', new Uint8Array(1)), { code: 'CLOSED' });
});

test('a stream keeps what fits, and counts what it drops', async () => {
  const stream = new AudioStream({ sampleRate: 16_000, bufferMs: 100 });
  stream.write(tone(440, 16_000, 3200));
  stream.close();
  const frames = await collect(stream);
  assert.equal(frames.length, 10);
  assert.equal(frames[0].userdata.droppedBefore, 10);
  assert.equal(stream.stats().framesDropped, 10);
});

for (const quality of [1, 2, 3, 4]) {
  test(`the resampler keeps a tone, and nothing else, at quality ${quality}`, () => {
    const resampler = new AudioResampler(48_000, 16_000, 1, quality);
    const output = new Int16Array(resampler.maxOutput(96_000));
    const samples = output.subarray(0, resampler.pushInto(tone(1000, 48_000, 96_000), output));
    // A whole number of periods, past the filter's beginning.
    const ratio = toneToNoise(samples.subarray(8000, 24_000), 1000, 16_000);
    assert.ok(ratio > 80, `${ratio} dB`);
    resampler.close();
  });
}

test('a worker thread writes what this thread reads', async () => {
  const ring = new RingBuffer({ capacity: 16_000 });
  const program = `
    const { RingBuffer } = require('narrowcast');
    RingBuffer.open(require('node:worker_threads').workerData).write(Int16Array.from({ length: 1000 }, (_, i) => i - 500));`;
  const worker = new Worker(program, { eval: true, workerData: ring.id });
  assert.equal(await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject)), 0);
  const samples = new Int16Array(1000);
  assert.equal(ring.read(samples), 1000);
  assert.deepEqual(
    samples,
    Int16Array.from({ length: 1000 }, (_, i) => i - 500),
  );
});

test('a track plays what was written', async () => {
  const track = new AudioStreamTrack({ sampleRate: 8000 });
  const speech = tone(440, 8000, 320);
  track.write({ data: speech, sampleRate: 8000, channels: 1 }, { final: true });
  const played = [...(await track.recv()).data, ...(await track.recv()).data];
  assert.deepEqual(Int16Array.from(played), speech);
  track.stop();
});

test("the engine's frames reach their stream", async () => {
  const engine = install();
  const source = new AudioSource(48_000, 1, 0);
  const track = LocalAudioTrack.createAudioTrack('tone', source);
  const stream = new TrackAudio(track, 48_000);
  const reader = stream.getReader();
  const speech = tone(1000, 48_000, 480);
  const playing = { on: true };
  const player = (async () => {
    while (playing.on) await source.captureFrame(new AudioFrame(speech, 48_000, 1, 480));
  })();
  const heard = [];
  while (heard.length < 9600) {
    const { value } = await reader.read();
    if (heard.length > 0 || value.data.some((sample) => sample !== 0)) heard.push(...value.data);
  }
  playing.on = false;
  await player;
  await reader.cancel();
  await track.close();
  assert.ok(toneToNoise(Int16Array.from(heard).subarray(4800), 1000, 48_000) > 40);
  assert.equal(engine.stats().malformed, 0);
  engine.uninstall();
});

async function collect(stream) {
  const frames = [];
  for await (const frame of stream) frames.push(frame);
  return frames;
}
