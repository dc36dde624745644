import * as rtc from '@livekit/rtc-node';
import { afterAll, describe, expect, test } from 'vitest';
import { AudioStreamTrack } from '../../src/audio-stream-track.js';
import type { Mark } from '../../src/utterance.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { runNode } from '../support/child.js';
import { failure, untilCollected } from '../support/expect.js';
import { block, until } from '../support/wait.mjs';

const engine = install();
afterAll(() => engine.uninstall());

const RATE = 16_000;

/** Samples that differ from one to the next, without silence. */
const speech = (ms: number) => Int16Array.from({ length: (RATE / 1000) * ms }, (_, i) => (i % 30_000) + 1);
const pcm = (data: Int16Array) => ({ data, sampleRate: RATE, channels: 1 });

/** A track of ours, a source, and a stream that hears what the engine makes of it. */
function open(queueSize = 0) {
  const source = new rtc.AudioSource(RATE, 1, queueSize);
  const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
  const heard = new AudioStream(engineTrack, RATE, 1);
  const track = new AudioStreamTrack({ sampleRate: RATE });
  return { source, engineTrack, heard, track };
}

/**
 * What is heard, from the first sample to the last that is no silence, as soon as `enough` of it is. How long the last of
 * it is on its way depends on the machine.
 */
async function utteranceOf(heard: AudioStream, enough: (samples: number[]) => boolean): Promise<number[]> {
  const all: number[] = [];
  let samples: number[] = [];
  await until(() => {
    for (let frame = heard.tryRead(); frame; frame = heard.tryRead()) all.push(...frame.data);
    const first = all.findIndex((sample) => sample !== 0);
    samples = first === -1 ? [] : all.slice(first, all.findLastIndex((sample) => sample !== 0) + 1);
    return enough(samples);
  }, 'the last of it was heard');
  return samples;
}

const frames = (heard: AudioStream) => heard.stats().framesIn;

/** What comes of a promise. */
function outcome(promise: Promise<unknown>): { done: boolean; error?: unknown } {
  const result: { done: boolean; error?: unknown } = { done: false };
  promise.then(
    () => (result.done = true),
    (error: unknown) => Object.assign(result, { done: true, error }),
  );
  return result;
}

describe.each([
  ['without a queue', 0],
  ['with the usual queue', 1000],
])('a source %s', (_, queueSize) => {
  test('plays all that is written while JavaScript is blocked', async () => {
    const { source, heard, track } = open(queueSize);
    const piped = outcome(track.pipeTo(source));
    const said = speech(1500);
    track.write(pcm(said), { final: true });
    await until(() => frames(heard) > 0, 'the engine plays');
    block(500);
    const played = outcome(track.waitForPlayout());
    await until(() => track.bufferedMs < 700, 'half of it was played');
    block(300);
    await until(() => played.done, 'all was played');
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1));
    // A queue is emptied by the engine's own clock: where the machine is too busy, it plays silence in between.
    expect(queueSize === 0 ? samples : samples.filter((sample) => sample !== 0)).toEqual([...said]);
    expect(track.stats().samplesDropped).toBe(0);
    track.stop();
    await until(() => piped.done, 'pipeTo has resolved');
    expect(piped.error).toBeUndefined();
  });
});

test('a track is piped until the signal aborts, and can be received from or piped again afterwards', async () => {
  const { source, heard, track } = open();
  const controller = new AbortController();
  const piped = outcome(track.pipeTo(source, { signal: controller.signal }));
  await until(() => frames(heard) > 2, 'the engine plays');
  await expect(track.recv()).rejects.toEqual(failure('LOCKED', 'abort pipeTo'));
  await expect(track.pipeTo(source)).rejects.toEqual(failure('LOCKED', 'already'));
  track.write(pcm(speech(1000)), { final: true });
  const reason = new Error('interrupted');
  controller.abort(reason);
  await until(() => piped.done, 'pipeTo has rejected');
  expect(piped.error).toBe(reason);

  const { framesOut } = track.stats();
  const rest = track.bufferedMs;
  const frame = await track.recv();
  expect(frame.pts).toBe(0);
  expect(frame.data.every((sample, i) => sample === frame.data[0]! + i)).toBe(true);
  expect(frame.data[0]).not.toBe(0);
  expect(track.bufferedMs).toBeCloseTo(rest - 20, 3);
  expect(track.stats().framesOut).toBe(framesOut + 1);

  const again = outcome(track.pipeTo(source));
  await track.waitForPlayout();
  track.stop();
  await until(() => again.done, 'the second pipeTo has resolved');
  expect(again.error, 'nothing plays into the source any more').toBeUndefined();
});

test('flush is heard at once: what was not played never is, and what follows is', async () => {
  const { source, heard, track } = open();
  void track.pipeTo(source);
  track.write(pcm(speech(20_000)), { final: true });
  await until(() => frames(heard) > 10, 'the engine plays');
  const waiting = outcome(track.waitForPlayout());
  track.flush();
  await until(() => waiting.done, 'waits for what was flushed have ended');
  const after = Int16Array.from({ length: 1600 }, (_, i) => -1 - i);
  track.write(pcm(after), { final: true });
  await track.waitForPlayout();
  const samples = await utteranceOf(heard, (samples) => samples.at(-1) === after.at(-1));
  expect(samples.slice(-1600)).toEqual([...after]);
  expect(samples.length).toBeLessThan(RATE * 15);
  track.stop();
});

test('several waiters are told one after the other, while it plays', async () => {
  const { source, track } = open();
  void track.pipeTo(source);
  const order: number[] = [];
  const waits = [1, 2, 3].map((n) => {
    track.write(pcm(speech(60)), { final: true });
    return track.waitForPlayout().then(() => order.push(n, track.bufferedMs));
  });
  await Promise.all(waits);
  expect(order.filter((_, i) => i % 2 === 0)).toEqual([1, 2, 3]);
  expect(order.at(-1)).toBe(0);
  track.stop();
});

test('many tracks are played by one thread, each with what is its own', async () => {
  const all = Array.from({ length: 8 }, () => open());
  const piped = all.map(({ track, source }) => outcome(track.pipeTo(source)));
  all.forEach(({ track }, n) => track.write(pcm(new Int16Array(RATE / 2).fill(n + 1)), { final: true }));
  await Promise.all(all.map(({ track }) => track.waitForPlayout()));
  for (const [n, { heard, track }] of all.entries()) {
    expect(await utteranceOf(heard, ({ length }) => length >= RATE / 2)).toEqual(Array(RATE / 2).fill(n + 1));
    track.stop();
  }
  await until(() => piped.every(({ done, error }) => done && error === undefined), 'all have resolved');
});

test('a source that is closed ends it with an error, and the track lives on', async () => {
  const { source, heard, track } = open();
  const piped = outcome(track.pipeTo(source));
  await until(() => frames(heard) > 2, 'the engine plays');
  track.write(pcm(speech(60_000)), { final: true });
  const waiting = outcome(track.waitForPlayout());
  await source.close();
  await until(() => piped.done, 'pipeTo has rejected');
  expect(piped.error).toEqual(failure('ENGINE_REQUEST_FAILED', 'closed'));
  await until(() => waiting.done, 'waits for what will not be heard have ended');
  expect(waiting.error).toBe(piped.error);
  track.flush();
  expect((await track.recv()).data).toHaveLength(320);
});

test('a source of another kind is refused', async () => {
  const track = new AudioStreamTrack({ sampleRate: RATE });
  for (const source of [new rtc.AudioSource(48_000, 1), new rtc.AudioSource(RATE, 2)]) {
    await expect(track.pipeTo(source)).rejects.toEqual(failure('INVALID_ARGUMENT', 'as the track has'));
  }
});

test('a track that is piped is never collected, and is once it was stopped', async () => {
  let collected = false;
  const registry = new FinalizationRegistry(() => (collected = true));
  const controller = new AbortController();
  const source = new rtc.AudioSource(RATE, 1, 0);
  const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
  const heard = new AudioStream(engineTrack, RATE, 1);
  const make = () => {
    const track = new AudioStreamTrack({ sampleRate: RATE });
    registry.register(track, undefined);
    track.pipeTo(source, { signal: controller.signal }).catch(() => {});
  };
  make();
  await untilCollected(() => frames(heard) > 50, 'it plays on though the program does not hold it');
  expect(collected).toBe(false);
  controller.abort();
  await untilCollected(() => collected, 'it is collected');
});

describe('a source that refuses what is played in its answers', () => {
  /** It says that it has one channel, and the engine knows better. */
  const mismatched = () => {
    const { ffiHandle } = new rtc.AudioSource(RATE, 2, 0);
    return { ffiHandle, sampleRate: RATE, numChannels: 1, queueSize: 0 };
  };

  test('ends pipeTo and waitForPlayout with what the engine says, and what is lost is counted', async () => {
    const track = new AudioStreamTrack({ sampleRate: RATE });
    track.write(pcm(speech(10)), { final: true });
    const played = outcome(track.waitForPlayout());
    const piped = outcome(track.pipeTo(mismatched()));
    await until(() => piped.done && played.done, 'both have rejected');
    expect(piped.error).toEqual(failure('ENGINE_REQUEST_FAILED', 'num_channels'));
    expect(played.error).toBe(piped.error);
    expect(track.stats()).toMatchObject({ samplesRefused: 160, samplesDropped: 0, bufferedMs: 0 });
  });

  test('loses no more than it was offered: the rest is played by another source', async () => {
    const { source, heard, track } = open();
    const said = speech(100);
    track.write(pcm(said), { final: true });
    await expect(track.pipeTo(mismatched())).rejects.toEqual(failure('ENGINE_REQUEST_FAILED', 'num_channels'));
    const { samplesRefused } = track.stats();
    expect(samplesRefused).toBe(160);
    void track.pipeTo(source);
    await track.waitForPlayout();
    expect(await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1))).toEqual(
      Array.from(said.subarray(160)),
    );
    track.stop();
  });
});

test('waitForPlayout settles when pipeTo is aborted right after flush', async () => {
  const { source, heard, track } = open();
  const controller = new AbortController();
  const piped = outcome(track.pipeTo(source, { signal: controller.signal }));
  track.write(pcm(speech(5000)), { final: true });
  await until(() => frames(heard) > 2, 'the engine plays');
  const waiting = outcome(track.waitForPlayout());
  track.flush();
  controller.abort();
  await until(() => piped.done && waiting.done, 'both have settled');
  expect(waiting.error).toBeUndefined();
});

describe('a source with a queue', () => {
  const numbered = (ms: number) => Int16Array.from({ length: (RATE / 1000) * ms }, (_, i) => 1 + Math.floor(i / 160));

  test('gets no more when the track is piped again and again: nothing is lost, and nothing waits longer', async () => {
    const { source, heard, track } = open(100);
    const said = numbered(1500);
    track.write(pcm(said), { final: true });
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const piped = outcome(track.pipeTo(source, { signal: controller.signal }));
      const { framesOut } = track.stats();
      await until(() => track.stats().framesOut > framesOut, 'it is played');
      controller.abort();
      await until(() => piped.done, 'pipeTo has rejected');
    }
    void track.pipeTo(source);
    await track.waitForPlayout();
    // Silence where the machine was too busy; each chunk is heard, in order.
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1));
    expect(samples.filter((sample) => sample !== 0)).toEqual([...said]);
    expect(track.stats().samplesRefused).toBe(0);
    track.stop();
  });

  test('is emptied by flush, and the next words are whole', async () => {
    const { source, heard, track } = open(1000);
    void track.pipeTo(source);
    track.write(pcm(numbered(5000)), { final: true });
    await until(() => frames(heard) > 10, 'the engine plays');
    track.flush();
    const after = Int16Array.from({ length: 1600 }, (_, i) => -1 - i);
    track.write(pcm(after), { final: true });
    await track.waitForPlayout();
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === after.at(-1));
    const words = samples.slice(samples.indexOf(-1));
    expect(words.filter((sample) => sample !== 0)).toEqual([...after]);
    track.stop();
  });
});

test('pipeTo rejects where the system lets no thread be started', async () => {
  const { status, stdout } = await runNode('pump-without-thread.mjs');
  const refused = ['rejected', 'OUT_OF_THREADS'];
  expect({ status, results: JSON.parse(stdout) }).toEqual({ status: 0, results: [refused, refused] });
});

describe.each([
  ['without a queue', 0],
  ['with the usual queue', 1000],
])('an AudioSource of narrowcast %s, while a track is piped to it', (_, queueSize) => {
  function openOurs() {
    const source = new AudioSource(RATE, 1, queueSize);
    const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
    const heard = new AudioStream(engineTrack, RATE, 1);
    const track = new AudioStreamTrack({ sampleRate: RATE });
    const controller = new AbortController();
    const piped = outcome(track.pipeTo(source, { signal: controller.signal }));
    return { source, engineTrack, heard, track, controller, piped };
  }

  test('counts what waits in the track and in the engine, and waits for both', async () => {
    const { source, heard, track } = openOurs();
    const said = speech(500);
    track.write(pcm(said), { final: true });
    expect(source.queuedDuration).toBeGreaterThan(400);
    const played = outcome(source.waitForPlayout());
    await until(() => source.queuedDuration < 300, 'some was played');
    expect(source.queuedDuration).toBeGreaterThanOrEqual(track.bufferedMs);
    expect(source.stats().queuedMs).toBeGreaterThan(0);
    expect(played.done).toBe(false);
    await source.waitForPlayout();
    expect([played.done, source.queuedDuration, track.playedMs]).toEqual([true, 0, 500]);
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1));
    expect(samples.filter((sample) => sample !== 0)).toEqual([...said]);
    track.stop();
  });

  test('clearQueue gives up what waits in the track, and resolves the waits for it', async () => {
    const { source, heard, track } = openOurs();
    track.write(pcm(speech(5000)), { final: true });
    await until(() => frames(heard) > 10, 'the engine plays');
    const waiting = [outcome(source.waitForPlayout()), outcome(track.waitForPlayout())];
    source.clearQueue();
    expect([source.queuedDuration, track.bufferedMs]).toEqual([0, 0]);
    await until(() => waiting.every(({ done }) => done), 'both waits are over');
    track.stop();
  });

  test('interrupt tells what was heard, and nothing more of it is', async () => {
    const { source, heard, track } = openOurs();
    const said = speech(1500);
    track.write(pcm(said), { final: true });
    await until(() => frames(heard) > 20, 'the engine plays');
    const { heardMs, discardedMs } = source.interrupt();
    expect(heardMs + discardedMs).toBeCloseTo(1500, 3);
    expect(track.playedMs).toBeCloseTo(heardMs, 3);
    expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    const after = new Int16Array(1600).fill(-1);
    track.write(pcm(after), { final: true });
    await track.waitForPlayout();
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === -1);
    const old = samples.filter((sample) => sample > 0);
    expect(samples.filter((sample) => sample === -1)).toHaveLength(after.length);
    // The engine plays 10 ms at a time, and may have one more on its way.
    expect(Math.abs((old.length / RATE) * 1000 - heardMs)).toBeLessThanOrEqual(25);
    track.stop();
    expect(track.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
  });

  test('captureFrame is LOCKED, and works again after pipeTo was aborted', async () => {
    const { source, heard, controller, piped } = openOurs();
    const frame = rtc.AudioFrame.create(RATE, 1, 160);
    frame.data.fill(7);
    await expect(source.captureFrame(frame)).rejects.toEqual(failure('LOCKED', 'piped'));
    expect(source.queuedDuration).toBe(0);
    controller.abort();
    await until(() => piped.done, 'pipeTo has rejected');
    await source.captureFrame(frame);
    await source.waitForPlayout();
    expect(await utteranceOf(heard, ({ length }) => length > 0)).toEqual(Array(160).fill(7));
    expect(source.stats()).toMatchObject({ framesOut: 1, framesRefused: 0 });
  });

  test('pause keeps what waits, and resume goes on with the next sample', async () => {
    const { source, heard, track } = openOurs();
    expect(track.paused).toBe(false);
    const said = speech(400);
    track.write(pcm(said), { final: true });
    await until(() => track.bufferedMs < 300, 'some was played');
    track.pause();
    track.pause();
    const [kept, unheard] = [track.bufferedMs, source.queuedDuration - track.bufferedMs];
    expect(track.paused).toBe(true);
    const { playedMs } = track;
    const playing = frames(heard);
    await until(() => frames(heard) > playing + 10, 'silence is played');
    expect(track.bufferedMs).toBe(kept);
    // What was in the source's queue: at most two chunks, and three on a busy machine.
    expect(track.playedMs - playedMs).toBeCloseTo(unheard, 0);
    expect(unheard).toBeLessThanOrEqual(31);
    track.resume();
    track.resume();
    await track.waitForPlayout();
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1));
    expect(samples.filter((sample) => sample !== 0)).toEqual([...said]);
    expect(samples.length).toBeGreaterThan(said.length);
    track.stop();
    expect(() => track.pause()).toThrow(failure('CLOSED'));
  });

  test('close ends what waits for playout, and a wait of the source resolves', async () => {
    const { source, track, piped } = openOurs();
    track.write(pcm(speech(5000)), { final: true });
    const waiting = outcome(source.waitForPlayout());
    await source.close();
    await until(() => piped.done && waiting.done, 'both are over');
    expect(piped.error).toEqual(failure('ENGINE_REQUEST_FAILED', 'closed'));
    expect(waiting.error).toBeUndefined();
    expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
  });
});

test('an utterance without final is heard whole at its own end, with what waited in the resampler', async () => {
  const { source, heard, track } = open(1000);
  void track.pipeTo(source);
  const tone = Int16Array.from({ length: 4800 }, () => 5000);
  track.write({ data: tone, sampleRate: 24_000, channels: 1 });
  await track.waitForPlayout();
  expect([track.playedMs, track.bufferedMs]).toEqual([200, 0]);
  track.write({ data: new Int16Array(2400).fill(1), sampleRate: 24_000, channels: 1 }, { final: true });
  await track.waitForPlayout();
  const samples = await utteranceOf(heard, (samples) => samples.at(-1) === 1);
  const next = samples.slice(samples.lastIndexOf(0) + 1);
  expect(Math.max(...next), 'nothing of the first utterance').toBeLessThan(100);
  track.stop();
});

describe.each([
  ['without a queue', 0],
  ['with the usual queue', 1000],
])('an utterance that is piped to a source %s', (_, queueSize) => {
  test('tells what was heard, and when', async () => {
    const { source, heard, track } = open(queueSize);
    void track.pipeTo(source);
    const said = speech(300);
    const utterance = track.say();
    const marks: Promise<Mark>[] = [];
    for (let at = 0; at < said.length; at += 1600) {
      utterance.write(Buffer.from(said.buffer, 2 * at, 3200));
      marks.push(utterance.mark(`${at / 16} ms`));
    }
    const order: string[] = [];
    for (const mark of marks) void mark.then(({ name }) => order.push(name));
    expect(await marks[0]).toMatchObject({ name: '0 ms', heard: true });
    expect(utterance.playedMs).toBeGreaterThanOrEqual(98);
    expect(utterance.state).toBe('open');
    utterance.end();
    expect(await utterance.done).toEqual({ heardMs: 300, interrupted: false });
    expect(order).toEqual(['0 ms', '100 ms', '200 ms']);
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1));
    expect(samples.filter((sample) => sample !== 0)).toEqual([...said]);
    track.stop();
  });

  test('ends with its source: done says why, and no other source plays the rest', async () => {
    const { source, heard, track } = open(queueSize);
    const piped = outcome(track.pipeTo(source));
    const utterance = track.say();
    const written = outcome(utterance.writeAll([speech(5000)]));
    await until(() => frames(heard) > 10 && written.done, 'the engine plays');
    const mark = utterance.mark('never');
    await source.close();
    const end = await utterance.done;
    expect(end).toMatchObject({ interrupted: true, reason: failure('ENGINE_REQUEST_FAILED', 'closed') });
    expect(end.heardMs).toBeLessThan(5000);
    await until(() => piped.done, 'pipeTo has rejected');
    expect(await mark).toMatchObject({ heard: false });
    expect(track.bufferedMs).toBe(0);
    const other = open(queueSize);
    void track.pipeTo(other.source);
    track.write(pcm(new Int16Array(160).fill(7)), { final: true });
    await track.waitForPlayout();
    expect(await firstHeard(other.heard)).toEqual(Array(160).fill(7));
    track.stop();
    other.track.stop();
  });

  test('ends what waits for room to write it with INTERRUPTED when its source is closed', async () => {
    const { source, heard, track } = open(queueSize);
    const piped = outcome(track.pipeTo(source));
    const utterance = track.say();
    const written = outcome(utterance.writeAll([speech(60_000)]));
    await until(() => frames(heard) > 10, 'the engine plays');
    expect(written.done).toBe(false);
    await source.close();
    await until(() => written.done && piped.done, 'both are over');
    expect(written.error).toEqual(failure('INTERRUPTED'));
    expect(await utterance.done).toMatchObject({ reason: failure('ENGINE_REQUEST_FAILED', 'closed') });
    track.stop();
  });

  test('is said as fast as it is heard, over a buffer that is shorter', async () => {
    const source = new rtc.AudioSource(RATE, 1, queueSize);
    const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
    const heard = new AudioStream(engineTrack, RATE, 1);
    const track = new AudioStreamTrack({ sampleRate: RATE, bufferMs: 200 });
    void track.pipeTo(source);
    const said = speech(1000);
    await track.writeAll([said.subarray(0, 1601), Buffer.from(said.buffer, 3202)]);
    await track.waitForPlayout();
    const samples = await utteranceOf(heard, (samples) => samples.at(-1) === said.at(-1));
    expect(samples.filter((sample) => sample !== 0)).toEqual([...said]);
    expect(track.stats().samplesDropped).toBe(0);
    track.stop();
  });
});

/** What is heard first. */
const firstHeard = (heard: AudioStream) => utteranceOf(heard, ({ length }) => length > 0);
