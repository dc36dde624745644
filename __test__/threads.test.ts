import { describe, expect, it, vi } from 'vitest';
import { FfiQueue, type FfiEvent } from '../src/index.js';
import { failure } from './support/expect.js';
import { ended, Gate, message, start } from './support/threads.js';
import { turn, until } from './support/wait.mjs';

const types = ['a', 'b', 'unwanted'] as const;

/** Producer and number of an event of `put-events.mjs`. */
function decode({ payload }: FfiEvent): { producer: number; number: number } {
  const [producer, number] = new Uint32Array(payload.buffer);
  return { producer: producer!, number: number! };
}

/** A thread that has said that it is ready. */
async function started(script: string, workerData: object) {
  const worker = start(script, workerData);
  expect(await message(worker)).toBe('ready');
  return worker;
}

const producers = (queue: { id: bigint }, gate: Gate, count: number, each: (producer: number) => object, threads = 4) =>
  Promise.all(
    Array.from({ length: threads }, (_, producer) =>
      started('put-events.mjs', { id: queue.id, types, producer, count, cells: gate.cells, ...each(producer) }),
    ),
  );

describe('events from 4 threads to 100 subscribers', () => {
  it('arrive once each, in order for each thread, however they are read', async () => {
    const EACH = 10_000;
    const queue = new FfiQueue({ types, decode });
    const gate = new Gate();
    const workers = await producers(queue, gate, EACH, (producer) => ({
      type: types[producer % 2],
      handle: BigInt(producer),
    }));

    // Of each ten, four ask for everything, three for a type, three for a handle.
    const subscriptions = Array.from({ length: 100 }, (_, i) => {
      if (i % 10 < 4) return { from: [0, 1, 2, 3], events: queue.subscribe() };
      if (i % 10 < 7) return { from: [1, 3], events: queue.subscribe({ types: ['b'] }) };
      return { from: [i % 4], events: queue.subscribe({ handles: [BigInt(i % 4)] }) };
    });
    const reading = subscriptions.map(async ({ from, events }, i) => {
      const next = [0, 0, 0, 0];
      const check = (event: { producer: number; number: number }) => {
        if (event.number !== next[event.producer]) {
          throw new Error(
            `subscriber ${i}: ${event.number} of ${event.producer} came instead of ${next[event.producer]}`,
          );
        }
        next[event.producer]!++;
      };
      for (let left = from.length * EACH; left > 0; left--) {
        check((await events.next()).value!);
        if (i % 5 > 0) {
          const more = events.drain();
          more.forEach(check);
          left -= more.length;
        }
      }
      return next;
    });
    gate.open();
    const read = await Promise.all(reading);
    await Promise.all(workers.map(ended));

    for (const [i, { from, events }] of subscriptions.entries()) {
      expect(read[i]).toEqual([0, 1, 2, 3].map((producer) => (from.includes(producer) ? EACH : 0)));
      expect(events).toMatchObject({ size: 0, dropped: 0 });
    }
    expect(queue.stats()).toMatchObject({
      published: 4 * EACH,
      unwanted: 0,
      delivered: EACH * subscriptions.reduce((sum, { from }) => sum + from.length, 0),
      dropped: 0,
      queued: 0,
    });
  }, 120_000);
});

describe('a JavaScript thread that is blocked', () => {
  it('is woken at most twice for 100,000 events it wanted, and loses none', async () => {
    const COUNT = 100_000;
    const queue = new FfiQueue({ types, decode });
    const gate = new Gate();
    const workers = await producers(queue, gate, COUNT / 4, () => ({ type: 'a' }));
    const subscriptions = [
      queue.subscribe({ maxCapacity: COUNT }),
      queue.subscribe({ overflow: 'grow' }),
      queue.subscribe({ overflow: 'drop-oldest', capacity: COUNT }),
    ];
    const first = subscriptions.map((events) => events.next());
    await until(() => gate.ready === 4, 'all threads are ready');

    gate.open();
    gate.blockUntilFinished(4, 100);

    await Promise.all(first);
    expect(queue.stats().wakes).toBeGreaterThan(0);
    expect(queue.stats().wakes).toBeLessThanOrEqual(2);
    for (const events of subscriptions) {
      expect(events.drain()).toHaveLength(COUNT - 1);
      expect(events.dropped).toBe(0);
    }
    await Promise.all(workers.map(ended));
    expect(queue.stats().wakes).toBeLessThanOrEqual(2);
  }, 60_000);

  it('learns of every subscription that has something, though there are more than one look can name', async () => {
    const queue = new FfiQueue({ types });
    const subscriptions = Array.from({ length: 1000 }, (_, i) => queue.subscribe({ handles: [BigInt(i)] }));
    const pending = subscriptions.map((events) => events.next());
    for (let i = 0; i < 1000; i++) queue.put('a', new Uint8Array([i % 256]), BigInt(i));
    const read = await Promise.all(pending);
    expect(read.map(({ value }) => value?.handle)).toEqual(subscriptions.map((_, i) => BigInt(i)));
  });
});

describe('events that come faster than they can be read', () => {
  /** Two threads that put without end, while `use` runs. */
  async function flooded(use: (queue: FfiQueue<(typeof types)[number]>) => Promise<void>) {
    const queue = new FfiQueue({ types });
    const gate = new Gate();
    const workers = await producers(queue, gate, Infinity, () => ({ type: 'a' }), 2);
    gate.open();
    await until(() => queue.stats().published > 0, 'events come');
    await use(queue).finally(() => Promise.all(workers.map((worker) => worker.terminate())));
  }

  it.each(['for await', 'waitFor', 'a filter that refuses all', 'several of them'])(
    'leave timers their turn (%s)',
    (how) =>
      flooded(async (queue) => {
        let read = 0;
        const forAwait = async (events: AsyncIterable<unknown>) => {
          for await (const _ of events) read++;
        };
        const subscribe = () => queue.subscribe({ overflow: 'drop-oldest' });
        const start: Record<string, () => void> = {
          'for await': () => void forAwait(subscribe()),
          waitFor: () =>
            void subscribe()
              .waitFor(() => (read++, false))
              .catch(() => {}),
          'a filter that refuses all': () =>
            void queue.subscribe({ overflow: 'drop-oldest', filter: () => (read++, false) }).next(),
          'several of them': () => {
            for (let i = 0; i < 5; i++) for (const each of Object.values(start).slice(0, 3)) each();
          },
        };
        start[how]!();
        for (let i = 0; i < 3; i++) {
          const before = read;
          await turn();
          await until(() => read > before, 'reading goes on');
        }
        queue.close();
      }),
    60_000,
  );

  it(
    'let drain() and tryNext() come to an end',
    () =>
      flooded(async (queue) => {
        const options = { overflow: 'drop-oldest', capacity: 2 ** 20 } as const;
        const [events, none] = [queue.subscribe(options), queue.subscribe({ ...options, filter: () => false })];
        for (let i = 0; i < 3; i++) {
          expect(none.tryNext()).toBeUndefined();
          expect(none.drain()).toEqual([]);
          expect(events.drain().length).toBeLessThan(2 ** 21);
          await turn();
        }
        queue.close();
      }),
    60_000,
  );
});

describe('1,000,000 unwanted events', () => {
  it('wake no thread, and call nothing', async () => {
    const queue = new FfiQueue({ types });
    const gate = new Gate();
    const filter = vi.fn(() => true);
    const decoded = vi.fn(decode);
    const watched = FfiQueue.open(queue.id, { types, decode: decoded });
    const workers = await producers(queue, gate, 250_000, (producer) => ({
      // Half of another type, half about something else.
      type: producer % 2 ? 'unwanted' : 'a',
      handle: 7n,
    }));
    const subscriptions = [
      watched.subscribe({ types: ['b'], filter }),
      watched.subscribe({ types: ['a', 'b'], handles: [8n, 9n], filter }),
      watched.subscribe({ types: ['unwanted'], handles: [0n], filter }),
    ];
    let settled = 0;
    const pending = subscriptions.map((events) => events.next().finally(() => settled++));
    gate.open();
    await Promise.all(workers.map(ended));

    expect(queue.stats()).toEqual({
      published: 1_000_000,
      unwanted: 1_000_000,
      delivered: 0,
      dropped: 0,
      queued: 0,
      wakes: 0,
      subscribers: 3,
    });
    expect([filter.mock.calls.length, decoded.mock.calls.length, settled]).toEqual([0, 0, 0]);
    queue.close();
    await Promise.all(pending);
  }, 60_000);
});

describe('a worker that is terminated', () => {
  it.each(['for await', 'poll', 'wait', 'ignore'])(
    'while its subscriptions receive (how it reads: %s) leaves nothing behind',
    async (how) => {
      const queue = new FfiQueue({ types });
      const mine = queue.subscribe({ overflow: 'drop-oldest', capacity: 10 });
      for (let round = 0; round < 5; round++) {
        const worker = await started('read-events.mjs', { id: queue.id, types, how });
        expect(queue.stats().subscribers).toBe(4);
        const payload = new Uint8Array(100);
        for (let i = 0; i < 1000; i++) queue.put('a', payload);
        const exit = worker.terminate();
        for (let i = 0; i < 1000; i++) queue.put('a', payload);
        await exit;
        await until(() => queue.stats().subscribers === 1, 'the subscriptions of the thread are gone');
      }
      expect(queue.put('a', new Uint8Array(1))).toBe(1);
      const stats = queue.stats();
      expect(stats.queued).toBe(mine.size);
      expect(mine.drain()).toHaveLength(10);
    },
    60_000,
  );

  it('while it puts leaves the queue as it is', async () => {
    const queue = new FfiQueue({ types, decode });
    const gate = new Gate();
    const workers = await producers(queue, gate, 4_000_000, () => ({ type: 'a' }), 2);
    const events = queue.subscribe({ overflow: 'drop-oldest', capacity: 1000 });
    gate.open();
    await events.next();
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(gate.finished).toBe(0);
    const next = [-1, -1];
    for (const { producer, number } of events.drain()) {
      expect(number).toBeGreaterThan(next[producer]!);
      next[producer] = number;
    }
    expect(queue.put('a', new Uint8Array(8))).toBe(1);
    const { published, delivered, dropped } = queue.stats();
    expect(delivered + dropped + 1).toBe(published);
  }, 60_000);
});

describe('opening a queue in another thread', () => {
  const answer = async (workerData: object) => {
    const worker = start('use-queue.mjs', workerData);
    return { worker, first: await message(worker) };
  };

  it('gives the same queue', async () => {
    const queue = new FfiQueue({ types });
    const { worker, first } = await answer({ id: queue.id, types });
    expect(first).toEqual({ id: queue.id });
    const events = queue.subscribe();
    const next = events.next();
    worker.postMessage('put');
    expect(await message(worker)).toEqual({ receivers: 1 });
    expect(await next).toEqual({ done: false, value: { type: 'a', handle: 0n, payload: new Uint8Array([1]) } });
    worker.postMessage('end');
    await ended(worker);
  });

  it('fails with NOT_FOUND for an unknown id, with INVALID_ARGUMENT for other types', async () => {
    const queue = new FfiQueue({ types });
    const { first: unknown } = await answer({ id: 123_456_789n, types });
    expect(unknown).toMatchObject({ code: 'NOT_FOUND', ours: true });
    const { first: other } = await answer({ id: queue.id, types: ['a'] });
    expect(other).toMatchObject({ code: 'INVALID_ARGUMENT', ours: true });
    queue.close();
  });

  it('keeps the queue after the thread that made it has ended, until no thread has it', async () => {
    const maker = start('make-queue.mjs');
    const id = (await message(maker)) as bigint;
    await (async () => {
      const queue = FfiQueue.open(id, { types: ['a'] });
      expect(queue.stats().subscribers).toBe(1);
      const events = queue.subscribe();
      maker.postMessage('end');
      await ended(maker);
      expect(queue.stats().subscribers).toBe(1);
      expect(queue.put('a', new Uint8Array(1))).toBe(1);
      expect(events.drain()).toHaveLength(1);
      expect(FfiQueue.open(id, { types: ['a'] }).id).toBe(id);
    })();

    // Looking opens it again, so what the last look opened has to be collected before the next one.
    const look = async () => {
      for (let i = 0; i < 10; i++) {
        globalThis.gc!();
        await turn();
      }
      return FfiQueue.open(id, { types: ['a'] });
    };
    const lookUntilGone = async () => {
      for (let looks = 0; looks < 100; looks++) await look();
    };
    await expect(lookUntilGone()).rejects.toEqual(failure('NOT_FOUND'));
  }, 30_000);
});
