import type { EventEmitter } from 'node:events';
import * as rtc from '@livekit/rtc-node';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { AudioFrame } from '../../src/audio-frame.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { detached } from '../support/memory.js';
import { until } from '../support/wait.mjs';

afterAll(() => install().uninstall());
afterEach(() => vi.useRealTimers());

const code = (expected: string) => expect.objectContaining({ name: 'NarrowcastError', code: expected });

/** 10 ms of silence. */
const frame = () => rtc.AudioFrame.create(48_000, 1, 480);

/** A source that plays at its own pace, and what is heard of it. */
function heard(source: AudioSource | rtc.AudioSource): ReadableStreamDefaultReader<rtc.AudioFrame> {
  return new AudioStream(rtc.LocalAudioTrack.createAudioTrack('a', source), source.sampleRate).getReader();
}

describe('captureFrame', () => {
  const counting = Int16Array.from({ length: 2000 }, (_, i) => i * 7);
  const view = counting.subarray(700, 1180);

  test.each([
    ['a frame of rtc-node', new rtc.AudioFrame(view, 48_000, 1, 480)],
    ['a frame of narrowcast', new AudioFrame(view, 48_000, 1, 480)],
  ])('plays %s where its samples are: a view of a larger buffer as such', async (_, played) => {
    const source = new AudioSource(48_000, 1, 0);
    const listener = heard(source);
    await source.captureFrame(played);
    expect((await listener.read()).value!.data).toEqual(view.slice());
    await listener.cancel();
    await source.close();
  });

  test("of rtc-node's own source takes narrowcast's frames, views among them", async () => {
    install();
    const source = new rtc.AudioSource(48_000, 1, 0);
    const listener = heard(source);
    await source.captureFrame(new AudioFrame(view, 48_000, 1, 480) as never);
    expect((await listener.read()).value!.data).toEqual(view.slice());
    await listener.cancel();
    await source.close();
  });

  test('resolves for each frame, and rejects for those that the engine refuses, with its words', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const other = new AudioSource(16_000, 1, 0);
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? source : other).captureFrame(frame())),
    );
    for (const [i, result] of results.entries()) {
      if (i % 2 === 0) expect(result).toMatchObject({ status: 'fulfilled' });
      else expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ENGINE_REQUEST_FAILED' } });
    }
    expect(source.stats()).toMatchObject({ framesOut: 20, framesRefused: 0 });
    expect(other.stats()).toMatchObject({ framesOut: 0, framesRefused: 20 });
    await Promise.all([source.close(), other.close()]);
  });

  test('plays samples that other threads share, and those of an array longer than the frame', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const listener = heard(source);
    const shared = new Int16Array(new SharedArrayBuffer(960));
    shared.set(view);
    for (const data of [shared, counting.subarray(700)]) {
      await source.captureFrame(new AudioFrame(data, 48_000, 1, 480));
      expect((await listener.read()).value!.data).toEqual(view.slice());
    }
    await listener.cancel();
    await source.close();
  });

  test('rejects with what the engine says of a source that it does not know any more', async () => {
    const source = new AudioSource(48_000, 1, 0);
    source.ffiHandle.dispose();
    const refused = {
      code: 'ENGINE_REQUEST_FAILED',
      message: expect.stringMatching(/^the engine captured no frame: .*handle/),
    };
    await expect(source.captureFrame(frame())).rejects.toMatchObject(refused);
    expect(source.stats().framesOut).toBe(0);
    await source.close();
  });

  test('adds no listener, and no other listener hears of its answers', async () => {
    const engine = install();
    const client = (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance!;
    const everything = engine.queue.subscribe({ types: ['captureAudioFrame'] });
    const source = new AudioSource(48_000, 1, 0);
    const before = engine.stats().answered;
    const capturing = Promise.all(Array.from({ length: 10 }, () => source.captureFrame(frame())));
    expect(client.listenerCount('ffi_event')).toBe(0);
    await capturing;
    expect(engine.stats().answered - before).toBeGreaterThanOrEqual(10);
    expect(everything.size).toBe(0);
    everything.close();
    await source.close();
  });

  test('of an empty frame is nothing', async () => {
    const source = new AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 0));
    expect(source.stats()).toEqual({
      framesOut: 0,
      framesRefused: 0,
      framesUnanswered: 0,
      lateGaps: 0,
      lateMs: 0,
      queuedMs: 0,
    });
    await source.close();
  });

  test('refuses a frame that is not what it says, and the source can be used on', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const wrong: unknown[] = [
      null,
      'frame',
      {},
      new rtc.AudioFrame(new Uint8Array(960) as never, 48_000, 1, 480),
      new rtc.AudioFrame(new Int16Array(479), 48_000, 1, 480),
      new rtc.AudioFrame(new Int16Array(480), 48_000, 2, 480),
      new rtc.AudioFrame(new Int16Array(480), NaN, 1, 480),
      new rtc.AudioFrame(new Int16Array(480), 48_000, 1, -480),
      new rtc.AudioFrame(detached(new Int16Array(480)), 48_000, 1, 480),
    ];
    for (const one of wrong) await expect(source.captureFrame(one as never)).rejects.toEqual(code('INVALID_ARGUMENT'));
    await source.captureFrame(frame());
    await source.close();
    await expect(source.captureFrame(frame())).rejects.toEqual(code('CLOSED'));
  });

  test('rejects once narrowcast was uninstalled, and what waits for room by then is played', async () => {
    const source = new AudioSource(48_000, 1, 100);
    const long = () => rtc.AudioFrame.create(48_000, 1, 4800);
    await source.captureFrame(long());
    const waiting = source.captureFrame(long());
    const direct = new AudioSource(48_000, 1, 0);
    const unanswered = direct.captureFrame(frame());
    install().uninstall();
    await expect(unanswered).rejects.toEqual(code('CLOSED'));
    await waiting;
    for (const each of [source, direct]) {
      await expect(each.captureFrame(frame())).rejects.toEqual(code('ENGINE_NOT_INSTALLED'));
    }
    expect(source.stats()).toMatchObject({ framesOut: 2, framesRefused: 1, framesUnanswered: 0 });
    expect(direct.stats()).toMatchObject({ framesOut: 0, framesRefused: 1, framesUnanswered: 1 });
    await Promise.all([source.close(), direct.close()]);
  });
});

describe('captureFrame: a refused frame', () => {
  const of = (sampleRate: number, channels: number, samples: number) =>
    rtc.AudioFrame.create(sampleRate, channels, samples);

  test.each([
    ['has another rate', 200, of(24_000, 1, 240), ['24000 Hz and 1 channels', 'plays 48000 Hz and 1']],
    ['has other channels', 0, of(48_000, 2, 480), ['48000 Hz and 2 channels', 'plays 48000 Hz and 1']],
    ['is no multiple of 10 ms for a source without a queue', 0, of(48_000, 1, 500), ['480 samples', 'has 500']],
  ])("says what is wrong, and in the engine's words, if it %s", async (_, queueSize, wrong, words) => {
    const source = new AudioSource(48_000, 1, queueSize);
    const refused = source.captureFrame(wrong);
    await expect(refused).rejects.toEqual(code('ENGINE_REQUEST_FAILED'));
    for (const word of [...words, 'The engine said: ']) await expect(refused).rejects.toThrow(word);
    await source.close();
  });

  test('says to await each frame, if the queue is full and another one waits', async () => {
    const source = new AudioSource(48_000, 1, 100);
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => source.captureFrame(frame())));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(30);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'ENGINE_REQUEST_FAILED' });
    expect(refused[0]!.reason.message).toMatch(/queue of 100 ms is full.*await each captureFrame\(\).*InvalidState/s);
    const { framesOut, framesRefused } = source.stats();
    expect([framesOut + framesRefused, framesRefused]).toEqual([50, refused.length]);
    await source.close();
  });

  test('does not count as queued, in whatever way it was refused, and waitForPlayout does not wait for it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'], now: 1_000_000 });
    const source = new AudioSource(48_000, 1, 0);
    await Promise.all(Array.from({ length: 10 }, () => source.captureFrame(of(48_000, 1, 480))));
    let played = false;
    void source.waitForPlayout().then(() => (played = true));
    await expect(source.captureFrame(of(24_000, 1, 120_000))).rejects.toThrow('24000 Hz');
    expect(source.queuedDuration).toBe(100);
    await vi.advanceTimersByTimeAsync(40);
    await expect(source.captureFrame(of(24_000, 1, 120_000))).rejects.toThrow('24000 Hz');
    expect(source.queuedDuration).toBe(60);
    await vi.advanceTimersByTimeAsync(59);
    expect(played).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(played).toBe(true);

    await expect(source.captureFrame(of(24_000, 1, 120_000))).rejects.toThrow('24000 Hz');
    expect(source.queuedDuration).toBe(0);
    await source.waitForPlayout();
    // At once, and not in an answer.
    source.ffiHandle.dispose();
    await expect(source.captureFrame(of(48_000, 1, 480))).rejects.toThrow('handle');
    expect(source.queuedDuration).toBe(0);
    await source.waitForPlayout();
    expect(source.stats()).toMatchObject({ framesOut: 10, framesRefused: 4, framesUnanswered: 0, queuedMs: 0 });
    await source.close();
  });

  test('of another kind than a source with a queue does not count as queued', async () => {
    const source = new AudioSource(48_000, 1, 1000);
    await expect(source.captureFrame(of(24_000, 1, 24_000))).rejects.toThrow('24000 Hz');
    expect(source.queuedDuration).toBe(0);
    await source.captureFrame(of(48_000, 1, 4800));
    await expect(source.captureFrame(of(24_000, 1, 24_000))).rejects.toThrow('24000 Hz');
    expect(source.queuedDuration).toBeLessThanOrEqual(100);
    await source.waitForPlayout();
    await source.close();
  });
});

describe('without a queue', () => {
  test('longer frames are played in pieces of 10 ms, in order, also if they are not awaited', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const listener = heard(source);
    const lengths = [960, 480, 4800, 480, 1440];
    let at = 0;
    const captures = lengths.map((length) => {
      const data = Int16Array.from({ length }, () => ++at);
      return source.captureFrame(new rtc.AudioFrame(data, 48_000, 1, length));
    });
    await Promise.all(captures);
    const samples: number[] = [];
    while (samples.length < at) samples.push(...(await listener.read()).value!.data);
    expect(samples).toEqual(Array.from({ length: at }, (_, i) => i + 1));
    expect(source.stats()).toMatchObject({ framesOut: lengths.length, framesRefused: 0 });
    await listener.cancel();
    await source.close();
  });

  test('longer frames are copied when they are captured: the caller may write over them', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const listener = heard(source);
    const data = new Int16Array(4800).fill(1);
    const captures = [1, 2].map((value) => source.captureFrame(new AudioFrame(data.fill(value), 48_000, 1, 4800)));
    data.fill(3);
    await Promise.all(captures);
    const samples: number[] = [];
    while (samples.length < 9600) samples.push(...(await listener.read()).value!.data);
    expect([samples.lastIndexOf(1), samples.indexOf(2), samples.indexOf(3)]).toEqual([4799, 4800, -1]);
    await listener.cancel();
    await source.close();
  });

  test('a piece that is refused ends its frame, which counts as refused, and not the source', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const refused = source.captureFrame(rtc.AudioFrame.create(24_000, 1, 960));
    const after = source.captureFrame(frame());
    await expect(refused).rejects.toThrow('24000 Hz');
    await after;
    expect(source.stats()).toMatchObject({ framesOut: 1, framesRefused: 1 });
    await source.close();
  });
});

test('clearQueue refuses after close', async () => {
  const source = new AudioSource(48_000, 1);
  await source.close();
  expect(() => source.clearQueue()).toThrow(code('CLOSED'));
});

// rtc-node's own source is the model; one clock for both, which the test sets. Not the one of older versions, which waits
// for ever for what was never captured.
describe("what waits to be played of a source without a queue is known as rtc-node's source knows it", () => {
  async function both(script: (source: AudioSource | rtc.AudioSource, log: (what: string) => void) => Promise<void>) {
    install();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'hrtime'], now: 1_000_000 });
    const logs = [];
    const isModel = 'releaseWaiter' in new rtc.AudioSource(48_000, 1);
    for (const Source of [AudioSource, ...(isModel ? [rtc.AudioSource] : [])]) {
      const source = new Source(48_000, 1, 0);
      const log: string[] = [];
      await script(source, (what) => log.push(`${what}: ${Math.round(source.queuedDuration)} ms`));
      await source.close();
      logs.push(log);
    }
    for (const log of logs) expect(log).toEqual(logs[0]);
    return logs[0];
  }
  /** Without a queue, rtc-node's takes 10 ms at a time. */
  const capture = (source: AudioSource | rtc.AudioSource, ms: number) =>
    Promise.all(Array.from({ length: ms / 10 }, () => source.captureFrame(frame())));
  const advance = (length: number) => vi.advanceTimersByTimeAsync(length);

  test('while frames come, and when all was played', async () => {
    const log = await both(async (source, log) => {
      log('new');
      await source.waitForPlayout();
      for (let i = 0; i < 3; i++) {
        await capture(source, 100);
        log('captured');
        await advance(30);
        log('later');
      }
      void source.waitForPlayout().then(() => log('played'));
      await advance(200);
      log('nearly');
      await advance(20);
      log('after');
      await capture(source, 50);
      await advance(500);
      log('long after');
      await source.waitForPlayout();
    });
    expect(log).toContain('played: 0 ms');
    expect(log).toContain('nearly: 10 ms');
  });

  test('after clearQueue and close, which resolve the waits', async () => {
    const log = await both(async (source, log) => {
      source.clearQueue();
      await capture(source, 300);
      void source.waitForPlayout().then(() => log('cleared'));
      source.clearQueue();
      await advance(0);
      log('empty');
      await capture(source, 100);
      void source.waitForPlayout().then(() => log('released'));
      // The first frame's time is over; what waits for the second waits on.
      await advance(50);
      log('half');
      await source.close();
      await advance(0);
      log('closed');
    });
    expect(log).toEqual(['cleared: 0 ms', 'empty: 0 ms', 'half: 50 ms', 'released: 0 ms', 'closed: 0 ms']);
  });
});

/** Reads until `enough` of what was heard is no silence. */
async function hear(listener: ReadableStreamDefaultReader<rtc.AudioFrame>, enough: (samples: number[]) => boolean) {
  const samples: number[] = [];
  while (!enough(samples)) samples.push(...(await listener.read()).value!.data);
  return samples;
}

test.each([48_000, 24_000])(
  'at %s Hz what is no multiple of 10 ms is heard whole when the queue has drained',
  async (rate) => {
    const source = new AudioSource(rate, 1, 1000);
    const listener = heard(source);
    const samples = (rate / 1000) * 205;
    const said = new AudioFrame(new Int16Array(samples).fill(9), rate, 1, samples);
    await source.captureFrame(said);
    await source.waitForPlayout();
    const all = await hear(listener, (all) => all.filter((sample) => sample === 9).length >= samples);
    // The rest of its last 10 ms is silence, and the next words start in a chunk of their own.
    await source.captureFrame(new AudioFrame(new Int16Array(rate / 10).fill(5), rate, 1, rate / 10));
    all.push(...(await hear(listener, (next) => next.includes(5))));
    expect(all[all.indexOf(5) - 1]).toBe(0);
    expect(all.filter((sample) => sample === 9)).toHaveLength(samples);
    expect(source.stats()).toMatchObject({ framesOut: 2, framesRefused: 0 });
    await listener.cancel();
    await source.close();
  },
);

test('a frame that is longer than what is taken at once is copied: the caller may write over it', async () => {
  const source = new AudioSource(8000, 1, 100);
  const listener = heard(source);
  await source.captureFrame(new AudioFrame(new Int16Array(80).fill(1), 8000, 1, 80));
  const data = new Int16Array(8000 * 5.2).fill(1);
  const captured = source.captureFrame(new AudioFrame(data, 8000, 1, data.length));
  data.fill(2);
  const all = hear(listener, (all) => all.filter((sample) => sample !== 0).length === 80 + data.length);
  await captured;
  expect((await all).includes(2)).toBe(false);
  await listener.cancel();
  await source.close();
});

test('frames that are no multiple of 10 ms are not padded while they come', async () => {
  const source = new AudioSource(16_000, 1, 1000);
  const listener = heard(source);
  const said = Int16Array.from({ length: 16_000 }, (_, i) => i + 1);
  for (let at = 0; at < said.length; at += 400) {
    await source.captureFrame(new AudioFrame(said.slice(at, at + 400), 16_000, 1, 400));
  }
  const all = await hear(listener, (all) => all.includes(16_000));
  expect(all.filter((sample) => sample !== 0)).toEqual([...said]);
  await listener.cancel();
  await source.close();
});

describe('interrupt', () => {
  test.each(['interrupt', 'clearQueue'] as const)(
    '%s gives up the rest of a frame that is much longer than the queue',
    async (giveUp) => {
      const source = new AudioSource(16_000, 1, 100);
      const listener = heard(source);
      const said = Int16Array.from({ length: 32_000 }, (_, i) => (i % 30_000) + 1);
      const captured = source.captureFrame(new AudioFrame(said, 16_000, 1, said.length));
      const all = await hear(listener, (all) => all.filter((sample) => sample > 0).length > 1600);
      await expect(source.captureFrame(new AudioFrame(said, 16_000, 1, 160))).rejects.toThrow('InvalidState');
      const old = all.filter((sample) => sample > 0).length / 16;
      const cut = source[giveUp]();
      await captured;
      if (cut) expect(cut.heardMs + cut.discardedMs).toBeCloseTo(2000, 3);
      await source.captureFrame(new AudioFrame(new Int16Array(1600).fill(-1), 16_000, 1, 1600));
      all.push(...(await hear(listener, (next) => next.filter((sample) => sample === -1).length === 1600)));
      // What was heard already is late in this thread.
      expect(all.filter((sample) => sample > 0).length / 16 - old).toBeLessThan(200);
      expect(all.slice(all.indexOf(-1)).every((sample) => sample <= 0)).toBe(true);
      expect(source.stats()).toMatchObject({ framesOut: 2, framesRefused: 1 });
      await listener.cancel();
      await source.close();
    },
  );

  test('after close cuts off what is still being played, and clearQueue does', async () => {
    for (const giveUp of ['interrupt', 'clearQueue'] as const) {
      const source = new AudioSource(16_000, 1, 1000);
      const listener = heard(source);
      const said = new Int16Array(16_000).fill(1);
      await source.captureFrame(new AudioFrame(said, 16_000, 1, said.length));
      const all = await hear(listener, (all) => all.filter((sample) => sample > 0).length > 1600);
      await source.close();
      expect([source.queuedDuration, source.closed]).toEqual([0, true]);
      const cut = source[giveUp]();
      if (cut) expect(cut.heardMs + cut.discardedMs).toBeCloseTo(1000, 3);
      all.push(...(await hear(listener, (next) => next.slice(-1600).every((sample) => sample === 0))));
      expect(all.filter((sample) => sample > 0).length).toBeLessThan(8000);
      expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
      expect(() => source.clearQueue()).toThrow(code('CLOSED'));
      await listener.cancel();
    }
  });

  test('tells what was heard of what was captured, and nothing more of it is', async () => {
    const source = new AudioSource(16_000, 1, 1000);
    const listener = heard(source);
    expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    const said = Int16Array.from({ length: 16_000 }, (_, i) => i + 1);
    await source.captureFrame(new AudioFrame(said, 16_000, 1, said.length));
    const all = await hear(listener, (all) => all.length > 4800);
    // Of two frames that are captured, the engine may have the second only after the queue was emptied.
    void source.captureFrame(new AudioFrame(new Int16Array(160).fill(20_000), 16_000, 1, 160));
    const { heardMs, discardedMs } = source.interrupt();
    expect(heardMs + discardedMs).toBeCloseTo(1010, 3);
    expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
    await source.captureFrame(new AudioFrame(new Int16Array(1600).fill(-1), 16_000, 1, 1600));
    all.push(...(await hear(listener, (next) => next.filter((sample) => sample === -1).length === 1600)));
    const old = all.filter((sample) => sample > 0).length / 16;
    expect(all.slice(all.indexOf(-1)).every((sample) => sample <= 0)).toBe(true);
    expect(Math.abs(heardMs - old)).toBeLessThanOrEqual(25);
    await source.waitForPlayout();
    await listener.cancel();
    await source.close();
    expect(source.interrupt()).toEqual({ heardMs: 0, discardedMs: 0 });
  });

  test.each(['interrupt', 'clearQueue'] as const)(
    '%s gives up the pieces that a source without a queue has left',
    async (giveUp) => {
      const source = new AudioSource(48_000, 1, 0);
      const listener = heard(source);
      // The engine has the first piece of the first frame at once.
      const captures = [1, 2].map((value) =>
        source.captureFrame(new AudioFrame(new Int16Array(4800).fill(value), 48_000, 1, 4800)),
      );
      const cut = source[giveUp]();
      if (cut) expect(cut).toEqual({ heardMs: 10, discardedMs: 190 });
      await Promise.all(captures);
      await source.captureFrame(new AudioFrame(new Int16Array(480).fill(3), 48_000, 1, 480));
      const samples = await hear(listener, (all) => all.includes(3));
      expect(samples).toEqual([...Array<number>(480).fill(1), ...Array<number>(480).fill(3)]);
      expect(source.stats()).toMatchObject({ framesOut: 3, framesRefused: 0 });
      expect(source.interrupt()).toEqual({ heardMs: 10, discardedMs: 0 });
      await listener.cancel();
      await source.close();
    },
  );

  test('of a source without a queue tells that all was heard', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const listener = heard(source);
    for (let i = 0; i < 3; i++) await source.captureFrame(frame());
    expect(source.interrupt()).toEqual({ heardMs: 30, discardedMs: 0 });
    await listener.cancel();
    await source.close();
  });
});

describe('new AudioSource', () => {
  test.each([
    [0, 1, 1000],
    [48_000.5, 1, 1000],
    [NaN, 1, 1000],
    [-16_000, 1, 1000],
    [48_000, 0, 1000],
    [48_000, 1.5, 1000],
    [48_000, 1, -10],
    [48_000, 1, 15], // rtc-node's ends the process
    [48_000, 64, 600_000], // and here
    ['48000', 1, 1000],
  ])('refuses %s Hz, %s channels, %s ms', (...args) => {
    expect(() => new AudioSource(...(args as [number, number, number]))).toThrow(code('INVALID_ARGUMENT'));
  });

  test('has what rtc-node keeps in its own', async () => {
    const source = new AudioSource(24_000, 2);
    expect(source).toMatchObject({ sampleRate: 24_000, numChannels: 2, queueSize: 1000, closed: false });
    expect(source.ffiHandle.handle).toBeGreaterThan(0n);
    const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
    await track.close(); // closes the source, too
    await until(() => source.closed, 'it is closed');
  });
});
