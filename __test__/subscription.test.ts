import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as immediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  FfiQueue,
  type FfiEvent,
  type NarrowcastError,
  type SubscribeOptions,
  type Subscription,
} from '../src/index.js';
import { failure, isPending } from './support/expect.js';

/** A queue whose events are numbers. */
function numbers() {
  const queue = new FfiQueue({ types: ['n', 'other'], decode: ({ payload }) => payload[0]! });
  const put = (...values: number[]) => values.forEach((value) => queue.put('n', new Uint8Array([value])));
  return { queue, put };
}

function subscribed(options?: SubscribeOptions<'n' | 'other', number>) {
  const { queue, put } = numbers();
  return { queue, put, events: queue.subscribe(options) };
}

const item = <T>(value: T) => ({ done: false, value });
const DONE = { done: true, value: undefined };
const any = <T>(value: unknown) => value as T;

/** Bytes of the array buffers that this process keeps. */
function arrayBuffers(): number {
  globalThis.gc!();
  return process.memoryUsage().arrayBuffers;
}

/** Everything that can still be read, with the code of the error that ends it, if one does. */
function rest(events: Subscription<number>): (number | string)[] {
  const read: (number | string)[] = [];
  try {
    for (let next = events.tryNext(); next !== undefined; next = events.tryNext()) read.push(next);
  } catch (error) {
    read.push((error as NarrowcastError).code);
  }
  return read;
}

describe('reading without promises', () => {
  it('gives one event after the other, in order, then nothing', () => {
    const { put, events } = subscribed();
    expect(events.tryNext()).toBeUndefined();
    put(1, 2);
    expect([events.tryNext(), events.tryNext(), events.tryNext()]).toEqual([1, 2, undefined]);
    put(3);
    expect(events.tryNext()).toBe(3);
  });

  it('keeps the order across types and handles', () => {
    const queue = new FfiQueue({ types: ['a', 'b'] });
    const events = queue.subscribe();
    const sent = Array.from({ length: 500 }, (_, i) => ({
      type: (['a', 'b'] as const)[i % 2]!,
      handle: BigInt(i % 3),
      payload: new Uint8Array([i % 256]),
    }));
    for (const { type, handle, payload } of sent) queue.put(type, payload, handle);
    expect(events.drain()).toEqual(sent);
  });

  it('drains all that waits, or at most `max`', () => {
    const { put, events } = subscribed();
    const sent = Array.from({ length: 200 }, (_, i) => i);
    put(...sent);
    expect(events.drain(0)).toEqual([]);
    expect(events.drain(1)).toEqual([0]);
    expect(events.drain(150)).toEqual(sent.slice(1, 151));
    expect(events.size).toBe(49);
    expect(events.drain()).toEqual(sent.slice(151));
    expect(events.drain(10)).toEqual([]);
  });

  it('does not count what the filter refuses towards `max`', () => {
    const { put, events } = subscribed({ filter: (n) => n % 2 === 0 });
    put(...Array.from({ length: 200 }, (_, i) => i));
    expect(events.drain(3)).toEqual([0, 2, 4]);
    expect(events.drain(90)).toEqual(Array.from({ length: 90 }, (_, i) => 6 + 2 * i));
  });

  it.each([[-1], [1.5], [NaN], [Infinity], ['1'], [null], [1n]])('refuses to drain %s', (max) => {
    const { put, events } = subscribed();
    put(1);
    expect(() => events.drain(any(max))).toThrow(failure('INVALID_ARGUMENT', 'max is'));
    expect(events.size).toBe(1);
  });

  it('has a size that says what waits', () => {
    const { put, events } = subscribed({ filter: (n) => n > 1 });
    put(1, 2, 3);
    expect(events.size).toBe(3);
    events.tryNext();
    expect(events.size).toBe(1);
    events.drain();
    expect(events.size).toBe(0);
  });
});

describe('next()', () => {
  it('gives what waits already, or waits for it', async () => {
    const { put, events } = subscribed();
    put(1);
    expect(await events.next()).toEqual(item(1));
    const pending = events.next();
    expect(await isPending(pending)).toBe(true);
    put(2);
    expect(await pending).toEqual(item(2));
  });

  it('serves several pending calls in order', async () => {
    const { put, events } = subscribed();
    const order: number[] = [];
    const pending = [0, 1, 2, 3].map((i) => events.next().then((result) => (order.push(i), result)));
    put(1, 2);
    await pending[1];
    put(3, 4);
    expect(await Promise.all(pending)).toEqual([1, 2, 3, 4].map(item));
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('passes over what the filter refuses', async () => {
    const { put, events } = subscribed({ filter: (n) => n > 2 });
    const pending = events.next();
    put(1, 2);
    expect(await isPending(pending)).toBe(true);
    put(3);
    expect(await pending).toEqual(item(3));
  });

  it('is done at the end, for every call that waits and every later one', async () => {
    const { events } = subscribed();
    const pending = [events.next(), events.next()];
    events.close();
    expect(await Promise.all([...pending, events.next()])).toEqual([DONE, DONE, DONE]);
  });

  it('serves what came before the end first', async () => {
    const { put, events } = subscribed();
    const pending = [events.next(), events.next(), events.next()];
    put(1, 2);
    events.close();
    expect(await Promise.all(pending)).toEqual([item(1), item(2), DONE]);
  });

  it('loses nothing when it is read without promises meanwhile', async () => {
    const { put, events } = subscribed();
    const pending = events.next();
    put(1);
    const stolen = events.drain();
    put(2);
    const { value } = await pending;
    expect([...stolen, value, ...events.drain()]).toEqual([1, 2]);
  });
});

describe('for await', () => {
  it('reads to the end', async () => {
    const { put, events } = subscribed();
    put(1, 2);
    const read: number[] = [];
    for await (const event of events) {
      read.push(event);
      if (event === 2) put(3);
      if (event === 3) events.close();
    }
    expect(read).toEqual([1, 2, 3]);
  });

  it.each(['break', 'throw'])('ends the subscription on %s, and drops what waits', async (how) => {
    const { queue, put, events } = subscribed();
    put(1, 2, 3);
    const loop = async () => {
      for await (const event of events) {
        if (how === 'throw') throw new Error(`${event}`);
        break;
      }
    };
    if (how === 'throw') await expect(loop()).rejects.toThrow('1');
    else await loop();
    expect(events).toMatchObject({ closed: true, size: 0, dropped: 2 });
    expect(await events.next()).toEqual(DONE);
    expect(queue.put('n', new Uint8Array(1))).toBe(0);
    expect(queue.stats()).toMatchObject({ subscribers: 0, delivered: 1, dropped: 2, queued: 0 });
  });

  it('is the same iterator every time', () => {
    const { events } = subscribed();
    expect(events[Symbol.asyncIterator]()).toBe(events);
  });
});

describe('return() and disposal', () => {
  it('settle what is pending, and can be repeated', async () => {
    const { events } = subscribed();
    const [next, match] = [events.next(), events.waitFor(() => true)];
    expect(await events.return()).toEqual(DONE);
    expect(await next).toEqual(DONE);
    await expect(match).rejects.toEqual(failure('CLOSED'));
    expect(await events.return()).toEqual(DONE);
    await events[Symbol.asyncDispose]();
    events.close();
  });

  it('end a subscription that is used with `await using`', async () => {
    const { queue, put } = numbers();
    let kept: Subscription<number>;
    {
      await using events = queue.subscribe();
      kept = events;
      put(1, 2);
      expect(events.tryNext()).toBe(1);
    }
    expect(kept).toMatchObject({ closed: true, size: 0, dropped: 1 });
    expect(queue.stats().subscribers).toBe(0);
  });

  it('leave neither an error nor an overflow behind', async () => {
    const { queue, put } = numbers();
    const lagged = queue.subscribe({ capacity: 1, maxCapacity: 1 });
    put(1, 2);
    await lagged.return();
    expect(await lagged.next()).toEqual(DONE);

    const failing = new FfiQueue({
      types: ['n'],
      decode: ({ payload }) => {
        if (payload[0] === 2) throw new Error('decode');
        return payload[0];
      },
    });
    const events = failing.subscribe();
    for (const n of [1, 2, 3]) failing.put('n', new Uint8Array([n]));
    expect(events.drain()).toEqual([1]);
    await events.return();
    expect(await events.next()).toEqual(DONE);
  });
});

describe('waitFor()', () => {
  it('discards what does not match, and takes the first that does', async () => {
    const { queue, put, events } = subscribed();
    put(1, 2, 3, 4);
    expect(await events.waitFor((n) => n === 3)).toBe(3);
    expect(events.drain()).toEqual([4]);
    expect(queue.stats()).toMatchObject({ delivered: 4, queued: 0 });
  });

  it('waits for a match to come', async () => {
    const { put, events } = subscribed();
    const pending = events.waitFor((n) => n === 3);
    put(1, 2);
    expect(await isPending(pending)).toBe(true);
    expect(events.size).toBe(0);
    put(3, 4);
    expect(await pending).toBe(3);
    expect(events.drain()).toEqual([4]);
  });

  it('asks only about what passed the filter', async () => {
    const predicate = vi.fn((n: number) => n === 4);
    const { put, events } = subscribed({ filter: (n) => n % 2 === 0 });
    put(1, 2, 3, 4);
    await events.waitFor(predicate);
    expect(predicate.mock.calls).toEqual([[2], [4]]);
  });

  it('stands in line with next() and other calls of its own', async () => {
    const { put, events } = subscribed();
    const line = [
      events.next().then(({ value }) => value),
      events.waitFor((n) => n % 10 === 0),
      events.next().then(({ value }) => value),
      events.waitFor((n) => n > 30),
    ];
    put(1, 2, 20, 3, 25, 35, 36);
    expect(await Promise.all(line)).toEqual([1, 20, 3, 35]);
    expect(events.drain()).toEqual([36]);
  });

  it('rejects with what its predicate throws, and the next event can be read', async () => {
    const { put, events } = subscribed();
    put(1, 2, 3);
    const mine = new Error('mine');
    const match = events.waitFor((n) => {
      if (n === 2) throw mine;
      return false;
    });
    await expect(match).rejects.toBe(mine);
    expect(events.filterErrors).toBe(0);
    expect(events.drain()).toEqual([3]);
  });

  it('rejects with CLOSED when the subscription ends first', async () => {
    const { put, events } = subscribed();
    const early = events.waitFor((n) => n === 3);
    put(1);
    events.close();
    await expect(early).rejects.toEqual(failure('CLOSED'));
    await expect(events.waitFor(() => true)).rejects.toEqual(failure('CLOSED'));
  });

  it('still finds a match in what an ended subscription has', async () => {
    const { put, events } = subscribed();
    put(1, 2);
    events.close();
    expect(await events.waitFor((n) => n === 2)).toBe(2);
  });

  it('rejects with the reason of its signal, and leaves the line to others', async () => {
    const { put, events } = subscribed();
    const controller = new AbortController();
    const first = events.waitFor(() => false, { signal: controller.signal });
    const second = events.next();
    put(1);
    expect(await isPending(second)).toBe(true);
    put(2);
    controller.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    put(3);
    expect([2, 3]).toContain((await second).value);
    expect(events.closed).toBe(false);
  });

  it('rejects at once, and takes nothing, when its signal was aborted before', async () => {
    const { put, events } = subscribed();
    put(1);
    const match = events.waitFor(() => true, { signal: AbortSignal.abort(new Error('too late')) });
    await expect(match).rejects.toThrow('too late');
    expect(events.size).toBe(1);
  });

  it('leaves no listener on its signal', async () => {
    const { put, events } = subscribed();
    const { signal } = new AbortController();
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    put(1);
    await events.waitFor((n) => n === 1, { signal });
    const pending = events.waitFor(() => false, { signal });
    events.close();
    await expect(pending).rejects.toEqual(failure('CLOSED'));
    expect(add).toHaveBeenCalledTimes(2);
    expect(remove.mock.calls.map((call) => call[1])).toEqual(add.mock.calls.map((call) => call[1]));
  });

  it.each<[string, unknown, unknown]>([
    ['no predicate', undefined, undefined],
    ['a predicate that is no function', 'n', undefined],
    ['options that are null', () => true, null],
    ['a signal that is none', () => true, { signal: {} }],
  ])('refuses %s', async (_, predicate, options) => {
    const { put, events } = subscribed();
    put(1);
    await expect(events.waitFor(any(predicate), any(options))).rejects.toEqual(failure('INVALID_ARGUMENT'));
    expect(events.size).toBe(1);
  });
});

describe('a filter', () => {
  it('that throws delivers the event, and is counted', () => {
    const { put, events } = subscribed({
      filter: (n) => {
        if (n === 2) throw new Error('not yours');
        return n === 4;
      },
    });
    put(1, 2, 3, 4);
    expect(events.drain()).toEqual([2, 4]);
    expect(events.filterErrors).toBe(1);
  });

  it('that throws for a pending next() delivers the event, too', async () => {
    const { put, events } = subscribed({
      filter: () => {
        throw new Error('not yours');
      },
    });
    const pending = events.next();
    put(1);
    expect(await pending).toEqual(item(1));
    expect(events.filterErrors).toBe(1);
  });

  it('decides by truth, not by type', () => {
    const { put, events } = subscribed({ filter: (n) => any<boolean>(n === 2 ? 'yes' : 0) });
    put(1, 2, 3);
    expect(events.drain()).toEqual([2]);
  });

  it('runs when an event is read, once for each', () => {
    const filter = vi.fn(() => true);
    const { put, events } = subscribed({ filter });
    put(1, 2, 3);
    expect(filter).not.toHaveBeenCalled();
    events.tryNext();
    expect(filter).toHaveBeenCalledTimes(1);
    events.drain();
    expect(filter).toHaveBeenCalledTimes(3);
  });

  it('of one subscription is nothing to another', () => {
    const { queue, put } = numbers();
    const [all, none] = [queue.subscribe(), queue.subscribe({ filter: () => false })];
    put(1, 2);
    expect([all.drain(), none.drain()]).toEqual([[1, 2], []]);
  });
});

describe('decode', () => {
  const failing = () => {
    const decode = vi.fn(({ payload }: FfiEvent<'n'>) => {
      if (payload[0] === 2) throw new Error('decode');
      return payload[0]!;
    });
    const queue = new FfiQueue({ types: ['n'], decode });
    const events = queue.subscribe();
    const put = (...values: number[]) => values.forEach((value) => queue.put('n', new Uint8Array([value])));
    return { decode, queue, events, put };
  };

  it('runs when an event is read, for each subscription that reads it', () => {
    const { decode, queue, events, put } = failing();
    const other = queue.subscribe();
    put(1, 3);
    expect(decode).not.toHaveBeenCalled();
    events.tryNext();
    expect(decode).toHaveBeenCalledTimes(1);
    other.drain();
    expect(decode).toHaveBeenCalledTimes(3);
  });

  it('that throws fails one tryNext(), and the next event can be read', () => {
    const { events, put } = failing();
    put(1, 2, 3);
    expect(events.tryNext()).toBe(1);
    expect(() => events.tryNext()).toThrow('decode');
    expect(events.tryNext()).toBe(3);
    expect(events.filterErrors).toBe(0);
  });

  it('that throws cuts a drain() short, and fails the next read', () => {
    const { events, put } = failing();
    put(1, 2, 3, 4);
    expect(events.drain()).toEqual([1]);
    expect(() => events.drain()).toThrow('decode');
    expect(events.drain()).toEqual([3, 4]);
    put(2, 5);
    expect(() => events.drain()).toThrow('decode');
    expect(events.drain()).toEqual([5]);
    put(1, 2, 6);
    events.drain();
    expect(() => events.tryNext()).toThrow('decode');
    expect(events.tryNext()).toBe(6);
  });

  it('that throws rejects one next() and one waitFor()', async () => {
    const { events, put } = failing();
    const pending = [events.next(), events.next(), events.waitFor((n) => n === 4), events.next()];
    put(2, 1, 2, 5);
    const settled = await Promise.allSettled(pending);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(settled[3]).toMatchObject({ value: item(5) });
  });

  it.each([undefined, null, 0, ''])('that returns %j makes an event like any other', async (nothing) => {
    const queue = new FfiQueue({ types: ['n'], decode: () => nothing });
    const events = queue.subscribe();
    const put = () => queue.put('n', new Uint8Array());
    put();
    expect(await events.next()).toEqual(item(nothing));
    put();
    put();
    expect(events.drain()).toEqual([nothing, nothing]);
    const pending = events.waitFor((event) => event === nothing);
    put();
    expect(await pending).toBe(nothing);
    put();
    expect(events.tryNext()).toBe(nothing);
    expect(events.size).toBe(0);
  });

  it('gets an event with its type, its handle and its bytes', () => {
    const queue = new FfiQueue({ types: { a: 5, b: 9 }, decode: (event) => ({ ...event }) });
    const events = queue.subscribe();
    queue.put('b', new Uint8Array([1, 2]), 3n);
    expect(events.tryNext()).toEqual({ type: 'b', handle: 3n, payload: new Uint8Array([1, 2]) });
  });
});

describe('a signal', () => {
  it('ends the subscription; what waits stays readable', async () => {
    const controller = new AbortController();
    const { queue, put, events } = subscribed({ signal: controller.signal });
    put(1, 2);
    controller.abort();
    expect(queue.put('n', new Uint8Array(1))).toBe(0);
    expect(events).toMatchObject({ closed: true, size: 2 });
    expect(events.tryNext()).toBe(1);
    expect(events.drain()).toEqual([2]);
    expect(events.tryNext()).toBeUndefined();
  });

  it.each(['in the body', 'before the loop', 'while it waits'])('ends for await with its reason (%s)', async (when) => {
    const controller = new AbortController();
    const { put, events } = subscribed({ signal: controller.signal });
    const read: number[] = [];
    put(1, 2);
    if (when === 'before the loop') controller.abort(new Error('enough'));
    const loop = (async () => {
      for await (const event of events) {
        read.push(event);
        if (when === 'in the body') controller.abort(new Error('enough'));
      }
    })();
    if (when === 'while it waits') {
      expect(await isPending(loop)).toBe(true);
      controller.abort(new Error('enough'));
    }
    await expect(loop).rejects.toThrow('enough');
    const left = { 'in the body': [2], 'before the loop': [1, 2], 'while it waits': [] }[when];
    expect(events.drain()).toEqual(left);
    expect([...read, ...left!]).toEqual([1, 2]);
  });

  it('makes each later next() and forEach() reject with its reason, until the subscription is left', async () => {
    const controller = new AbortController();
    const { put, events } = subscribed({ signal: controller.signal });
    put(1);
    controller.abort(new Error('enough'));
    for (let i = 0; i < 2; i++) {
      await expect(events.next()).rejects.toThrow('enough');
      await expect(events.forEach(() => {})).rejects.toThrow('enough');
    }
    await events.return();
    expect(await events.next()).toEqual(DONE);
  });

  it('rejects every pending next() and waitFor() with its reason', async () => {
    const controller = new AbortController();
    const { events } = subscribed({ signal: controller.signal });
    const pending = [events.next(), events.waitFor(() => true), events.next()];
    const reason = { why: 'enough' };
    controller.abort(reason);
    const settled = await Promise.allSettled(pending);
    expect(settled).toEqual(pending.map(() => ({ status: 'rejected', reason })));
    await expect(events.waitFor(() => true)).rejects.toEqual(failure('CLOSED'));
  });

  it('of a timeout works as well', async () => {
    const { events } = subscribed({ signal: AbortSignal.timeout(1) });
    await expect(events.next()).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(events.closed).toBe(true);
  });

  it('has no listener left once the subscription has ended', async () => {
    for (const end of ['close', 'return', 'unsubscribe', 'abort'] as const) {
      const controller = new AbortController();
      const { signal } = controller;
      const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
      const { queue, events } = subscribed({ signal });
      if (end === 'unsubscribe') queue.unsubscribe(events);
      else if (end === 'abort') controller.abort();
      else await events[end]();
      expect(add).toHaveBeenCalledTimes(1);
      expect(remove.mock.calls[0]?.[1]).toBe(add.mock.calls[0]![1]);
    }
  });

  it('that aborts after the end changes nothing', async () => {
    const controller = new AbortController();
    const { put, events } = subscribed({ signal: controller.signal });
    put(1);
    events.close();
    controller.abort();
    expect(await events.next()).toEqual(item(1));
    expect(await events.next()).toEqual(DONE);
  });
});

describe("overflow 'error'", () => {
  it('loses nothing up to maxCapacity, then fails this subscription after its last event', async () => {
    const { queue, put } = numbers();
    const [slow, other] = [queue.subscribe({ capacity: 2, maxCapacity: 4 }), queue.subscribe()];
    put(1, 2, 3, 4);
    expect(slow).toMatchObject({ size: 4, closed: false, dropped: 0 });
    put(5, 6);
    expect(slow).toMatchObject({ size: 4, closed: true, dropped: 1 });
    expect(queue.stats()).toMatchObject({ subscribers: 1, dropped: 1 });
    expect(rest(slow)).toEqual([1, 2, 3, 4, 'LAGGED']);
    expect(rest(other)).toEqual([1, 2, 3, 4, 5, 6]);
    await expect(slow.next()).rejects.toEqual(failure('LAGGED', 'maxCapacity'));
    expect(() => slow.drain()).toThrow(failure('LAGGED'));
  });

  it('counts what waits, not what was read', () => {
    const { put, events } = subscribed({ capacity: 4, maxCapacity: 4 });
    put(1, 2, 3, 4);
    expect([events.tryNext(), events.tryNext()]).toEqual([1, 2]);
    put(5, 6);
    expect([events.closed, events.size]).toEqual([false, 4]);
    put(7);
    expect(rest(events)).toEqual([3, 4, 5, 6, 'LAGGED']);
  });

  it('gives a drain() its events first', () => {
    const { put, events } = subscribed({ capacity: 2, maxCapacity: 2 });
    put(1, 2, 3);
    expect(events.drain()).toEqual([1, 2]);
    expect(() => events.drain()).toThrow(failure('LAGGED'));
  });

  it('rejects next() and waitFor() after the last event, and for await throws', async () => {
    const lagging = () => {
      const { put, events } = subscribed({ capacity: 2, maxCapacity: 2 });
      put(1, 2, 3);
      return events;
    };
    const one = lagging();
    expect(await Promise.allSettled([one.next(), one.next(), one.next()])).toMatchObject([
      { value: item(1) },
      { value: item(2) },
      { reason: { code: 'LAGGED' } },
    ]);
    await expect(lagging().waitFor((n) => n > 2)).rejects.toEqual(failure('LAGGED'));

    const read: number[] = [];
    const loop = async () => {
      for await (const event of lagging()) read.push(event);
    };
    await expect(loop()).rejects.toEqual(failure('LAGGED'));
    expect(read).toEqual([1, 2]);
  });

  it('holds 65,536 events by default, and as many as a larger capacity says', () => {
    const { queue, put } = numbers();
    const [standard, large] = [queue.subscribe(), queue.subscribe({ capacity: 70_000 })];
    for (let i = 0; i < 65_536; i++) put(1);
    expect(standard.closed).toBe(false);
    put(1);
    expect(standard).toMatchObject({ closed: true, size: 65_536 });
    for (let i = 65_537; i < 70_000; i++) put(1);
    expect(large.closed).toBe(false);
    put(1);
    expect(large).toMatchObject({ closed: true, size: 70_000 });
  });
});

describe("overflow 'grow'", () => {
  it('takes whatever comes', () => {
    const { put, events } = subscribed({ overflow: 'grow', capacity: 1 });
    for (let i = 0; i < 70_000; i++) put(1);
    expect(events).toMatchObject({ size: 70_000, dropped: 0, closed: false });
  });
});

describe("overflow 'drop-oldest'", () => {
  it('keeps the latest events, and counts the others', () => {
    const { queue, put, events } = subscribed({ overflow: 'drop-oldest', capacity: 3 });
    put(1, 2, 3, 4, 5);
    expect(events).toMatchObject({ size: 3, dropped: 2, closed: false });
    expect(events.tryNext()).toBe(3);
    put(6, 7);
    expect(events).toMatchObject({ size: 3, dropped: 3 });
    expect(rest(events)).toEqual([5, 6, 7]);
    expect(queue.stats()).toMatchObject({ delivered: 4, dropped: 3, queued: 0 });
  });

  it('with capacity 1 keeps the last event', () => {
    const { put, events } = subscribed({ overflow: 'drop-oldest', capacity: 1 });
    put(1, 2, 3);
    expect(rest(events)).toEqual([3]);
  });
});

describe('put() to a subscription without room', () => {
  it.each([
    ['drop-oldest', [1, 1, 1], [3], 0],
    ['drop-newest', [1, 0, 0], [1], 0],
    ['error', [1, 0, 0], [1, 'LAGGED'], 1],
  ] as const)('with %s counts those that have the event to read', (overflow, counts, left, unwanted) => {
    const { queue, events } = subscribed({ overflow, capacity: 1, maxCapacity: 1 });
    expect([1, 2, 3].map((n) => queue.put('n', new Uint8Array([n])))).toEqual(counts);
    expect(rest(events)).toEqual(left);
    expect(queue.stats()).toMatchObject({ published: 3, unwanted, dropped: 2 - unwanted, delivered: 1, queued: 0 });
  });
});

describe("overflow 'drop-newest'", () => {
  it('keeps the earliest events, and counts the others', () => {
    const { put, events } = subscribed({ overflow: 'drop-newest', capacity: 3 });
    put(1, 2, 3, 4, 5);
    expect(events).toMatchObject({ size: 3, dropped: 2, closed: false });
    expect(events.tryNext()).toBe(1);
    put(6, 7);
    expect(events).toMatchObject({ size: 3, dropped: 3 });
    expect(rest(events)).toEqual([2, 3, 6]);
  });
});

describe('a function that uses the subscription it serves', () => {
  it('may not read it: that would change the order', () => {
    const { queue, put } = numbers();
    const errors: unknown[] = [];
    const attempt = (read: () => void) => {
      try {
        read();
      } catch (error) {
        errors.push(error);
      }
      return true;
    };
    const events: Subscription<number> = queue.subscribe({
      filter: () => attempt(() => events.tryNext()) && attempt(() => events.drain()),
    });
    put(1, 2);
    expect(events.drain()).toEqual([1, 2]);
    expect(errors).toEqual([1, 2, 3, 4].map(() => failure('LOCKED')));
  });

  it('may close it while it is read', () => {
    const { queue, put } = numbers();
    const events: Subscription<number> = queue.subscribe({ filter: (n) => (n === 2 && events.close(), true) });
    put(1, 2, 3);
    expect(events.drain()).toEqual([1, 2, 3]);
    expect(events.closed).toBe(true);
  });

  it('may close it while a read is pending', async () => {
    const { queue, put } = numbers();
    const events: Subscription<number> = queue.subscribe({ filter: () => (events.close(), false) });
    const pending = [events.next(), events.next()];
    put(1);
    expect(await Promise.all(pending)).toEqual([DONE, DONE]);
  });

  it('may leave it: what it looks at is the last event', async () => {
    const { queue, put } = numbers();
    const events: Subscription<number> = queue.subscribe({ filter: (n) => (n === 2 && void events.return(), true) });
    put(1, 2, 3, 4);
    expect(events.drain()).toEqual([1, 2]);
    expect(await events.next()).toEqual(DONE);
  });

  it('may unsubscribe others, subscribe and put', () => {
    const { queue, put } = numbers();
    const other = queue.subscribe();
    const later: Subscription<number>[] = [];
    const events = queue.subscribe({
      filter: (n) => {
        if (n !== 1) return true;
        queue.unsubscribe(other);
        later.push(queue.subscribe());
        put(9);
        return true;
      },
    });
    put(1, 2);
    expect(events.drain()).toEqual([1, 2, 9]);
    expect([other.drain(), later[0]!.drain()]).toEqual([[1, 2], [9]]);
  });

  it.each(['tryNext', 'drain', 'next'] as const)('may wait for what follows, while %s() reads', async (how) => {
    const { queue, put } = numbers();
    let follows: Promise<IteratorResult<number>> | undefined;
    const events: Subscription<number> = queue.subscribe({
      filter: () => {
        follows ??= events.next();
        return true;
      },
    });
    put(1);
    await events[how]();
    put(2);
    expect(await follows).toEqual(item(2));
  });

  it('may wait for the end, while it is read', async () => {
    const { queue, put } = numbers();
    let end: Promise<IteratorResult<number>> | undefined;
    const events: Subscription<number> = queue.subscribe({
      filter: () => (events.close(), (end = events.next()), true),
    });
    put(1);
    expect(events.tryNext()).toBe(1);
    expect(await end).toEqual(DONE);
  });

  it('may abort it, and what follows can be read', async () => {
    const { queue, put } = numbers();
    const controller = new AbortController();
    const events = queue.subscribe({
      signal: controller.signal,
      filter: (n) => (n === 2 && controller.abort(new Error('enough')), true),
    });
    const pending = [events.next(), events.next(), events.next()];
    put(1, 2, 3);
    expect(await Promise.allSettled(pending)).toMatchObject([
      { value: item(1) },
      { reason: { message: 'enough' } },
      { reason: { message: 'enough' } },
    ]);
    expect(events.drain()).toEqual([3]);
  });

  it('may abort its own waitFor()', async () => {
    const { put, events } = subscribed();
    const controller = new AbortController();
    const match = events.waitFor(() => (controller.abort(new Error('enough')), false), { signal: controller.signal });
    const follows = events.next();
    put(1, 2, 3);
    await expect(match).rejects.toThrow('enough');
    expect([2, 3]).toContain((await follows).value);
  });

  it('reads other subscriptions as it likes', () => {
    const { queue, put } = numbers();
    const other = queue.subscribe();
    const seen: unknown[] = [];
    const events = queue.subscribe({ filter: () => (seen.push(other.tryNext()), true) });
    put(1, 2);
    expect(events.drain()).toEqual([1, 2]);
    expect(seen).toEqual([1, 2]);
  });
});

describe('a filter or predicate that puts an event for each one it refuses', () => {
  const endless = () => {
    const { queue, put } = numbers();
    let looked = 0;
    const refuse = () => (looked++, put(1), false);
    return { queue, put, refuse, looked: () => looked };
  };

  it.each(['tryNext', 'drain'] as const)('does not hold %s() up for ever', (how) => {
    const { queue, put, refuse, looked } = endless();
    const events = queue.subscribe({ filter: refuse });
    put(1);
    for (let i = 1; i <= 3; i++) {
      expect(events[how]() ?? []).toEqual([]);
      expect(looked()).toBeLessThanOrEqual(i * 1100);
    }
  });

  it.each(['next', 'waitFor'] as const)('lets the event loop go on while %s() waits', async (how) => {
    const { queue, put, refuse, looked } = endless();
    const events = how === 'next' ? queue.subscribe({ filter: refuse }) : queue.subscribe();
    const pending = how === 'next' ? events.next() : events.waitFor(refuse);
    put(1);
    for (let i = 0; i < 3; i++) {
      const before = looked();
      await immediate();
      await immediate();
      expect(looked()).toBeGreaterThan(before);
    }
    const ended = pending.catch((error: unknown) => error);
    events.close();
    expect(await ended).toEqual(how === 'next' ? DONE : failure('CLOSED'));
  });
});

describe('the asynchronous context', () => {
  const context = new AsyncLocalStorage<string>();

  it('of a filter is that of the subscriber, whichever context puts and reads', async () => {
    const { queue, put } = numbers();
    const seen: unknown[] = [];
    const filter = () => (seen.push(context.getStore()), true);
    const events = context.run('subscriber', () => queue.subscribe({ filter }));
    const pending = context.run('reader', () => events.next());
    context.run('putter', () => put(1, 2));
    await pending;
    context.run('reader', () => events.tryNext());
    expect(seen).toEqual(['subscriber', 'subscriber']);
  });

  it('of a predicate is that of who waits', async () => {
    const { put, events } = subscribed();
    const seen: unknown[] = [];
    const predicate = (n: number) => (seen.push(context.getStore()), n === 2);
    const pending = context.run('waiter', () => events.waitFor(predicate));
    context.run('putter', () => put(1));
    await immediate();
    context.run('putter', () => put(2));
    await pending;
    expect(seen).toEqual(['waiter', 'waiter']);
  });

  it('goes on after await as it was before', async () => {
    const { put, events } = subscribed();
    const read = async () => {
      await events.next();
      return context.getStore();
    };
    const pending = context.run('reader', read);
    context.run('putter', () => put(1));
    expect(await pending).toBe('reader');
  });
});

describe('callbacks of a promise', () => {
  it('that read again get the next event', async () => {
    const { put, events } = subscribed();
    const read: number[] = [];
    const readOn = async (): Promise<void> => {
      const { done, value } = await events.next();
      if (done) return;
      read.push(value);
      read.push(...events.drain(1));
      return readOn();
    };
    const reading = readOn();
    put(1, 2, 3);
    await immediate();
    put(4, 5);
    events.close();
    await reading;
    expect(read).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('memory of a large event', () => {
  const LARGE = 20e6;

  it('goes when the event does, and the next large one is whole', async () => {
    const queue = new FfiQueue({ types: ['n'] });
    const events = queue.subscribe();
    const pass = (...sizes: number[]) => {
      for (const size of sizes) queue.put('n', new Uint8Array(size).fill(7));
      return events.drain().map(({ payload }) => payload.length === payload.filter((byte) => byte === 7).length);
    };
    pass(100);
    const before = arrayBuffers();
    for (let round = 0; round < 3; round++) {
      expect(pass(100, LARGE, 100, 500_000, 2_000_000, 100)).toEqual(Array(6).fill(true));
    }
    await vi.waitFor(() => expect(arrayBuffers() - before).toBeLessThan(LARGE / 10));
  });
});
