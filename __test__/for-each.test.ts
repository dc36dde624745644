import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { FfiQueue, type SubscribeOptions } from '../src/index.js';
import { failure, isPending } from './support/expect.js';
import { Gate, message, start } from './support/threads.js';
import { until } from './support/wait.mjs';

/** A queue whose events are numbers. */
function subscribed(options?: SubscribeOptions<'n', number>) {
  const queue = new FfiQueue({
    types: ['n'],
    decode: ({ payload }) => {
      const number = new Uint16Array(payload.buffer)[0]!;
      if (number === 999) throw new Error('undecodable');
      return number;
    },
  });
  const put = (...values: number[]) =>
    values.forEach((value) => queue.put('n', new Uint8Array(new Uint16Array([value]).buffer)));
  return { queue, put, events: queue.subscribe(options) };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('forEach()', () => {
  it('calls back with what waits and with what comes, in order, until the end', async () => {
    const { put, events } = subscribed();
    const heard: number[] = [];
    put(...range(0, 200));
    const over = events.forEach((n) => void heard.push(n));
    expect(heard).toEqual(range(0, 200));
    for (const n of range(200, 203)) {
      put(n);
      await until(() => heard.length > n, `event ${n}`);
    }
    expect(await isPending(over)).toBe(true);
    put(203);
    events.close();
    await over;
    expect(heard).toEqual(range(0, 204));
  });

  it('loses nothing of what another thread puts at any moment', async () => {
    const EACH = 20_000;
    const queue = new FfiQueue({ types: ['a'] });
    const gate = new Gate();
    const workers = [0, 1].map((producer) =>
      start('put-events.mjs', {
        id: queue.id,
        types: ['a'],
        type: 'a',
        handle: 0n,
        producer,
        count: EACH,
        cells: gate.cells,
      }),
    );
    expect(await Promise.all(workers.map(message))).toEqual(['ready', 'ready']);
    const next = [0, 0];
    const events = queue.subscribe({ overflow: 'grow' });
    const over = events.forEach(({ payload }) => {
      const [producer, number] = new Uint32Array(payload.buffer);
      if (number !== next[producer!]) throw new Error(`${number} of ${producer} came instead of ${next[producer!]}`);
      next[producer!]!++;
      if (2 * EACH === next[0]! + next[1]!) events.close();
    });
    gate.open();
    await over;
    expect(next).toEqual([EACH, EACH]);
  });

  it('waits for a promise that the callback returns before the next event', async () => {
    const { put, events } = subscribed();
    const heard: string[] = [];
    let release = () => {};
    const over = events.forEach((n) => {
      heard.push(`begin ${n}`);
      return new Promise<void>((resolve) => (release = resolve)).then(() => void heard.push(`end ${n}`));
    });
    put(1, 2);
    await until(() => heard.length === 1, 'the first event');
    // What comes in the meantime rings without a listener.
    put(3);
    expect(await isPending(over)).toBe(true);
    expect([heard, events.size]).toEqual([['begin 1'], 2]);
    for (const n of [1, 2, 3]) {
      await until(() => heard.at(-1) === `begin ${n}`, `event ${n}`);
      release();
    }
    await until(() => heard.length === 6, 'the last event');
    expect(heard).toEqual([1, 2, 3].flatMap((n) => [`begin ${n}`, `end ${n}`]));
    events.close();
    await over;
  });

  it.each(['throws', 'rejects'])(
    'ends the subscription when the callback %s, as leaving for await does',
    async (how) => {
      const { queue, put, events } = subscribed();
      const heard: number[] = [];
      put(1, 2, 3);
      const over = events.forEach((n) => {
        heard.push(n);
        if (n < 2) return;
        if (how === 'rejects') return Promise.reject(new Error('enough'));
        throw new Error('enough');
      });
      await expect(over).rejects.toThrow('enough');
      expect([heard, events.closed, events.size, events.drain()]).toEqual([[1, 2], true, 0, []]);
      expect(queue.stats()).toMatchObject({ subscribers: 0, queued: 0 });
    },
  );

  it('rejects with what decode throws, and leaves the rest to be read', async () => {
    const { put, events } = subscribed();
    put(1, 999, 3);
    const heard: number[] = [];
    await expect(events.forEach((n) => void heard.push(n))).rejects.toThrow('undecodable');
    expect([heard, events.closed, events.drain()]).toEqual([[1], false, [3]]);
  });

  it('rejects with LAGGED after the last event, and with the reason of an aborted signal', async () => {
    const lagged = subscribed({ capacity: 2, maxCapacity: 2 });
    lagged.put(1, 2, 3);
    const heard: number[] = [];
    await expect(lagged.events.forEach((n) => void heard.push(n))).rejects.toEqual(failure('LAGGED'));
    expect(heard).toEqual([1, 2]);

    const abort = new AbortController();
    const { events } = subscribed({ signal: abort.signal });
    const over = events.forEach(() => {});
    abort.abort(new Error('no more'));
    await expect(over).rejects.toThrow('no more');
  });

  it('passes over what the filter refuses', async () => {
    const { put, events } = subscribed({ filter: (n) => n % 2 === 0 });
    const heard: number[] = [];
    put(...range(0, 100));
    events.close();
    await events.forEach((n) => void heard.push(n));
    expect(heard).toEqual(range(0, 50).map((n) => 2 * n));
  });

  it('lets the callback read, close, leave, and wait', async () => {
    for (const [use, left] of [
      ['close', [2, 3]],
      ['return', []],
    ] as const) {
      const { put, events } = subscribed();
      put(1, 2, 3);
      const heard: number[] = [];
      await events.forEach((n) => {
        heard.push(n);
        void events[use]();
      });
      expect([use, [...heard.slice(1), ...events.drain()]]).toEqual([use, left]);
    }
    const { put, events } = subscribed();
    const heard: (number | undefined)[] = [];
    let later: Promise<unknown> | undefined;
    put(1, 2);
    const over = events.forEach((n) => {
      heard.push(n, events.tryNext());
      later ??= events.next();
    });
    events.close();
    await over;
    expect(heard.slice(0, 2)).toEqual([1, 2]);
    // It stood behind, and so found the end.
    expect(await later).toEqual({ done: true, value: undefined });
  });

  it('gives others in line their turn when it is over, and waits for those before it', async () => {
    const { put, events } = subscribed();
    const first = events.next();
    const heard: number[] = [];
    const over = events.forEach((n) => {
      heard.push(n);
      if (n === 3) throw new Error('enough');
    });
    put(1, 2, 3);
    expect(await first).toEqual({ done: false, value: 1 });
    await expect(over).rejects.toThrow('enough');
    expect(heard).toEqual([2, 3]);
  });

  it('calls back in the context of its caller, and lets timers have their turn in a flood', async () => {
    const storage = new AsyncLocalStorage<string>();
    const { put, events } = subscribed({ overflow: 'grow' });
    const contexts = new Set<string | undefined>();
    let events_ = 0;
    const over = storage.run('caller', () =>
      events.forEach(() => {
        contexts.add(storage.getStore());
        // Never an end by itself.
        if (events_++ < 1e9) put(1);
      }),
    );
    put(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    events_ = 1e9;
    events.close();
    await over;
    expect([...contexts]).toEqual(['caller']);
  });

  it('refuses what is no function', async () => {
    const { events } = subscribed();
    await expect(events.forEach('callback' as never)).rejects.toEqual(
      failure('INVALID_ARGUMENT', 'callback is "callback"'),
    );
  });
});
