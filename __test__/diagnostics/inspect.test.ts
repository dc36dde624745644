import * as rtc from '@livekit/rtc-node';
import { afterAll, describe, expect, test } from 'vitest';
import { AudioStreamTrack, AudioStream as PlainStream, FfiQueue } from '../../src/index.js';
import { AudioSource, AudioStream, install, VideoStream } from '../../src/livekit/index.js';
import { untilCollected } from '../support/expect.js';
import { runNode } from '../support/child.js';
import { openTracks, play } from '../support/meeting.js';
import { turn, until } from '../support/wait.mjs';

const engine = install();
afterAll(() => engine.uninstall());

// What earlier tests left to the garbage collector may be alive still: each test looks for its own.
const newest = <T>(list: readonly T[]): T | undefined => list.at(-1);

describe('engine.inspect(): names what is alive', () => {
  test('an AudioStream, with its format, frames and reader, until it is closed', async () => {
    const [one] = openTracks(1);
    const { opened, closed } = engine.inspect().counts.streams;
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, frameSizeMs: 20 });
    play([one!], 10);
    await until(() => stream.stats().framesIn === 5, 'all came');
    expect(newest(engine.inspect().streams)).toMatchObject({
      fedBy: 'engine',
      sampleRate: 16_000,
      channels: 1,
      frameMs: 20,
      framesIn: 5,
      framesOut: 0,
      framesDropped: 0,
      bufferedMs: 100,
      awaited: false,
      ended: false,
      thread: 0,
    });
    expect(newest(engine.inspect().streams)).not.toHaveProperty('place');
    expect(newest(engine.inspect().streams)!.unreadMs).toBeGreaterThanOrEqual(100);
    for (let at = 0; at < 5; at++) expect(stream.tryRead()).not.toBeNull();
    expect(newest(engine.inspect().streams)).toMatchObject({ framesOut: 5, bufferedMs: 0, unreadMs: 0 });
    const pending = stream.getReader().read();
    expect(newest(engine.inspect().streams)!.awaited).toBe(true);
    const { id } = newest(engine.inspect().streams)!;
    stream.close();
    await pending;
    expect(engine.inspect().streams.map((each) => each.id)).not.toContain(id);
    expect(engine.inspect().counts.streams).toMatchObject({ opened: opened + 1, closed: closed + 1 });
  });

  test('handles: objects of rtc-node that hold a native handle, by class, until they are collected', () => {
    expect(engine.inspect()).not.toHaveProperty('handles');
    const count = () => engine.inspect({ handles: true }).handles!;
    // V8 counts the very first handle of a process twice.
    const first = new rtc.VideoSource(64, 48);
    const before = count();
    expect(before.FfiHandle).toBeGreaterThanOrEqual(0);
    let sources: rtc.VideoSource[] | undefined = Array.from({ length: 3 }, () => new rtc.VideoSource(64, 48));
    const during = count();
    expect(during.VideoSource! - before.VideoSource!).toBe(sources.length);
    expect(during.FfiHandle! - before.FfiHandle!).toBe(sources.length);
    sources = undefined;
    expect(count()).toMatchObject({ VideoSource: before.VideoSource });
    expect(first.width).toBe(64);
    expect(() => engine.inspect({ handle: true } as object)).toThrow('did you mean handles?');
    expect(() => engine.inspect({ handles: 1 } as object)).toThrow('a boolean');
  });

  test('what unreadMs says of a stream that was read once grows from one look to the next', async () => {
    const stream = new PlainStream({ bufferMs: 10_000 });
    stream.write(new Int16Array(960));
    stream.tryRead();
    const look = () => newest(engine.inspect().streams)!.unreadMs;
    const first = look();
    expect(first).toBeGreaterThanOrEqual(10);
    const begin = performance.now();
    await until(() => look() >= 40, 'it says that it was away');
    expect(performance.now() - begin).toBeGreaterThan(30);
    stream.tryRead();
    expect(look()).toBe(0);
    stream.close();
  });

  test('sources, tracks with and without a pipe, subscriptions, listeners', async () => {
    const source = new AudioSource(24_000, 1, 100);
    const track = new AudioStreamTrack({ sampleRate: 24_000 });
    const queue = new FfiQueue({ types: ['a'] });
    const subscription = queue.subscribe();
    queue.put('a', new Uint8Array(3));
    const client = (globalThis as { _ffiClientInstance?: NodeJS.EventEmitter })._ffiClientInstance!;
    const listener = () => {};
    client.on('ffi_event', listener);

    expect(newest(engine.inspect().sources)).toMatchObject({ sampleRate: 24_000, channels: 1, queueSize: 100 });
    expect(newest(engine.inspect().tracks)).toMatchObject({ sampleRate: 24_000, frameMs: 20, piped: false });
    expect(newest(engine.inspect().subscriptions)).toMatchObject({ queued: 1, dropped: 0, closed: false });
    const before = engine.inspect().listeners.length;
    expect(before).toBeGreaterThan(0);
    const controller = new AbortController();
    const piped = track.pipeTo(source, { signal: controller.signal });
    expect(newest(engine.inspect().tracks)!.piped).toBe(true);
    controller.abort();
    await expect(piped).rejects.toThrow();

    const ids = () => {
      const { sources, tracks, subscriptions } = engine.inspect();
      return [sources, tracks, subscriptions].map((list) => newest(list as { id: number }[])?.id);
    };
    const open = ids();
    track.stop();
    await source.close();
    subscription.close();
    client.off('ffi_event', listener);
    expect(ids().filter((id, at) => id === open[at])).toEqual([]);
    expect(engine.inspect().listeners).toHaveLength(before - 1);
  });

  test('a VideoStream, and not the subscription inside it', () => {
    const source = new rtc.VideoSource(64, 64);
    const track = rtc.LocalVideoTrack.createVideoTrack('camera', source);
    const before = engine.inspect();
    const stream = new VideoStream(track);
    const after = engine.inspect();
    expect(newest(after.videoStreams)).toMatchObject({ framesIn: 0, framesBuffered: 0, awaited: false, unreadMs: 0 });
    expect(after.counts.subscriptions).toEqual(before.counts.subscriptions);
    stream.close();
    expect(engine.inspect().counts.videoStreams.closed).toBe(before.counts.videoStreams.closed + 1);
  });

  test('answers that are waited for, by what was asked', async () => {
    const source = new AudioSource(48_000, 1, 0);
    const captured = source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    expect(engine.inspect().pending.ownMs.length).toBeGreaterThan(0);
    await captured;
    const [one] = openTracks(1);
    const theirs = one!.source.captureFrame(rtc.AudioFrame.create(16_000, 1, 160));
    expect(engine.inspect().pending.client).toEqual([{ asked: 'captureAudioFrame', ageMs: expect.any(Number) }]);
    await theirs;
    expect(engine.inspect().pending.client).toEqual([]);
    expect(engine.inspect().requests['captureAudioFrame']).toBeGreaterThan(0);
    expect(engine.inspect().events['captureAudioFrame']).toBeGreaterThan(0);
    await source.close();
  });
});

test('engine.inspect() holds no stream: one that is forgotten is collected and counted', async () => {
  const { forgotten } = engine.inspect().counts.streams;
  (() => {
    new PlainStream();
    engine.inspect();
  })();
  await untilCollected(() => engine.inspect().counts.streams.forgotten > forgotten, 'the stream is collected');
});

test('engine.inspect() survives JSON', async () => {
  const stream = new PlainStream();
  const now = engine.inspect();
  expect(JSON.parse(JSON.stringify(now))).toEqual(now);
  stream.close();
  await turn();
});

test('NARROWCAST_TRACE=1 names the line of the program that opened each, also behind rtc-node and under the flag', async () => {
  const { stdout, stderr } = await runNode('traced.mjs', [], { env: { NARROWCAST_TRACE: '1' } });
  expect(stderr).toBe('');
  const places = JSON.parse(stdout) as Record<string, string[]>;
  expect(places).toEqual({
    streams: ['traced.mjs:6', 'traced.mjs:9'],
    sources: ['traced.mjs:12'],
    tracks: ['traced.mjs:13'],
    subscriptions: ['traced.mjs:14'],
    listeners: ['traced.mjs:15'],
  });
});
