import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { AudioStream, FfiQueue, nativeInterface } from '../src/index.js';
import { runNode, type Ended } from './support/child.js';
import { failure, untilCollected } from './support/expect.js';
import { buildAddon, missing } from './support/native-interface/build.js';
import type { Probe } from './support/native-interface/probe.js';
import { ended, message, start } from './support/threads.js';
import { until } from './support/wait.mjs';

const [OK, INVALID, CLOSED, NOT_FOUND, LOCKED] = [0, 1, 2, 3, 4];
const OWNED = 1;
const types = ['a', 'b'] as const;
const root = fileURLToPath(new URL('..', import.meta.url));

describe.skipIf(missing.c)(`another addon, in C${missing.c ? `: ${missing.c}` : ''}`, () => {
  let probe: Probe;
  let file: string;

  beforeAll(() => {
    file = buildAddon('__test__/support/native-interface/probe.c');
    probe = createRequire(import.meta.url)(file) as Probe;
    probe.use(nativeInterface(), 1, 0);
  });

  const counted = () => {
    const [released, dropped, put, refused, lastRefusal] = probe.counts();
    return { released, dropped, put, refused, lastRefusal };
  };
  function opened(queue: { id: bigint }, owner: 0 | 1 = 0): number {
    const [status, handle] = probe.queueOpen(queue.id, owner);
    expect(status).toBe(OK);
    return handle;
  }
  const bytes = new Uint8Array([1, 2, 3]);

  describe('nativeInterface', () => {
    it('says its version, and is refused by an addon of another one with both', () => {
      expect(nativeInterface().version).toBe('1.0');
      const refusal = (major: number, minor: number) => () => probe.use(nativeInterface(), major, minor);
      const both = (version: string) =>
        expect.objectContaining({
          code: 'VERSION_MISMATCH',
          message: expect.stringMatching(`for version ${version} of .*narrowcast \\d+\\.\\d+\\.\\d+ has version 1\\.0`),
        });
      expect(refusal(2, 0)).toThrow(both('2.0'));
      expect(refusal(1, 7)).toThrow(both('1.7'));
      expect(refusal(0, 0)).toThrow(both('0.0'));
    });

    it.each([
      undefined,
      null,
      0,
      1n,
      'a',
      () => {},
      {},
      [],
      { version: '1.0' },
      new Map(),
      bytes,
      new FfiQueue({ types }),
    ])('an addon refuses %o in its place', (value) => {
      expect(() => probe.use(value as object, 1, 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    });

    it('an addon refuses what has it as its prototype', () => {
      const child = Object.create(nativeInterface()) as object;
      expect(() => probe.use(child, 1, 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    });
  });

  describe('a queue', () => {
    it('gives what is put to the subscriptions of its type and handle, waiting or not', async () => {
      const queue = new FfiQueue({ types });
      const mine = queue.subscribe({ types: ['b'], handles: [7n] });
      const handle = opened(queue);
      const next = mine.next();
      expect(probe.queuePut(handle, 1, 7n, bytes, 3, 0)).toEqual([OK, 1]);
      expect(probe.queuePut(handle, 1, 8n, bytes, 3, 0)).toEqual([OK, 0]);
      expect(probe.queuePut(handle, 0, 7n, null, 0, 0)).toEqual([OK, 0]);
      expect(await next).toEqual({ done: false, value: { type: 'b', handle: 7n, payload: bytes } });
      expect(queue.stats()).toMatchObject({ published: 3, unwanted: 2, delivered: 1 });
      expect(probe.queueClose(handle)).toBe(OK);
    });

    it('refuses null with a length, huge lengths, unknown types and flags', () => {
      const queue = new FfiQueue({ types: { a: 0, c: 2 } });
      const all = queue.subscribe();
      const handle = opened(queue);
      expect(probe.queuePut(handle, 0, 1n, null, 1, 0)[0]).toBe(INVALID);
      for (const length of [2 ** 26 + 1, 2 ** 53, 2 ** 63]) {
        expect(probe.queuePut(handle, 0, 1n, bytes, length, 0)[0]).toBe(INVALID);
      }
      for (const type of [1, 3, 256, 2 ** 32 - 1])
        expect(probe.queuePut(handle, type, 1n, bytes, 3, 0)[0]).toBe(INVALID);
      for (const flags of [OWNED, 2]) expect(probe.queuePut(handle, 0, 1n, bytes, 3, flags)[0]).toBe(INVALID);
      expect(probe.queueOpen(queue.id, 2)[0]).toBe(INVALID);
      expect(probe.queueOpen(2n ** 60n, 0)[0]).toBe(NOT_FOUND);
      expect(all.size).toBe(0);
      probe.queueClose(handle);
    });

    it('refuses a put after close: of the queue, and of the handle', () => {
      const queue = new FfiQueue({ types });
      const [first, second] = [opened(queue), opened(queue)];
      expect(probe.queueClose(first)).toBe(OK);
      expect(probe.queuePut(first, 0, 1n, bytes, 3, 0)[0]).toBe(NOT_FOUND);
      expect(probe.queueClose(first)).toBe(NOT_FOUND);
      queue.close();
      expect(probe.queuePut(second, 0, 1n, bytes, 3, 0)[0]).toBe(CLOSED);
      expect(probe.queueOpen(queue.id, 0)[0]).toBe(CLOSED);
      probe.queueClose(second);
    });

    it('takes a put in a destructor of a thread that ends', async () => {
      const queue = new FfiQueue({ types });
      const all = queue.subscribe();
      const handle = opened(queue);
      expect(probe.endOfThread(handle)).toBe(OK);
      await until(() => all.size === 2, 'both events');
      probe.queueClose(handle);
    });

    it('is closed while threads put: each is refused, and what their payloads own is released once', async () => {
      const before = counted();
      const queue = new FfiQueue({ types });
      const seen = queue.subscribe({ handles: [1n, 2n], overflow: 'drop-oldest', capacity: 64 });
      const handle = opened(queue, 1);
      probe.flood(handle, 4, OWNED);
      for (let events = 0; events < 500; events++) await seen.next();
      queue.close();
      await until(() => counted().refused === before.refused + 4, 'four threads were refused');
      expect(counted().lastRefusal).toBe(CLOSED);
      seen.drain();
      expect(probe.queueClose(handle)).toBe(OK);
      const after = counted();
      expect(after.released - before.released).toBe(after.put - before.put);
      expect(after.dropped - before.dropped).toBe(1);
    });

    it('lets a subscription with `own` take what a payload owns', async () => {
      const before = counted();
      const queue = new FfiQueue({ types });
      const handle = opened(queue, 1);
      const owner = queue.subscribe({ types: ['a'], own: true });
      const observer = queue.subscribe();
      probe.queuePut(handle, 0, 1n, bytes, 3, OWNED);
      probe.queuePut(handle, 1, 1n, bytes, 3, OWNED);
      expect(owner.drain().length + observer.drain().length).toBe(3);
      expect(counted().released - before.released).toBe(1); // b, which only the observer had
      probe.queuePut(handle, 0, 1n, bytes, 3, OWNED);
      owner.close();
      await owner.return();
      observer.drain();
      expect(counted().released - before.released).toBe(2);
      probe.queueClose(handle);
      expect(counted().dropped - before.dropped).toBe(1);
    });

    it('goes on when a worker thread that reads it is terminated', async () => {
      const before = counted();
      const queue = new FfiQueue({ types });
      const handle = opened(queue, 1);
      for (const how of ['for await', 'poll', 'wait']) {
        const worker = start('read-events.mjs', { id: queue.id, types, how });
        expect(await message(worker)).toBe('ready');
        const put = counted().put;
        if (how === 'for await') probe.flood(handle, 2, OWNED);
        await until(() => counted().put > put + 2000, 'events while the worker reads');
        await worker.terminate();
        await until(() => queue.stats().subscribers === 0, "the worker's subscriptions have ended");
      }
      queue.close();
      await until(() => counted().refused >= before.refused + 2, 'the threads were refused');
      probe.queueClose(handle);
      const after = counted();
      expect(after.released - before.released).toBe(after.put - before.put);
      expect(after.dropped - before.dropped).toBe(1);
    });
  });

  describe('a stream', () => {
    it('gives what its producer writes, as frames, and then the end', async () => {
      const stream = new AudioStream({ sampleRate: 16_000, numChannels: 2, frameSizeMs: 10 });
      expect(stream.id).toBe(stream.id);
      const [status, handle] = probe.streamOpen(stream.id, 16_000, 2);
      expect(status).toBe(OK);
      expect(() => stream.write(new Int16Array(2))).toThrow(failure('LOCKED', 'addon'));
      expect(probe.streamOpen(stream.id, 16_000, 2)[0]).toBe(LOCKED);
      const first = stream.getReader().read();
      expect(
        probe.streamWrite(
          handle,
          Int16Array.from({ length: 400 }, (_, i) => i),
          400,
        ),
      ).toBe(OK);
      expect((await first).value!.data).toEqual(Int16Array.from({ length: 320 }, (_, i) => i));
      expect(probe.streamEnd(handle)).toBe(OK);
      expect([probe.streamWrite(handle, new Int16Array(2), 2), probe.streamEnd(handle)]).toEqual([CLOSED, CLOSED]);
      expect(probe.streamClose(handle)).toBe(OK);
      expect(probe.streamWrite(handle, new Int16Array(2), 2)).toBe(NOT_FOUND);
    });

    it('takes another rate and other channels than it has, and goes on where JavaScript did', async () => {
      const stream = new AudioStream({ sampleRate: 16_000, numChannels: 2, frameSizeMs: 10 });
      stream.write(new Int16Array(320));
      const [, handle] = probe.streamOpen(stream.id, 48_000, 1);
      for (let i = 0; i < 100; i++) expect(probe.streamWrite(handle, new Int16Array(480), 480)).toBe(OK);
      probe.streamEnd(handle);
      probe.streamClose(handle);
      let samples = 0;
      for await (const frame of stream) samples += frame.samplesPerChannel;
      expect(samples).toBe(160 + 16_000);
    });

    it('gives up what waits in the resampler of its producer with `discard`, and can not be flushed', () => {
      const stream = new AudioStream({ sampleRate: 16_000 });
      const [, handle] = probe.streamOpen(stream.id, 8000, 1);
      probe.streamWrite(handle, new Int16Array(1600).fill(10_000), 1600);
      expect(stream.discard().ms).toBeGreaterThan(180);
      probe.streamWrite(handle, new Int16Array(800), 800);
      expect(() => stream.flush()).toThrow(failure('LOCKED', 'addon'));
      probe.streamClose(handle);
      const samples = new Int16Array(4000);
      expect(stream.readInto(samples)).toBe(1600);
      expect(samples.find((sample) => sample !== 0)).toBeUndefined();
    });

    it('is given back with its handle', () => {
      const stream = new AudioStream({ sampleRate: 8000 });
      const [, handle] = probe.streamOpen(stream.id, 8000, 1);
      probe.streamClose(handle);
      stream.write(new Int16Array(80));
      expect(stream.tryRead()?.data.length).toBe(80);
    });

    it('refuses formats that it has no way to, null with a count, huge and odd counts, and odd addresses', () => {
      const stream = new AudioStream({ sampleRate: 16_000, numChannels: 2 });
      for (const [rate, channels] of [
        [0, 2],
        [16_000, 0],
        [16_000, 3],
        [1, 2],
        [2 ** 32 - 1, 2],
      ] as const) {
        expect(probe.streamOpen(stream.id, rate, channels)[0]).toBe(INVALID);
      }
      const mono = new AudioStream({ sampleRate: 16_000 });
      for (const channels of [65, 2 ** 32 - 1]) expect(probe.streamOpen(mono.id, 16_000, channels)[0]).toBe(INVALID);
      const [most, closed] = probe.streamOpen(mono.id, 16_000, 64);
      expect([most, probe.streamClose(closed)]).toEqual([OK, OK]);
      expect(probe.streamOpen(2n ** 60n, 16_000, 2)[0]).toBe(NOT_FOUND);
      const [, handle] = probe.streamOpen(stream.id, 16_000, 2);
      expect(probe.streamWrite(handle, null, 2)).toBe(INVALID);
      expect(probe.streamWrite(handle, new Int16Array(3), 3)).toBe(INVALID);
      for (const count of [2 ** 24 + 2, 2 ** 53, 2 ** 63]) {
        expect(probe.streamWrite(handle, new Int16Array(2), count)).toBe(INVALID);
      }
      expect(probe.streamWrite(handle, new Uint8Array(new ArrayBuffer(9), 1), 2)).toBe(INVALID);
      expect(probe.streamWrite(handle, null, 0)).toBe(OK);
      expect(stream.stats().bufferedMs).toBe(0);
      probe.streamClose(handle);
    });

    it.each(['close', 'cancel', 'collect'])(
      'says so to a thread that writes when JavaScript ends it: %s',
      async (how) => {
        const before = counted();
        let stream: AudioStream | undefined = new AudioStream({ sampleRate: 16_000, bufferMs: 100 });
        const [, handle] = probe.streamOpen(stream.id, 16_000, 1);
        probe.floodStream(handle);
        await until(() => counted().put > before.put + 20, 'writes');
        if (how === 'close') stream.close();
        if (how === 'cancel') await stream.cancel();
        stream = undefined;
        await untilCollected(() => counted().refused > before.refused, 'the thread was refused');
        expect(counted().lastRefusal).toBe(CLOSED);
        probe.streamClose(handle);
      },
    );

    it('has no id once its memory was given up', async () => {
      const stream = new AudioStream();
      await stream.cancel();
      expect(() => stream.id).toThrow(failure('CLOSED'));
    });

    it('ends for a thread that writes when the worker that read it ends', async () => {
      const before = counted();
      const worker = start('native-interface/worker.mjs', { file });
      expect(await message(worker)).toBe('written');
      worker.postMessage('end');
      await ended(worker);
      await until(() => counted().refused > before.refused, 'the thread was refused');
      expect(counted().lastRefusal).toBe(CLOSED);
    });
  });

  describe('the end of a process', () => {
    it.each(['exit', 'natural', 'throw', 'worker', 'worker-exit'])('is clean while threads put: %s', async (how) => {
      const child = await runNode('native-interface/end.mjs', [file, how]);
      const status = how === 'throw' ? 1 : 0;
      expect(child).toMatchObject({ status, signal: null, stdout: 'putting\n' });
    });
  });
});

describe('examples/native-events', () => {
  const folder = path.join(root, 'target', 'native-events', 'run');

  async function run(language: 'c' | 'rust'): Promise<Ended> {
    buildAddon(language === 'c' ? 'examples/native-events/c/sender.c' : 'examples/native-events/rust');
    const script = path.join(folder, 'main.mjs');
    fs.copyFileSync(path.join(root, 'examples/native-events/main.mjs'), script);
    return runNode(script, [language]);
  }

  it.skipIf(missing.c).each(['c'] as const)(`in C${missing.c ? `: ${missing.c}` : ''}`, sends);
  it.skipIf(missing.rust).each(['rust'] as const)(`in Rust${missing.rust ? `: ${missing.rust}` : ''}`, sends, 300_000);

  async function sends(language: 'c' | 'rust'): Promise<void> {
    // Of 25,600 events, half are levels, and 2 of 16 handles are asked for.
    const said = new RegExp(
      `^${language}: \\d+ events a second; 25600 sent, 1600 heard, 24000 unwanted, \\d+ wakes\n` +
        `${language}: 16000 samples of a tone\n$`,
    );
    expect(await run(language)).toMatchObject({ status: 0, stdout: expect.stringMatching(said) });
  }
});
