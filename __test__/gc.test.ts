import { describe, expect, it } from 'vitest';
import { AudioStream, AudioStreamTrack, FfiQueue, type FfiEvent, type Subscription } from '../src/index.js';
import { isPending, untilCollected } from './support/expect.js';
import { turn } from './support/wait.mjs';

// Each maker of garbage is a function of its own, so that no variable of a test keeps what it made.

const queueOf = () => new FfiQueue({ types: ['a'] });
const payload = new Uint8Array(100);

/** Counts those of the objects it was given that were collected. */
function collections() {
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  return {
    watch: <T extends object>(object: T) => (registry.register(object, undefined), object),
    get collected() {
      return collected;
    },
  };
}

/** Long enough for everything that can be collected to be collected. */
async function collect() {
  for (let i = 0; i < 10; i++) {
    globalThis.gc!();
    await turn();
  }
}

describe.skipIf(process.platform !== 'linux')('memory of what was ended by hand', () => {
  const second = new Int16Array(48_000);
  const cases: Record<string, () => object> = {
    'a cancelled AudioStream': () => {
      const stream = new AudioStream();
      for (let at = 0; at < 10; at++) stream.write(second);
      void stream.cancel();
      return stream;
    },
    'a closed AudioStream that was read to its end': () => {
      const stream = new AudioStream();
      for (let at = 0; at < 10; at++) stream.write(second);
      stream.close();
      const target = new Int16Array(48_000);
      while (stream.readInto(target) > 0);
      return stream;
    },
    'a stopped AudioStreamTrack': () => {
      const track = new AudioStreamTrack({ bufferMs: 10_000 });
      for (let at = 0; at < 10; at++) track.write({ data: second, sampleRate: 48_000, channels: 1 });
      track.stop();
      return track;
    },
  };

  it.each(Object.keys(cases))('%s goes though it is still referenced', async (name) => {
    const make = cases[name]!;
    make();
    await collect();
    const before = process.memoryUsage();
    const kept = Array.from({ length: 50 }, make);
    const after = process.memoryUsage();
    // 50 rings that were full: 48 MB.
    expect(after.rss - before.rss).toBeLessThan(24e6);
    expect(after.external - before.external).toBeLessThan(24e6);
    expect(kept).toHaveLength(50);
  });
});

describe('forgotten subscriptions', () => {
  it.each(['untouched', 'with events', 'read in part', 'closed', 'waited for once'])(
    '(%s) are collected, with what they had',
    async (how) => {
      const queue = queueOf();
      const make = async () => {
        const subscriptions = Array.from({ length: 1000 }, () => queue.subscribe());
        const pending = how === 'waited for once' ? subscriptions.map((each) => each.next()) : [];
        if (how !== 'untouched') for (let i = 0; i < 3; i++) queue.put('a', payload);
        if (how === 'read in part') for (const each of subscriptions) each.tryNext();
        if (how === 'closed') for (const each of subscriptions) each.close();
        await Promise.all(pending);
      };
      await make();
      const read = how === 'read in part' || how === 'waited for once' ? 1000 : 0;
      expect(queue.stats()).toMatchObject({ subscribers: how === 'closed' ? 0 : 1000, delivered: read });

      await untilCollected(() => queue.stats().subscribers === 0 && queue.stats().queued === 0, 'they are collected');
      expect(queue.stats()).toMatchObject({ delivered: read, dropped: how === 'untouched' ? 0 : 3000 - read });
      expect(queue.put('a', payload)).toBe(0);
    },
    60_000,
  );

  it('are collected with a filter and a decode that know nothing of them', async () => {
    const queue = new FfiQueue({ types: ['a'], decode: ({ payload }) => payload.length });
    const make = () => {
      for (let i = 0; i < 100; i++) queue.subscribe({ filter: (n) => n > i }).tryNext();
    };
    make();
    await untilCollected(() => queue.stats().subscribers === 0, 'they are collected');
  }, 60_000);

  it('are not kept by an AbortSignal that lives on, and leave no listener on it', async () => {
    const queue = queueOf();
    const controller = new AbortController();
    const added: unknown[] = [];
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = ((...args: Parameters<typeof add>) => (added.push(args[1]), add(...args))) as typeof add;
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      added.splice(added.indexOf(args[1]), 1);
      return remove(...args);
    }) as typeof remove;

    const make = () => {
      for (let i = 0; i < 1000; i++) queue.subscribe({ signal }).tryNext();
    };
    make();
    expect(added).toHaveLength(1);
    await untilCollected(() => queue.stats().subscribers === 0, 'they are collected');
    await untilCollected(() => added.length === 0, 'their listeners are removed');
    controller.abort();
  }, 60_000);

  it('do not keep the queue, nor a closed one its subscriptions', async () => {
    const gone = collections();
    const make = () => {
      const queue = gone.watch(queueOf());
      for (let i = 0; i < 10; i++) gone.watch(queue.subscribe());
      queue.put('a', payload);
      queue.close();
    };
    make();
    await untilCollected(() => gone.collected === 11, 'all are collected');
  }, 60_000);
});

describe('subscriptions that are waited for', () => {
  it.each<[string, (events: Subscription<FfiEvent<'a'>>) => Promise<unknown>]>([
    ['next()', (events) => events.next()],
    ['waitFor()', (events) => events.waitFor(() => true)],
    ['for await', async (events) => (await events[Symbol.asyncIterator]().next()).value],
  ])(
    'by %s are never collected',
    async (_, wait) => {
      const queue = queueOf();
      let served = 0;
      const make = () => {
        for (let i = 0; i < 1000; i++) void wait(queue.subscribe()).then(() => served++);
      };
      make();
      await collect();
      expect(queue.stats().subscribers).toBe(1000);
      expect(queue.put('a', payload)).toBe(1000);
      await untilCollected(() => served === 1000, 'all are served');
      await untilCollected(() => queue.stats().subscribers === 0, 'served, they are collected');
    },
    60_000,
  );

  it('are collected after the wait was aborted', async () => {
    const queue = queueOf();
    const controller = new AbortController();
    const make = () => {
      const { signal } = controller;
      return Array.from({ length: 100 }, () =>
        queue
          .subscribe()
          .waitFor(() => true, { signal })
          .catch(() => {}),
      );
    };
    const waits = make();
    await collect();
    expect(queue.stats().subscribers).toBe(100);
    controller.abort();
    await Promise.all(waits);
    await untilCollected(() => queue.stats().subscribers === 0, 'they are collected');
  }, 60_000);

  it('are collected after their own filter has aborted them', async () => {
    const queue = queueOf();
    const make = () =>
      Array.from({ length: 100 }, () => {
        const controller = new AbortController();
        const filter = () => (controller.abort(), true);
        return queue
          .subscribe({ filter, signal: controller.signal })
          .next()
          .catch(() => {});
      });
    const waits = make();
    queue.put('a', payload);
    queue.put('a', payload);
    await Promise.all(waits);
    expect(queue.stats()).toMatchObject({ subscribers: 0, queued: 100 });
    await untilCollected(() => queue.stats().queued === 0, 'they are collected, with what they had');
  }, 60_000);

  it('are collected after their own predicate has aborted the wait', async () => {
    const queue = queueOf();
    const make = () =>
      Array.from({ length: 100 }, () => {
        const controller = new AbortController();
        const { signal } = controller;
        return queue
          .subscribe()
          .waitFor(() => (controller.abort(), false), { signal })
          .catch(() => {});
      });
    const waits = make();
    queue.put('a', payload);
    await Promise.all(waits);
    expect(queue.stats()).toMatchObject({ subscribers: 100, queued: 0 });
    await untilCollected(() => queue.stats().subscribers === 0, 'they are collected');
  }, 60_000);

  it('stay when only a later call waits', async () => {
    const queue = queueOf();
    let last: Promise<unknown> | undefined;
    const make = async () => {
      const events = queue.subscribe();
      const first = events.next();
      last = events.next();
      queue.put('a', payload);
      await first;
    };
    await make();
    await collect();
    expect(await isPending(last!)).toBe(true);
    expect(queue.put('a', payload)).toBe(1);
    await last;
  });
});

describe('forgotten AudioStreams', () => {
  const options = { sampleRate: 1000, frameSizeMs: 4, bufferMs: 40 };

  it.each<[string, (stream: AudioStream) => unknown]>([
    ['untouched', () => {}],
    ['written', (stream) => stream.write(new Int16Array(10))],
    ['read in part', (stream) => (stream.write(new Int16Array(10)), stream.tryRead())],
    ['closed', (stream) => stream.close()],
    ['with a reader', (stream) => stream.getReader()],
    ['with an iterator', (stream) => stream.values()],
    ['read once by a reader', (stream) => (stream.write(new Int16Array(10)), stream.getReader().read())],
    [
      'that a loop has left',
      async (stream) => {
        stream.write(new Int16Array(10));
        for await (const _ of stream) break;
      },
    ],
  ])(
    '(%s) are collected',
    async (_, use) => {
      const gone = collections();
      const make = () =>
        Promise.all(Array.from({ length: 1000 }, () => use(gone.watch(new AudioStream(options))))).then(() => {});
      await make();
      await untilCollected(() => gone.collected === 1000, 'they are collected');
    },
    60_000,
  );

  it('give their memory back without being asked to', async () => {
    const before = process.memoryUsage.rss();
    // 80 times 19 MB: all of it would stay, if the collector took a stream for a few bytes.
    for (let i = 0; i < 80; i++) {
      new AudioStream({ sampleRate: 48_000, numChannels: 2, bufferMs: 100_000 }).write(new Int16Array(2));
      await turn();
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(7e8);
  }, 60_000);
});

describe('AudioStreams that are waited for', () => {
  it.each<[string, (stream: AudioStream) => Promise<unknown>]>([
    ['a reader', (stream) => stream.getReader().read()],
    ['a loop', (stream) => stream.values().next()],
    ['a pipe', (stream) => stream.pipeTo(new WritableStream())],
  ])(
    'by %s are never collected',
    async (_, wait) => {
      const gone = collections();
      const ends: (() => void)[] = [];
      let ended = 0;
      const make = () => {
        for (let i = 0; i < 100; i++) {
          const stream = gone.watch(new AudioStream({ sampleRate: 1000, bufferMs: 10 }));
          const weak = new WeakRef(stream);
          void wait(stream).then(() => ended++);
          ends.push(() => weak.deref()!.close());
        }
      };
      make();
      await collect();
      expect([gone.collected, ended]).toEqual([0, 0]);
      for (const end of ends) end();
      ends.length = 0;
      await untilCollected(() => ended === 100, 'all have ended');
      await untilCollected(() => gone.collected === 100, 'ended, they are collected');
    },
    60_000,
  );
});

describe('forgotten AudioStreamTracks', () => {
  const options = { sampleRate: 1000, frameSizeMs: 4, bufferMs: 40 };
  const pcm = { data: new Int16Array(10), sampleRate: 1000, channels: 1 };

  it.each<[string, (track: AudioStreamTrack) => unknown]>([
    ['untouched', () => {}],
    ['written', (track) => track.write(pcm)],
    ['written at another rate', (track) => track.write({ ...pcm, sampleRate: 500 })],
    ['received from', (track) => track.recv()],
    ['flushed', (track) => (track.write(pcm), track.flush())],
    ['stopped', (track) => track.stop()],
    ['stopped while a recv() was pending', (track) => [track.recv(), track.recv().catch(() => {}), track.stop()][0]],
    ['that is waited for, and not played', (track) => (track.write(pcm), void track.waitForPlayout())],
    ['that could not be piped', (track) => track.pipeTo(undefined as never).catch(() => {})],
  ])(
    '(%s) are collected',
    async (_, use) => {
      const gone = collections();
      const make = () =>
        Promise.all(Array.from({ length: 500 }, () => use(gone.watch(new AudioStreamTrack(options))))).then(() => {});
      await make();
      await untilCollected(() => gone.collected === 500, 'they are collected');
    },
    60_000,
  );

  it('give their memory back without being asked to', async () => {
    const before = process.memoryUsage.rss();
    // 80 times 19 MB: all of it would stay, if the collector took a track for a few bytes.
    for (let i = 0; i < 80; i++) {
      new AudioStreamTrack({ sampleRate: 48_000, numChannels: 2, bufferMs: 100_000 }).write(pcm);
      await turn();
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(7e8);
  }, 60_000);
});

describe('AudioStreamTracks that are received from', () => {
  it('are never collected', async () => {
    const gone = collections();
    let received = 0;
    const make = () => {
      for (let i = 0; i < 100; i++) {
        const track = gone.watch(new AudioStreamTrack({ sampleRate: 1000, frameSizeMs: 200, bufferMs: 200 }));
        void track.recv();
        void track.recv().then(() => received++);
      }
    };
    make();
    await untilCollected(() => received === 100, 'all have received');
    await untilCollected(() => gone.collected === 100, 'served, they are collected');
  }, 60_000);
});
