// What `npm run test:platform` runs in a Node for another platform: each part of the package once, as it was installed, and
// LiveKit's engine where there is one. PLATFORM: the platform, as napi-rs calls it; ENGINE: whether there is an engine; RUNNER:
// what starts a program of that platform, if it takes one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { AudioResampler, AudioStream, AudioStreamTrack, FfiQueue, RingBuffer } from 'narrowcast';

const { ENGINE, PLATFORM, RUNNER } = process.env;
const require = createRequire(import.meta.url);

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

test('the addon is that of this platform, from its own package', () => {
  const [platform, arch, libc] = PLATFORM.split('-');
  assert.deepEqual([process.platform, process.arch], [platform, arch]);
  if (platform === 'linux') {
    process.report.excludeNetwork = true;
    assert.equal(process.report.getReport().header.glibcVersionRuntime === undefined, libc === 'musl');
  }
  const loaded = Object.keys(require.cache).filter((file) => /narrowcast[^/\\]*\.node$/.test(file));
  assert.deepEqual(
    loaded.map((file) => path.basename(file)),
    [`narrowcast.${PLATFORM}.node`],
  );
  assert.equal(path.basename(path.dirname(loaded[0])), `narrowcast-${PLATFORM}`);
});

test('it loads from a path of more than 260 characters', async () => {
  const folder = path.join(import.meta.dirname, 'long', ...Array.from({ length: 8 }, (_, i) => `${i}`.repeat(32)));
  const installed = path.join(import.meta.dirname, 'node_modules');
  for (const name of ['narrowcast', `narrowcast-${PLATFORM}`]) {
    // Not cpSync: in Node 22 for Windows it ends the process where a path is not ASCII.
    await fs.promises.cp(path.join(installed, name), path.join(folder, 'node_modules', name), { recursive: true });
  }
  try {
    const long = createRequire(path.join(folder, 'x.js')).resolve('narrowcast');
    assert.ok(long.length > 260);
    const program = "console.log(new (require('narrowcast').RingBuffer)({ capacity: 10 }).write(new Int16Array(4)));";
    fs.writeFileSync(path.join(folder, 'x.cjs'), program);
    const [command, ...args] = [...(RUNNER ? [RUNNER] : []), process.execPath, path.join(folder, 'x.cjs')];
    const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    assert.deepEqual([stdout, stderr], ['4\n', '']);
  } finally {
    fs.rmSync(path.join(import.meta.dirname, 'long'), { recursive: true });
  }
});

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

const noEngine = ENGINE ? false : `LiveKit has no engine for ${PLATFORM}`;

test('where there is no engine, narrowcast/livekit says so', { skip: !noEngine }, async () => {
  const { install } = await import('narrowcast/livekit');
  assert.throws(() => install(), { code: 'ENGINE_NOT_FOUND' });
});

test("the engine's frames reach their stream", { skip: noEngine }, async () => {
  const { AudioFrame, LocalAudioTrack } = await import('@livekit/rtc-node');
  const { AudioSource, AudioStream: TrackAudio, install } = await import('narrowcast/livekit');
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
