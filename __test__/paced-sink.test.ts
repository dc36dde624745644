import { EventEmitter } from 'node:events';
import { WritableStream } from 'node:stream/web';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AudioStreamTrack, g711, type FrameSink, type SinkOptions, type SinkTarget } from '../src/index.js';
import { native } from '../src/native.js';
import { failure } from './support/expect.js';
import { block, until } from './support/wait.mjs';

const RATE = 8000;
const PHONE = { format: 'mulaw', frameMs: 20, leadMs: 40 } as const;
const tracks: AudioStreamTrack[] = [];

function phoneTrack(sampleRate = RATE): AudioStreamTrack {
  const track = new AudioStreamTrack({ sampleRate });
  tracks.push(track);
  return track;
}
afterEach(() => {
  vi.restoreAllMocks();
  tracks.splice(0).forEach((track) => track.stop());
});

/** Numbered samples that G.711 keeps as they are. */
const speech = (ms: number, rate = RATE) => {
  const codes = Uint8Array.from({ length: (rate * ms) / 1000 }, (_, i) => 0x80 + (Math.floor(i / 40) % 100));
  return g711.decode(codes, 'mulaw');
};
const bytesOf = (frames: readonly Uint8Array[]) => frames.flatMap((frame) => [...frame]);

describe('AudioStreamTrack.pipeTo a sink', () => {
  it('a function gets whole frames, ahead of their time, and all that was written', async () => {
    const track = phoneTrack();
    const frames: Uint8Array[] = [];
    const times: number[] = [];
    void track.pipeTo((frame) => {
      frames.push(frame);
      times.push(performance.now());
    }, PHONE);
    const samples = speech(305);
    track.write(samples, { final: true });
    await track.waitForPlayout();
    expect(frames.every((frame) => frame.length === 160)).toBe(true);
    const padded = new Int16Array(16 * 160);
    padded.set(samples);
    expect(bytesOf(frames)).toEqual([...g711.encode(padded, 'mulaw')]);
    // The last frame is heard 320 ms after the first: it went ahead of that by a lead at least.
    expect(times.at(-1)! - times[0]!).toBeLessThan(320 - PHONE.leadMs + 1000);
    expect(track.playedMs).toBe(305);
    expect(track.stats()).toMatchObject({ framesOut: 16, sinkStalls: 0, samplesDropped: 0 });
  });

  it('is woken once for each lead', async () => {
    const track = phoneTrack();
    let frames = 0;
    void track.pipeTo(() => frames++, { format: 'mulaw', leadMs: 160 });
    track.write(speech(1600), { final: true });
    await until(() => frames > 0, 'the first frames');
    const before = native.threadWakes();
    await until(() => frames === 80, 'all frames');
    expect(native.threadWakes() - before).toBeLessThanOrEqual(10);
  });

  it('has sent enough beforehand for as long as the thread is blocked', async () => {
    const track = phoneTrack();
    const sent: number[] = [];
    void track.pipeTo(() => sent.push(performance.now()), { format: 'mulaw', leadMs: 160 });
    track.write(speech(1000), { final: true });
    while (sent.length < 50) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      block(100);
    }
    // Frame n is played n * 20 ms after the first came, if each is there by then.
    const late = sent.map((time, n) => time - sent[0]! - n * 20);
    expect(Math.max(...late)).toBeLessThanOrEqual(0);
  });

  it('gives Base64 and other rates, as G.711 and as 16 bits', async () => {
    const samples = speech(100);
    const texts: string[] = [];
    const track = phoneTrack();
    void track.pipeTo((frame) => texts.push(frame), { ...PHONE, base64: true });
    track.write(samples, { final: true });
    await until(() => texts.length === 5, 'the frames');
    expect(Buffer.concat(texts.map((text) => Buffer.from(text, 'base64')))).toEqual(
      Buffer.from(g711.encode(samples, 'mulaw')),
    );
    expect(texts.every((text) => text.length === 216)).toBe(true);

    const pcm: Uint8Array[] = [];
    const other = phoneTrack();
    void other.pipeTo((frame) => pcm.push(frame), { leadMs: 40 });
    other.write(samples, { final: true });
    await until(() => pcm.length === 5, 'the frames');
    expect(new Int16Array(Uint8Array.from(bytesOf(pcm)).buffer)).toEqual(samples);

    const converted: Uint8Array[] = [];
    const wide = phoneTrack(48_000);
    void wide.pipeTo((frame) => converted.push(frame), PHONE);
    wide.write(new Int16Array(9600).fill(8000), { final: true });
    await wide.waitForPlayout();
    // 200 ms, and what the resampler held back.
    expect(converted.length).toBe(11);
    const steady = g711.decode(Uint8Array.from(bytesOf(converted)), 'mulaw').subarray(400, 1400);
    expect(steady.every((sample) => Math.abs(sample - 8000) < 300)).toBe(true);
  });

  it('a WritableStream gets frames, and is waited for while it is full', async () => {
    const track = phoneTrack();
    const frames: Uint8Array[] = [];
    let release: (() => void) | undefined;
    const stream = new WritableStream<Uint8Array>({
      write: (frame) => new Promise((resolve) => (frames.push(frame), (release = resolve))),
    });
    void track.pipeTo(stream, PHONE);
    track.write(speech(1000), { final: true });
    await until(() => track.stats().sinkStalls! > 0, 'the stream is full');
    expect(track.bufferedMs).toBeGreaterThan(800);
    while (frames.length < 50) {
      release?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(bytesOf(frames)).toEqual([...g711.encode(speech(1000), 'mulaw')]);
    release?.();
    track.stop();
    expect(stream.locked).toBe(false);
  });

  it.each([
    ['is full', (asks: () => void) => ({ write() {}, isFull: () => (asks(), true) })],
    [
      'has a promise pending',
      (asks: () => void) => ({ write: () => new Promise(() => {}), isClosed: () => (asks(), false) }),
    ],
  ])('a sink that %s is asked again once for each lead, also while more is written', async (_, sinkOf) => {
    const track = phoneTrack();
    const asked: number[] = [];
    const sink: FrameSink<Uint8Array> = sinkOf(() => asked.push(performance.now()));
    void track.pipeTo(sink, { format: 'mulaw', leadMs: 100 });
    track.write(speech(1000));
    await until(() => track.stats().sinkStalls! > 0, 'it takes nothing');
    const before = asked.length;
    await until(() => {
      track.write(speech(20));
      return asked.length >= before + 4;
    }, 'it is asked again');
    // 4 leads, and 10 ms for what clocks round.
    expect(asked.at(-1)! - asked[before - 1]!).toBeGreaterThanOrEqual(390);
    track.stop();
  });

  it('a WebSocket is given up when it closes, and says so', async () => {
    const track = phoneTrack();
    const socket = { readyState: 0, bufferedAmount: 0, sent: 0, send: () => void socket.sent++ };
    const piped = track.pipeTo(socket, PHONE);
    const utterance = track.say();
    utterance.write(speech(1000));
    await until(() => track.stats().sinkStalls! > 0, 'it is waited for until it is open');
    expect(socket.sent).toBe(0);
    socket.readyState = 1;
    await until(() => socket.sent > 0, 'it is open');
    socket.bufferedAmount = 1e6;
    await until(() => track.stats().sinkStalls! > 1, 'it stalls');
    const { sent } = socket;
    socket.readyState = 3;
    await expect(piped).rejects.toEqual(failure('CLOSED'));
    expect(socket.sent).toBe(sent);
    expect(await utterance.done).toMatchObject({ interrupted: true, reason: failure('CLOSED') });
    // The track can be piped again.
    void track.pipeTo(() => {}, PHONE);
  });

  it.each<[string, (count: { asked: number; sent: number }) => unknown]>([
    [
      'a WebSocket',
      (count) => ({
        readyState: 1,
        send: () => void count.sent++,
        get bufferedAmount() {
          count.asked++;
          return 1e6;
        },
      }),
    ],
    [
      'a sink with a promise pending',
      (count) => ({ write: () => (count.sent++, new Promise(() => {})), isClosed: () => (count.asked++, false) }),
    ],
  ])('%s that stalls for 10 s is given up: what waits is bounded, counted, and told', async (_, make) => {
    const track = new AudioStreamTrack({ sampleRate: RATE, bufferMs: 1000 });
    tracks.push(track);
    const count = { asked: 0, sent: 0 };
    const piped = track.pipeTo(make(count) as (frame: Uint8Array) => unknown, PHONE);
    piped.catch(() => {});
    const utterance = track.say();
    utterance.write(speech(500));
    await until(() => track.stats().sinkStalls === 1, 'it stalls');
    const { sent } = count;
    // Two leads at most are with the sink, and one buffer with the track.
    expect(sent).toBeLessThanOrEqual(4);
    for (let n = 0; n < 5; n++) utterance.write(speech(500));
    expect(track.bufferedMs).toBeLessThanOrEqual(1000 + sent * 20);
    expect(track.stats().samplesDropped).toBeGreaterThan(0);
    const started = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(started + 9000);
    const { asked } = count;
    await until(() => count.asked > asked + 1, 'it is asked again');
    expect(utterance.state).not.toBe('interrupted');
    vi.spyOn(performance, 'now').mockReturnValue(started + 10_100);
    await expect(piped).rejects.toEqual(failure('LAGGED', 'taken nothing for 10 s'));
    expect(await utterance.done).toMatchObject({ interrupted: true, reason: failure('LAGGED') });
    expect([track.stats().sinkStalls, count.sent]).toEqual([1, sent]);
    // The track can be piped again.
    void track.pipeTo(() => {}, PHONE);
  });

  it('rejects with what the sink throws or rejects with', async () => {
    for (const target of [
      () => {
        throw new Error('no');
      },
      () => Promise.reject(new Error('no')),
      new WritableStream({ write: () => Promise.reject(new Error('no')) }),
    ] as SinkTarget[]) {
      const track = phoneTrack();
      const piped = track.pipeTo(target as (frame: Uint8Array) => unknown, PHONE);
      track.write(speech(100));
      await expect(piped).rejects.toThrow('no');
    }
  });

  it('without clear, an interruption counts as heard what was sent', async () => {
    const track = phoneTrack();
    let frames = 0;
    void track.pipeTo(() => frames++, PHONE);
    track.write(speech(1000), { final: true });
    await until(() => frames >= 4, 'two leads');
    const sent = frames * 20;
    expect(track.interrupt()).toEqual({ heardMs: sent, discardedMs: 1000 - sent });
    expect(track.playedMs).toBe(sent);
  });

  it('with clear, an interruption gives up what the sink has, and the next words go at once', async () => {
    const track = phoneTrack();
    const events: string[] = [];
    const sink: FrameSink<Uint8Array> = { write: () => events.push('frame'), clear: () => events.push('clear') };
    void track.pipeTo(sink, { format: 'mulaw', leadMs: 400 });
    const utterance = track.say();
    utterance.write(speech(2000));
    await until(() => events.length >= 40, 'two leads');
    const { heardMs, discardedMs } = track.interrupt();
    expect(heardMs).toBeLessThan(800);
    expect(heardMs + discardedMs).toBeCloseTo(2000, 6);
    expect(events.at(-1)).toBe('clear');
    expect(await utterance.done).toMatchObject({ heardMs, interrupted: true });
    const before = events.length;
    track.write(speech(1000), { final: true });
    await until(() => events.length > before, 'the next words');
    expect(events.length).toBe(before + 40);
  });

  it('a sink that marks says what was heard: nothing counts before', async () => {
    const track = phoneTrack();
    let frames = 0;
    const marks: { frames: number; heard: () => void }[] = [];
    const sink: FrameSink<Uint8Array> = {
      write: () => void frames++,
      clear() {},
      mark: (heard) => marks.push({ frames, heard }),
    };
    void track.pipeTo(sink, { format: 'mulaw', leadMs: 40 });
    const utterance = track.say();
    utterance.write(speech(60));
    const mark = utterance.mark('first');
    utterance.write(speech(140));
    utterance.end();
    let first: unknown;
    void mark.then((told) => (first = told));
    await until(() => frames === 10, 'all frames');
    await until(() => marks.at(-1)?.frames === 10, 'the last mark');
    // One is exactly behind what is waited for.
    const at = marks.findIndex((each) => each.frames === 3);
    expect(at).toBeGreaterThanOrEqual(0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([first, utterance.state]).toEqual([undefined, 'ended']);
    marks[at]!.heard();
    await until(() => first !== undefined, 'the mark was heard');
    expect(first).toMatchObject({ name: 'first', heard: true });
    marks.at(-1)!.heard();
    expect(await utterance.done).toEqual({ heardMs: 200, interrupted: false });
    // Late and repeated answers change nothing.
    marks[0]!.heard();
    expect(track.playedMs).toBe(200);
  });

  it('answers to marks from before an interruption mean nothing', async () => {
    const track = phoneTrack();
    const marks: (() => void)[] = [];
    void track.pipeTo({ write() {}, clear() {}, mark: (heard) => marks.push(heard) }, { format: 'mulaw', leadMs: 400 });
    const utterance = track.say();
    utterance.write(speech(2000));
    await until(() => marks.length > 0, 'a mark');
    const { heardMs } = track.interrupt();
    marks[0]!();
    expect(track.playedMs).toBe(heardMs);
    expect(heardMs).toBeLessThan(400);
  });

  it('pauses behind what was sent, and goes on with the next sample', async () => {
    const track = phoneTrack();
    const frames: Uint8Array[] = [];
    void track.pipeTo((frame) => frames.push(frame), PHONE);
    track.write(speech(500), { final: true });
    await until(() => frames.length > 0, 'the first frames');
    track.pause();
    const { length } = frames;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(frames.length).toBe(length);
    track.resume();
    await track.waitForPlayout();
    expect(bytesOf(frames)).toEqual([...g711.encode(speech(500), 'mulaw')]);
  });

  it('a sink may stop or interrupt the track', async () => {
    const stopped = phoneTrack();
    let calls = 0;
    const piped = stopped.pipeTo(() => (calls++, stopped.stop()), PHONE);
    stopped.write(speech(500));
    await piped;
    expect(calls).toBe(1);
    const interrupted = phoneTrack();
    let frames = 0;
    void interrupted.pipeTo({ write: () => ++frames === 2 && interrupted.interrupt(), clear() {} }, PHONE);
    interrupted.write(speech(500), { final: true });
    await until(() => interrupted.bufferedMs === 0, 'it was interrupted');
    expect(frames).toBe(2);
  });

  it('is stopped by its signal, and refuses what makes no frames', async () => {
    const track = phoneTrack();
    const controller = new AbortController();
    const piped = track.pipeTo(() => {}, { ...PHONE, signal: controller.signal });
    await expect(track.recv()).rejects.toEqual(failure('LOCKED'));
    await expect(track.pipeTo(() => {}, PHONE)).rejects.toEqual(failure('LOCKED'));
    controller.abort(new Error('enough'));
    await expect(piped).rejects.toThrow('enough');
    const refusals: [unknown, SinkOptions, string][] = [
      [{}, {}, 'source is an Object'],
      [new EventEmitter(), {}, 'source is'],
      [null, {}, 'source is null'],
      [() => {}, { frameMs: 0 }, 'frameMs is 0'],
      [() => {}, { sampleRate: 22_050, frameMs: 10 }, 'whole samples at 22050 Hz'],
      [() => {}, { leadMs: -1 }, 'leadMs is -1'],
      [() => {}, { format: 'ulaw' as 'mulaw' }, 'format is "ulaw"'],
      [() => {}, { base64: 1 as unknown as boolean }, 'base64 is 1'],
      [() => {}, { lead: 1 } as SinkOptions, 'did you mean leadMs?'],
    ];
    for (const [target, options, message] of refusals) {
      await expect(track.pipeTo(target as () => void, options)).rejects.toEqual(failure('INVALID_ARGUMENT', message));
    }
    const locked = new WritableStream<Uint8Array>();
    locked.getWriter();
    await expect(track.pipeTo(locked, PHONE)).rejects.toThrow(/lock/i);
    track.stop();
    await expect(track.pipeTo(() => {}, PHONE)).rejects.toEqual(failure('CLOSED'));
  });
});
