import * as rtc from '@livekit/rtc-node';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AudioStreamTrack } from '../../src/audio-stream-track.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { speechBufferMs } from '../../src/livekit/speech-buffer.js';
import { failure } from '../support/expect.js';
import { block, until } from '../support/wait.mjs';

const VARIABLE = 'NARROWCAST_SPEECH_BUFFER_MS';
const RATE = 16_000;

beforeEach(() => void install({ speechBufferMs: 1000 }));
afterEach(() => delete process.env[VARIABLE]);
afterAll(() => install().uninstall());

const counting = (ms: number) => Int16Array.from({ length: (RATE / 1000) * ms }, (_, i) => (i % 30_000) + 1);
const frameOf = (pcm: Int16Array) => new rtc.AudioFrame(pcm, RATE, 1, pcm.length);

/** A source with agents' queue, and what is heard of it that is no silence. */
function open(queueSize = 200) {
  const source = new AudioSource(RATE, 1, queueSize);
  const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
  const stream = new AudioStream(engineTrack, RATE, 1);
  const samples: number[] = [];
  const heard = () => {
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) samples.push(...frame.data);
    return samples.filter((sample) => sample !== 0);
  };
  return { source, engineTrack, heard, frames: () => stream.stats().framesIn };
}

/** Captures as programs do, each frame after the one before. */
async function capture(source: AudioSource, pcm: Int16Array): Promise<void> {
  for (let at = 0; at < pcm.length; at += 160) await source.captureFrame(frameOf(pcm.slice(at, at + 160)));
}

describe('with a speech buffer', () => {
  test('a source takes its queue and the buffer ahead, and all is heard though the thread is blocked', async () => {
    const { source, heard } = open();
    const said = counting(3000);
    const start = performance.now();
    const captured = capture(source, said);
    await until(() => source.queuedDuration >= 1150, 'it is ahead');
    expect(performance.now() - start, 'much earlier than it is heard').toBeLessThan(1150);
    expect(source.queuedDuration).toBeLessThanOrEqual(1210);
    block(600);
    await captured;
    block(600);
    const played = source.waitForPlayout();
    await played;
    expect([source.queuedDuration, source.stats().framesOut]).toEqual([0, 300]);
    await until(() => heard().length >= said.length, 'all was heard');
    expect(heard()).toEqual([...said]);
    await source.close();
  });

  test('clearQueue throws away what waits in both, and interrupt tells what was heard', async () => {
    const { source, heard, frames } = open();
    await capture(source, counting(1000));
    const silent = frames();
    await until(() => frames() > silent + 5, 'the engine plays');
    source.clearQueue();
    expect(source.queuedDuration).toBe(0);
    await source.waitForPlayout();
    const old = heard().length;
    await capture(source, counting(1000));
    await until(() => heard().length > old + 3200, 'the next words are heard');
    const { heardMs, discardedMs } = source.interrupt();
    expect(heardMs + discardedMs).toBeCloseTo(1000, 3);
    expect(discardedMs).toBeGreaterThan(0);
    expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    await source.close();
  });

  test('a frame that waits for room is the only one: another is refused', async () => {
    const { source } = open();
    const long = counting(1400);
    const waits = source.captureFrame(frameOf(long));
    await expect(source.captureFrame(frameOf(counting(10)))).rejects.toEqual(
      failure('ENGINE_REQUEST_FAILED', 'await each captureFrame()'),
    );
    await waits;
    await source.captureFrame(frameOf(counting(10)));
    expect(source.stats()).toMatchObject({ framesOut: 2, framesRefused: 1 });
    await source.close();
  });

  test.each(['clearQueue', 'interrupt', 'close'] as const)(
    '%s takes the rest of a very long frame away, too, and the next frame is taken',
    async (stop) => {
      const { source } = open();
      const waits = source.captureFrame(frameOf(counting(7000)));
      await until(() => source.queuedDuration > 4000, 'its first part waits');
      await source[stop]();
      if (stop === 'close') return void (await waits.catch(() => {}));
      await waits;
      expect(source.queuedDuration).toBe(0);
      await source.captureFrame(frameOf(counting(10)));
      expect(source.queuedDuration).toBeLessThanOrEqual(10);
      expect(install().inspect().tracks).toEqual([]);
      await source.close();
    },
  );

  test('a frame of another kind is refused by itself', async () => {
    const { source } = open();
    await expect(source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480))).rejects.toEqual(
      failure('ENGINE_REQUEST_FAILED', '48000 Hz'),
    );
    await source.captureFrame(frameOf(counting(10)));
    expect(source.stats()).toMatchObject({ framesOut: 1, framesRefused: 1 });
    await source.close();
  });

  test('what is no multiple of 10 ms is heard whole, soon', async () => {
    const { source, heard } = open();
    const said = counting(205);
    await source.captureFrame(frameOf(said));
    await source.waitForPlayout();
    await until(() => heard().length === said.length, 'all was heard');
    await source.close();
  });

  test('what was taken is heard after close, and waitForPlayout does not wait for it', async () => {
    const { source, heard } = open();
    const said = counting(600);
    await capture(source, said);
    const played = source.waitForPlayout();
    await source.close();
    await played;
    await expect(source.captureFrame(frameOf(counting(10)))).rejects.toEqual(failure('CLOSED'));
    await until(() => heard().length >= said.length, 'all was heard');
    await source.close();
  });

  test('a source that is silent is not fed, and another track may be piped to it', async () => {
    const { source, heard } = open();
    await capture(source, counting(100));
    await source.waitForPlayout();
    const track = new AudioStreamTrack({ sampleRate: RATE });
    await until(() => source.queuedDuration === 0, 'all was played');
    void track.pipeTo(source).catch(() => {});
    await expect(source.captureFrame(frameOf(counting(10)))).rejects.toEqual(failure('LOCKED', 'piped'));
    track.write(new Int16Array(1600).fill(-7), { final: true });
    await track.waitForPlayout();
    await until(() => heard().includes(-7), 'the track is heard');
    track.stop();
    await source.captureFrame(frameOf(counting(10)));
    await source.close();
  });

  test('a refusal that comes when frames were taken already rejects the next one', async () => {
    const { source, heard } = open();
    await capture(source, counting(1500)); // more than the engine is given at once
    await until(() => heard().length > 0, 'it is played');
    // As if the engine had lost it.
    source.ffiHandle.dispose();
    await until(() => source.queuedDuration === 0, 'the engine has refused');
    const { framesOut, framesRefused } = source.stats();
    expect(framesOut + framesRefused).toBe(150);
    expect(framesOut).toBeGreaterThan(0);
    expect(framesRefused, 'what was thrown away was not taken').toBeGreaterThan(0);
    await expect(source.captureFrame(frameOf(counting(10)))).rejects.toEqual(
      failure('ENGINE_REQUEST_FAILED', 'takes no more audio'),
    );
    expect(source.stats()).toMatchObject({ framesOut, framesRefused: framesRefused + 1 });
  });
});

test('a source without a queue has no buffer', async () => {
  const source = new AudioSource(RATE, 1, 0);
  for (let i = 0; i < 3; i++) await source.captureFrame(rtc.AudioFrame.create(RATE, 1, RATE / 100));
  expect(source.queuedDuration).toBeLessThanOrEqual(31);
  await source.close();
});

test.each([11_025, 22_050, 12_345])('a source of %s Hz has one, and all of it is heard', async (rate) => {
  const source = new AudioSource(rate, 1, 200);
  const stream = new AudioStream(rtc.LocalAudioTrack.createAudioTrack('agent', source), rate, 1);
  const samples = Math.floor(rate / 100);
  for (let i = 0; i < 100; i++) {
    await source.captureFrame(new rtc.AudioFrame(new Int16Array(samples).fill(9000), rate, 1, samples));
  }
  expect(source.queuedDuration).toBeGreaterThan(900);
  let loud = 0;
  await until(() => {
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) {
      loud += frame.data.filter((sample) => sample > 4500).length;
    }
    return loud > samples * 98;
  }, 'all was heard');
  await source.close();
});

test('a queue of 10 ms together with a speech buffer has no gap', async () => {
  const { source, heard } = open(10);
  const said = counting(1000);
  const captured = capture(source, said);
  await until(() => heard().length >= said.length, 'all was heard');
  await captured;
  expect(heard()).toEqual([...said]);
  await source.close();
});

test('the buffer is an option of install, and a variable for threads and child processes', () => {
  expect([process.env[VARIABLE], speechBufferMs()]).toEqual(['1000', 1000]);
  for (const ms of [-10, 15, 10_010, NaN, '1000', null]) {
    expect(() => install({ speechBufferMs: ms as number })).toThrow(failure('INVALID_ARGUMENT', 'speechBufferMs is'));
  }
  install({ speechBufferMs: 0 });
  expect(speechBufferMs()).toBe(0);
  delete process.env[VARIABLE];
  expect(speechBufferMs()).toBe(0);
});
