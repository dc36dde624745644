import type { EventEmitter } from 'node:events';
import * as rtc from '@livekit/rtc-node';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { VideoStream, install } from '../../src/livekit/index.js';
import { microtasks } from '../support/expect.js';
import { subscribe } from '../support/meeting.js';
import { turn, until } from '../support/wait.mjs';

const engine = install();
const code = (expected: string) => expect.objectContaining({ name: 'NarrowcastError', code: expected });

const [width, height] = [64, 48];
const sources: rtc.VideoSource[] = [];
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
});
afterAll(() => engine.uninstall());

function openTrack(): { source: rtc.VideoSource; track: rtc.LocalVideoTrack } {
  const source = new rtc.VideoSource(width, height);
  sources.push(source);
  // Until it was given a picture, the engine shows black ones of its own.
  source.captureFrame(picture(0));
  return { source, track: rtc.LocalVideoTrack.createVideoTrack('v', source) };
}

/** A grey picture; how bright it is tells it from others. */
function picture(grey: number): rtc.VideoFrame {
  return new rtc.VideoFrame(new Uint8Array(width * height * 4).fill(grey), width, height, rtc.VideoBufferType.RGBA);
}

/** Shows pictures, each after the engine has passed the one before it on: of a burst it keeps the last. */
async function show(source: rtc.VideoSource, stream: VideoStream, greys: readonly number[]): Promise<void> {
  for (const grey of greys) {
    const { framesIn } = stream.stats();
    source.captureFrame(picture(grey));
    await until(() => stream.stats().framesIn > framesIn, 'the frame comes');
  }
}

/** The order of the pictures, by how bright they are; the engine turns RGB into YUV. */
const brightness = ({ frame }: rtc.VideoFrameEvent) => frame.data[0]!;
const GREYS = [40, 80, 120, 160, 200];

describe('frames', () => {
  test("are rtc-node's, as its own stream has them", async () => {
    const { source, track } = openTrack();
    const [ours, theirs] = [new VideoStream(track).getReader(), new rtc.VideoStream(track).getReader()];
    source.captureFrame(picture(120), 5_000_000n, rtc.VideoRotation.VIDEO_ROTATION_90);
    const [mine, its] = [(await ours.read()).value!, (await theirs.read()).value!];
    expect(mine.frame).toBeInstanceOf(rtc.VideoFrame);
    expect(mine).toEqual(its);
    await Promise.all([ours.cancel(), theirs.cancel()]);
  });

  test('wait as the newest one, by default, and those that are dropped are counted', async () => {
    const { source, track } = openTrack();
    const stream = new VideoStream(track);
    await show(source, stream, GREYS);
    expect(stream.stats()).toEqual({ framesIn: 5, framesOut: 0, framesDropped: 4, framesBuffered: 1 });
    const newest = stream.tryRead()!;
    expect(stream.tryRead()).toBeNull();
    await show(source, stream, [GREYS[0]!]);
    expect(brightness(newest)).toBeGreaterThan(brightness(stream.tryRead()!));
    expect(stream.stats()).toEqual({ framesIn: 6, framesOut: 2, framesDropped: 4, framesBuffered: 0 });
    stream.close();
  });

  test('wait in order, as many as asked for', async () => {
    const { source, track } = openTrack();
    const stream = new VideoStream(track, { bufferFrames: 3 });
    await show(source, stream, GREYS);
    stream.close();
    const read: number[] = [];
    for await (const frame of stream) read.push(brightness(frame));
    expect(read).toHaveLength(3);
    expect(read).toEqual(read.toSorted((a, b) => a - b));
    expect(stream.stats()).toEqual({ framesIn: 5, framesOut: 3, framesDropped: 2, framesBuffered: 0 });
  });

  test('that were not asked for cost JavaScript nothing, and listeners of ffi_event hear of none', async () => {
    const client = (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance!;
    const listener = vi.fn<(event: { message: { case?: string } }) => void>();
    client.on('ffi_event', listener);
    const { source, track } = openTrack();
    const stream = new VideoStream(track);
    await show(source, stream, GREYS);
    // What comes after it shows that the listener hears.
    engine.queue.put('trackEvent', new Uint8Array([0x12, 0]));
    await until(() => listener.mock.calls.some(([event]) => event.message.case === 'trackEvent'), 'it hears');
    const cases = listener.mock.calls.map(([event]) => event.message.case);
    client.off('ffi_event', listener);
    expect(cases).not.toContain('videoStreamEvent');
    stream.close();
  });

  test("of rtc-node's own streams beside it go to these", async () => {
    const { source, track } = openTrack();
    const ours = new VideoStream(track);
    const theirs = new rtc.VideoStream(track).getReader();
    for (const grey of GREYS.slice(0, 2)) {
      await show(source, ours, [grey]);
      expect((await theirs.read()).done).toBe(false);
    }
    expect(ours.stats().framesIn).toBe(2);
    await theirs.cancel();
    await ours.cancel();
  });
});

describe('a read that was given up', () => {
  /** A stream whose reader has asked for a frame, and left; then three came. */
  async function left() {
    const { source, track } = openTrack();
    const stream = new VideoStream(track, { bufferFrames: 8 });
    const reader = stream.getReader();
    const pending = reader.read();
    pending.catch(() => {});
    reader.releaseLock();
    await expect(pending).rejects.toThrow(TypeError);
    await show(source, stream, GREYS.slice(0, 3));
    return stream;
  }

  const ways: Record<string, (stream: VideoStream) => Promise<rtc.VideoFrameEvent[]>> = {
    'tryRead()': async (stream) => [stream.tryRead()!, stream.tryRead()!, stream.tryRead()!],
    'for await': async (stream) => {
      const frames: rtc.VideoFrameEvent[] = [];
      for await (const frame of stream) if (frames.push(frame) === 3) break;
      return frames;
    },
    'another reader': async (stream) => {
      const reader = stream.getReader();
      const frames = await Promise.all([reader.read(), reader.read(), reader.read()]);
      return frames.map(({ value }) => value!);
    },
    'tryRead(), then another reader': async (stream) => {
      const first = stream.tryRead()!;
      const reader = stream.getReader();
      return [first, (await reader.read()).value!, (await reader.read()).value!];
    },
  };
  test.each(Object.entries(ways))('takes no frame from %s, and changes no order', async (_, read) => {
    const stream = await left();
    const frames = (await read(stream)).map(brightness);
    expect(frames).toEqual(frames.toSorted((a, b) => a - b));
    expect(new Set(frames).size).toBe(3);
    expect(stream.stats()).toMatchObject({ framesIn: 3, framesOut: 3, framesDropped: 0 });
    stream.close();
  });
});

describe('the end', () => {
  test('comes when the track is closed; what waited is read before it', async () => {
    const { source, track } = openTrack();
    const stream = new VideoStream(track);
    await show(source, stream, [120]);
    await track.close();
    await until(() => engine.stats().videoStreams === 0, 'the engine has ended it');
    const reader = stream.getReader();
    expect((await reader.read()).done).toBe(false);
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  test('comes when the track is unsubscribed, to pending reads', async () => {
    const { track } = openTrack();
    const unsubscribe = await subscribe(track);
    const reader = new VideoStream(track).getReader();
    const waiting = reader.read();
    unsubscribe();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await reader.closed;
    expect(engine.stats().videoStreams).toBe(0);
  });

  test('comes when it is cancelled: nothing is fed any more, and what waited is given up', async () => {
    const { source, track } = openTrack();
    const [stream, other] = [new VideoStream(track), new VideoStream(track)];
    await show(source, stream, [40, 80]);
    await stream.cancel();
    expect(engine.stats().videoStreams).toBe(1);
    expect(stream.stats()).toEqual({ framesIn: 2, framesOut: 0, framesDropped: 2, framesBuffered: 0 });
    await until(() => other.stats().framesIn === 2, 'the other one has what was shown to both');
    const { videoFrames } = engine.stats();
    await show(source, other, [40, 80, 120]);
    expect(stream.stats().framesIn).toBe(2);
    expect(engine.stats().videoFrames - videoFrames).toBe(3);
    other.close();
    other.close();
  });

  test('comes when narrowcast is uninstalled', async () => {
    const { source, track } = openTrack();
    const stream = new VideoStream(track);
    await show(source, stream, [120]);
    engine.uninstall();
    const reader = stream.getReader();
    expect((await reader.read()).done).toBe(false);
    expect((await reader.read()).done).toBe(true);
    expect(install()).not.toBe(engine);
    install().uninstall();
  });

  test.each<[string, (stream: VideoStream) => unknown]>([
    ['close()', (stream) => stream.close()],
    ['uninstall()', () => install().uninstall()],
  ])('comes in this turn to reads that wait (%s)', async (_, end) => {
    const { track } = openTrack();
    const streams = [new VideoStream(track), new VideoStream(track)] as const;
    const ended: unknown[] = [];
    const pending = [streams[0].getReader().read(), streams[1][Symbol.asyncIterator]().next()];
    for (const each of pending) void each.then(({ done }) => ended.push(done));
    await turn();
    streams.forEach(end);
    await microtasks();
    expect(ended).toEqual([true, true]);
  });

  test('of a stream that the program does not hold is that it is collected', async () => {
    install();
    const { source, track } = openTrack();
    const kept = new VideoStream(track);
    (() => void new VideoStream(track))();
    await show(source, kept, [120]);
    await until(() => (globalThis.gc!(), install().stats().videoStreams === 1), 'it is collected');
    await kept.cancel();
    install().uninstall();
  });
});

describe('bad input', () => {
  test.each([
    ['no track', undefined],
    ['something else', { ffi_handle: 7n }],
  ])('%s for a track', (_, track) => {
    expect(() => new VideoStream(track as never)).toThrow(code('INVALID_ARGUMENT'));
  });

  test.each([0, -1, 1.5, NaN, 5000, '3'])('bufferFrames %s', (bufferFrames) => {
    const { track } = openTrack();
    expect(() => new VideoStream(track, { bufferFrames: bufferFrames as number })).toThrow(code('INVALID_ARGUMENT'));
    expect(() => new VideoStream(track, 3 as never)).toThrow(code('INVALID_ARGUMENT'));
  });

  test('a track that the engine does not know: nothing is left of the stream', async () => {
    const { subscribers } = install().videoFrames.stats();
    const track = { ffi_handle: { handle: 123_456_789n } };
    expect(() => new VideoStream(track as never)).toThrow(code('ENGINE_REQUEST_FAILED'));
    expect(install().stats().videoStreams).toBe(0);
    expect(install().videoFrames.stats().subscribers).toBe(subscribers);
  });

  test('reading without promises while a reader is attached', async () => {
    const { track } = openTrack();
    const stream = new VideoStream(track);
    const reader = stream.getReader();
    expect(() => stream.tryRead()).toThrow(code('LOCKED'));
    await reader.cancel();
  });
});
