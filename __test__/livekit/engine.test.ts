import { AsyncLocalStorage } from 'node:async_hooks';
import { once, type EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as rtc from '@livekit/rtc-node';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { AudioSource, AudioStream, VideoStream, install } from '../../src/livekit/index.js';
import { failure } from '../support/expect.js';
import { encodeEvent } from '../support/messages.js';
import { openTracks, play } from '../support/meeting.js';
import { until } from '../support/wait.mjs';

type Client = EventEmitter & { waitFor(predicate: (event: FfiEvent) => boolean): Promise<unknown> };
const client = () => (globalThis as { _ffiClientInstance?: Client })._ffiClientInstance!;

/** Events that no engine has to be provoked into: what is put into the queue is what it would have sent. */
const panic = encodeEvent({ panic: { message: 'a test' } });
const hello = encodeEvent({ logs: { records: [{ target: 'test', message: 'hello' }] } });
const roomEvent = (roomHandle: bigint) => encodeEvent({ roomEvent: { roomHandle, roomSidChanged: {} } });

afterEach(() => install().uninstall());

/** Is called with what is thrown and not caught, until the test is over. */
function catchUncaught() {
  const thrown = vi.fn<(error: Error) => void>();
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', thrown);
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  });
  return thrown;
}

describe('install', () => {
  test('twice is once', () => {
    expect(install()).toBe(install());
  });

  test('stands in for the client that rtc-node uses', async () => {
    install();
    const source = new rtc.AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    // The answer came through our queue: rtc-node has made no client of its own.
    expect(Object.keys(client())).toContain('waitFor');
    expect(install().queue.stats().delivered).toBeGreaterThan(0);
    await source.close();
  });
});

describe('listeners of ffi_event', () => {
  test('hear every event but logs and the frames of our own streams', async () => {
    const engine = install();
    const heard = new Set<string | undefined>();
    const listener = (event: FfiEvent) => void heard.add(event.message.case);
    client().on('ffi_event', listener);
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    const pump = play([one!], 5);
    await until(() => stream.stats().framesIn === 5, 'all was played');
    pump.stop();
    engine.queue.put('logs', hello);
    engine.queue.put('roomEvent', roomEvent(5n), 5n);
    await until(() => heard.has('roomEvent'), 'the room event comes');
    expect([...heard]).toEqual(['roomEvent']);
    client().off('ffi_event', listener);
    stream.close();
  });

  test('get the frames of rtc-node streams, which go on working', async () => {
    install();
    const [one] = openTracks(1);
    const stream = new rtc.AudioStream(one!.track, 16_000, 1);
    const pump = play([one!], 5);
    let frames = 0;
    for await (const frame of stream) {
      expect(frame.data).toEqual(one!.pcm.slice(frames * 160, (frames + 1) * 160));
      if (++frames === 5) break;
    }
    pump.stop();
  });

  test('are told of nothing without a listener', async () => {
    const engine = install();
    const before = engine.queue.stats();
    engine.queue.put('roomEvent', roomEvent(5n), 5n);
    expect(engine.queue.stats().unwanted).toBeGreaterThan(before.unwanted);
    expect(engine.queue.stats().delivered).toBe(before.delivered);
  });

  test('that throw keep nothing from the next one', async () => {
    const engine = install();
    const thrown = catchUncaught();
    const heard = vi.fn<() => void>();
    const fails = () => {
      throw new Error('a listener');
    };
    client().on('ffi_event', fails).on('ffi_event', heard);
    engine.queue.put('roomEvent', roomEvent(5n), 5n);
    await until(() => heard.mock.calls.length === 1 && thrown.mock.calls.length === 1, 'both happened');
    expect(thrown.mock.calls[0]![0].message).toBe('a listener');
    client().removeAllListeners('ffi_event');
  });
});

describe('a listener', () => {
  test('that is to be called once is', async () => {
    const engine = install();
    const once = vi.fn<() => void>();
    const always = vi.fn<() => void>();
    client().once('ffi_event', once).on('ffi_event', always);
    for (const room of [1n, 2n, 3n]) engine.queue.put('roomEvent', roomEvent(room), room);
    await until(() => always.mock.calls.length === 3, 'all have come');
    expect(once).toHaveBeenCalledTimes(1);
    client().removeAllListeners('ffi_event');
  });

  test('and a predicate run in the context of their caller, not of the caller of install()', async () => {
    const whose = new AsyncLocalStorage<string>();
    const engine = whose.run('installer', install);
    const seen: (string | undefined)[] = [];
    whose.run('listener', () => client().on('ffi_event', () => seen.push(whose.getStore())));
    client().on('ffi_event', () => seen.push(whose.getStore()));
    const waited = whose.run('waiter', () =>
      client().waitFor(() => {
        seen.push(whose.getStore());
        return true;
      }),
    );
    engine.queue.put('publishData', encodeEvent({ publishData: { asyncId: 1n } }), 1n);
    await waited;
    await until(() => seen.length === 3, 'all were called');
    expect(seen).toEqual(['waiter', 'listener', undefined]);
    client().removeAllListeners('ffi_event');
  });
});

test('who listens goes on hearing when narrowcast is uninstalled, installed and uninstalled again', async () => {
  const heard = vi.fn<(event: FfiEvent) => void>();
  install();
  const mine = client();
  mine.on('ffi_event', heard);
  const source = new rtc.AudioSource(48_000, 1);
  for (let round = 0; round < 3; round++) {
    install();
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    install().uninstall();
    expect(client()).toBe(mine);
    const before = heard.mock.calls.length;
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    expect(heard.mock.calls.length).toBeGreaterThan(before);
  }
  mine.off('ffi_event', heard);
  await source.close();
});

describe('answers', () => {
  /** Which thread asked, by the async id. */
  const thread = (asyncId: bigint) => asyncId >> 40n;

  test("to rtc-node's questions carry the number of the thread that asked", async () => {
    const engine = install();
    const answers = engine.queue.subscribe({ types: ['captureAudioFrame'] });
    const source = new rtc.AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    const { message } = (await answers.next()).value!;
    const own = (client() as unknown as { getNextRequestAsyncId(): bigint }).getNextRequestAsyncId();
    expect(thread((message.value as { asyncId: bigint }).asyncId)).toBe(thread(own));
    answers.close();
    await source.close();
  });

  test('to the questions of other threads come to them alone', async () => {
    install();
    const mine = (client() as unknown as { getNextRequestAsyncId(): bigint }).getNextRequestAsyncId();
    const offered: bigint[] = [];
    const waiter = client().waitFor(({ message }) => {
      const { asyncId } = message.value as { asyncId: bigint };
      offered.push(asyncId);
      return asyncId === mine;
    });
    const worker = new Worker(new URL('../support/asking-worker.mjs', import.meta.url));
    expect(await once(worker, 'exit')).toEqual([0]);
    // The engine's own numbers, and this thread's.
    for (const id of [7n, mine]) install().queue.put('publishData', encodeEvent({ publishData: { asyncId: id } }), id);
    await waiter;
    expect(offered).toEqual([7n, mine]);
  });

  test('that come late, after narrowcast was taken out and put in again, are answers still', async () => {
    install();
    const source = new rtc.AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    const asked = (client() as unknown as { getNextRequestAsyncId(): bigint }).getNextRequestAsyncId();
    install().uninstall();
    install();
    const next = (client() as unknown as { getNextRequestAsyncId(): bigint }).getNextRequestAsyncId();
    expect(thread(next)).toBe(thread(asked));
    expect(next).toBeGreaterThan(asked);
    await source.close();
  });
});

test('what rtc-node reads and writes by its address is that', () => {
  install();
  const { copyBuffer, retrievePtr } = client() as unknown as {
    copyBuffer(pointer: bigint, length: number): Uint8Array;
    retrievePtr(data: Uint8Array): bigint;
  };
  const bytes = Uint8Array.from([1, 2, 3, 4, 5]);
  expect(copyBuffer(retrievePtr(bytes), 5)).toEqual(bytes);
});

describe('waitFor', () => {
  test('is offered answers only, and those that come before it is called too', async () => {
    const engine = install();
    const offered: unknown[] = [];
    const answer = encodeEvent({ publishData: { asyncId: 77n } });
    // Before the test waits for it, in the same turn: as the engine's own threads often do.
    engine.queue.put('publishData', answer, 77n);
    engine.queue.put('roomEvent', roomEvent(1n), 1n);
    const value = await client().waitFor(({ message }) => {
      offered.push(message.case);
      return message.case === 'publishData' && message.value.asyncId === 77n;
    });
    expect(value).toMatchObject({ asyncId: 77n });
    expect(offered).toEqual(['publishData']);
  });

  test('goes on before the event after its answer is handed out', async () => {
    const engine = install();
    const order: string[] = [];
    const connected = client().waitFor(({ message }) => message.case === 'connect');
    client().on('ffi_event', ({ message }: FfiEvent) => order.push(String(message.case)));
    engine.queue.put('connect', encodeEvent({ connect: { asyncId: 1n } }), 1n);
    engine.queue.put('roomEvent', roomEvent(1n), 1n);
    await connected;
    await Promise.resolve();
    order.push('went on');
    await until(() => order.includes('roomEvent'), 'the room event came');
    expect(order).toEqual(['connect', 'went on', 'roomEvent']);
    client().removeAllListeners('ffi_event');
  });

  test('rejects with the reason of its signal, and with what its predicate throws', async () => {
    const engine = install();
    const abort = new AbortController();
    const waitFor = client().waitFor as unknown as (p: unknown, o?: { signal: AbortSignal }) => Promise<unknown>;
    const aborted = waitFor(() => false, { signal: abort.signal });
    const failed = waitFor(() => {
      throw new Error('a predicate');
    });
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(waitFor(() => true, { signal: abort.signal })).rejects.toThrow('enough');
    engine.queue.put('publishData', encodeEvent({ publishData: { asyncId: 1n } }), 1n);
    await expect(failed).rejects.toThrow('a predicate');
  });
});

test('async ids are never the same, and far above the ones that the engine counts itself', () => {
  install();
  const next = () => (client() as unknown as { getNextRequestAsyncId(): bigint }).getNextRequestAsyncId();
  const ids = Array.from({ length: 100 }, next);
  expect(new Set(ids).size).toBe(100);
  expect(ids.every((id) => id > 2n ** 40n && id < 2n ** 61n)).toBe(true);
});

describe('engine.queue', () => {
  test('is filtered by type and by what events are about, and decodes what is read', async () => {
    const engine = install();
    const mine = engine.queue.subscribe({ types: ['roomEvent'], handles: [7n] });
    for (const room of [6n, 7n, 8n]) engine.queue.put('roomEvent', roomEvent(room), room);
    expect(mine.drain()).toMatchObject([{ message: { case: 'roomEvent', value: { roomHandle: 7n } } }]);
    mine.close();
  });

  test('carries the answers to requests by their async id', async () => {
    const engine = install();
    const answers = engine.queue.subscribe({ types: ['captureAudioFrame'] });
    const source = new rtc.AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    expect((await answers.next()).value).toMatchObject({ message: { case: 'captureAudioFrame' } });
    answers.close();
    await source.close();
  });
});

describe('uninstall', () => {
  test('ends what this thread waits for; what came before can be read', async () => {
    const engine = install();
    const [one] = openTracks(1);
    const [reading, unread] = [new AudioStream(one!.track, 16_000), new AudioStream(one!.track, 16_000)];
    const video = new VideoStream(rtc.LocalVideoTrack.createVideoTrack('v', new rtc.VideoSource(64, 48))).getReader();
    const pump = play([one!], 3);
    await until(() => unread.stats().framesIn === 3 && reading.stats().framesIn === 3, 'all was played');
    pump.stop();
    const reader = reading.getReader();
    for (let i = 0; i < 3; i++) await reader.read();
    const waiting = engine.queue.subscribe({ types: ['roomEvent'] });
    const behind = engine.queue.subscribe({ types: ['roomEvent'] });
    const pending = [reader.read(), video.read(), waiting.next()];
    const waitingFor = waiting.waitFor(() => true);
    engine.queue.put('roomEvent', roomEvent(7n), 7n);
    expect((await pending[2]!).done).toBe(false);

    engine.uninstall();
    await expect(waitingFor).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await pending[0]).toMatchObject({ done: true });
    expect(behind.closed).toBe(true);
    expect(behind.drain()).toHaveLength(1);
    expect(await behind.next()).toEqual({ done: true, value: undefined });
    let frames = 0;
    for await (const _ of unread) frames++;
    expect(frames).toBe(3);
    for (let last = await pending[1]!; !last.done;) last = await video.read(); // black pictures of the engine's own
    expect(engine.stats()).toMatchObject({ streams: 0, videoStreams: 0 });
  });

  test('holds no subscription for it that was forgotten', async () => {
    const engine = install();
    const before = engine.queue.stats().subscribers;
    (() => {
      for (let i = 0; i < 10; i++) engine.queue.subscribe({ types: ['roomEvent'] });
    })();
    await until(() => (gc!(), engine.queue.stats().subscribers === before), 'they are collected');
  });

  test('may be undone by what it ends: the closing frame processor of a stream', async () => {
    const engine = install();
    const [one] = openTracks(1);
    const closing = { isEnabled: () => true, process: (frame: rtc.AudioFrame) => frame, close: () => void install() };
    new AudioStream(one!.track, { noiseCancellation: closing as never });
    engine.uninstall();
    expect(install()).not.toBe(engine);
    const source = new AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    await source.close();
  });

  test('is final for that engine, and install() gives another', () => {
    const engine = install();
    engine.uninstall();
    engine.uninstall();
    expect(() => engine.queue.subscribe()).toThrow(failure('CLOSED', 'install()'));
    expect(() => engine.on('log', () => {})).toThrow(failure('CLOSED', 'install()'));
    expect(install()).not.toBe(engine);
    install().queue.subscribe().close();
  });
});

describe('logs', () => {
  test('are discarded natively until there is a listener', async () => {
    const engine = install();
    engine.queue.put('logs', hello);
    const log = vi.fn<(record: { message?: string }) => void>();
    engine.on('log', log);
    engine.queue.put('logs', hello);
    await until(() => log.mock.calls.some(([record]) => record.message === 'hello'), 'the log comes');
    expect(log.mock.calls.filter(([record]) => record.message === 'hello')).toHaveLength(1);
    engine.off('log', log);
    const before = engine.queue.stats().delivered;
    engine.queue.put('logs', hello);
    expect(engine.queue.stats().delivered).toBe(before);
  });
});

test('a listener of logs that throws keeps none from the next one', async () => {
  const engine = install();
  const thrown = catchUncaught();
  engine.on('log', ({ message }) => {
    if (message === 'hello') throw new Error('a log');
  });
  for (let logs = 0; logs < 2; logs++) engine.queue.put('logs', hello);
  await until(() => thrown.mock.calls.length === 2, 'both were heard');
  expect(thrown.mock.calls.map(([{ message }]) => message)).toEqual(['a log', 'a log']);
  engine.removeAllListeners('log');
});

describe('a panic of the engine', () => {
  test('is an event for its listeners', async () => {
    const engine = install();
    const heard = new Promise<Error>((resolve) => engine.once('panic', resolve));
    engine.queue.put('panic', panic);
    expect(await heard).toMatchObject({ code: 'ENGINE_PANIC', message: expect.stringContaining('a test') });
  });

  test('unheard, is an uncaught exception', async () => {
    const engine = install();
    const thrown = catchUncaught();
    engine.queue.put('panic', panic);
    await until(() => thrown.mock.calls.length === 1, 'it is thrown');
    expect(thrown.mock.calls[0]![0]).toMatchObject({ code: 'ENGINE_PANIC' });
  });
});
