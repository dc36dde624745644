import { describe, expect, it, vi } from 'vitest';
import { FfiQueue, type FfiEvent, type FfiQueueOptions } from '../src/index.js';
import { failure } from './support/expect.js';
import { detached, outOfBounds, resizable } from './support/memory.js';

const TYPES = ['audio', 'video', 'stats'] as const;
type Type = (typeof TYPES)[number];

const queueOf = () => new FfiQueue({ types: TYPES });
const bytes = (...values: number[]) => new Uint8Array(values);
const firstBytes = (events: FfiEvent[]) => events.map((event) => event.payload[0]);
const any = <T>(value: unknown) => value as T;

describe('making a queue', () => {
  it('takes 128 types, and not one more', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `type ${i}`);
    const queue = new FfiQueue({ types: names(128) });
    const last = queue.subscribe({ types: ['type 127'] });
    expect(queue.put('type 127', bytes(1))).toBe(1);
    expect(last.tryNext()!.type).toBe('type 127');
    expect(() => new FfiQueue({ types: names(129) })).toThrow(failure('INVALID_ARGUMENT', '129'));
  });

  it('takes a number for each type, with gaps between them', () => {
    const queue = new FfiQueue({ types: { late: 127, early: 3 } });
    const events = queue.subscribe();
    queue.put('late', bytes(1));
    queue.put('early', bytes(2));
    expect(events.drain().map((event) => event.type)).toEqual(['late', 'early']);
    expect(() => queue.put(any<'late'>(''), bytes())).toThrow(failure('INVALID_ARGUMENT', 'type is ""'));
  });

  it.each([
    ['no options', undefined],
    ['no types', {}],
    ['types that are null', { types: null }],
    ['types that are a string', { types: 'audio' }],
    ['no type at all', { types: [] }],
    ['an empty table', { types: {} }],
    ['a type twice', { types: ['audio', 'audio'] }],
    ['a number twice', { types: { audio: 1, video: 1 } }],
    ['an empty name', { types: [''] }],
    ['a name that is no string', { types: [7] }],
    ['a hole in the list', { types: Object.assign(['audio'], { length: 2 }) }],
    ['a list that is all holes', { types: new Array(3) }],
    ['number 128', { types: { audio: 128 } }],
    ['a negative number', { types: { audio: -1 } }],
    ['a fractional number', { types: { audio: 1.5 } }],
    ['a number that is NaN', { types: { audio: NaN } }],
    ['a number that is a string', { types: { audio: '1' } }],
    ['a decode that is no function', { types: ['audio'], decode: 1 }],
  ])('refuses %s', (_, options) => {
    expect(() => new FfiQueue(any<FfiQueueOptions<string, unknown>>(options))).toThrow(failure('INVALID_ARGUMENT'));
  });

  it('does not notice what happens to the list of types afterwards', () => {
    const types: string[] = ['audio', 'video'];
    const queue = new FfiQueue({ types });
    const events = queue.subscribe();
    types.reverse();
    queue.put('audio', bytes(1));
    expect(events.tryNext()!.type).toBe('audio');
  });

  it('gives every queue an id of its own', () => {
    const [a, b] = [queueOf(), queueOf()];
    expect(a.id).toBeTypeOf('bigint');
    expect(a.id).not.toBe(b.id);
  });
});

describe('opening a queue', () => {
  it('gives the same queue, with a decode of its own', () => {
    const queue = queueOf();
    const same = FfiQueue.open(queue.id, { types: TYPES, decode: ({ payload }) => payload.length });
    const [here, there] = [queue.subscribe(), same.subscribe()];
    expect(same.id).toBe(queue.id);
    expect(same.put('audio', bytes(1, 2, 3))).toBe(2);
    expect(here.tryNext()!.payload).toEqual(bytes(1, 2, 3));
    expect(there.tryNext()).toBe(3);
    expect(same.stats()).toEqual(queue.stats());
  });

  it('unsubscribes what was subscribed through another object of the same queue', () => {
    const queue = queueOf();
    const subscription = FfiQueue.open(queue.id, { types: TYPES }).subscribe();
    queue.unsubscribe(subscription);
    expect(subscription.closed).toBe(true);
  });

  it('is not found under an id that no queue has', () => {
    expect(() => FfiQueue.open(2n ** 63n, { types: TYPES })).toThrow(failure('NOT_FOUND', `${2n ** 63n}`));
  });

  it.each([
    ['others', ['audio']],
    ['more', [...TYPES, 'more']],
    ['the same in another order', [...TYPES].reverse()],
    ['the same with other numbers', { audio: 0, video: 1, stats: 3 }],
  ])('refuses types that are %s', (_, types) => {
    expect(() => FfiQueue.open(queueOf().id, { types: any<string[]>(types) })).toThrow(failure('INVALID_ARGUMENT'));
  });

  it('takes the same types as a list and as a table', () => {
    const queue = queueOf();
    const same = FfiQueue.open(queue.id, { types: { stats: 2, video: 1, audio: 0 } });
    const events = queue.subscribe();
    same.put('stats', bytes());
    expect(events.tryNext()!.type).toBe('stats');
  });

  it.each([[-1n], [2n ** 64n], [1], ['1'], [undefined]])('refuses the id %s', (id) => {
    expect(() => FfiQueue.open(any(id), { types: TYPES })).toThrow(failure('INVALID_ARGUMENT', 'id is'));
  });
});

describe('putting', () => {
  it('says to how many subscriptions the event went', () => {
    const queue = queueOf();
    expect(queue.put('audio', bytes(1))).toBe(0);
    queue.subscribe();
    queue.subscribe({ types: ['audio'] });
    queue.subscribe({ types: ['video'] });
    expect(queue.put('audio', bytes(1))).toBe(2);
  });

  it('copies the payload during the call', () => {
    const queue = queueOf();
    const [a, b] = [queue.subscribe(), queue.subscribe()];
    const payload = bytes(1, 2, 3);
    queue.put('audio', payload);
    payload.fill(9);
    const read = a.tryNext()!.payload;
    expect(read).toEqual(bytes(1, 2, 3));
    read.fill(7);
    expect(b.tryNext()!.payload).toEqual(bytes(1, 2, 3));
  });

  it('delivers each payload in a buffer of its own, which is no larger', () => {
    const queue = queueOf();
    const events = queue.subscribe();
    for (const length of [0, 1, 3, 100]) queue.put('audio', new Uint8Array(length).fill(length));
    const payloads = events.drain().map((event) => event.payload);
    expect(payloads.map((payload) => payload.buffer.byteLength)).toEqual([0, 1, 3, 100]);
    expect(new Set(payloads.map((payload) => payload.buffer)).size).toBe(4);
    expect(payloads.every((payload) => payload.constructor === Uint8Array)).toBe(true);
  });

  it.each([0, 1, 65_535, 65_536, 65_537, 1_000_000])('carries %i bytes, also among small payloads', (length) => {
    const queue = queueOf();
    const events = queue.subscribe();
    const large = Uint8Array.from({ length }, (_, i) => (i * 31) % 251);
    for (const payload of [bytes(1), large, bytes(2), large, large, bytes(3)]) queue.put('audio', payload);
    const read = [events.tryNext()!, ...events.drain()].map((event) => event.payload);
    expect(read.map((payload) => payload.length)).toEqual([1, length, 1, length, length, 1]);
    for (const i of [1, 3, 4]) expect(Buffer.compare(read[i]!, large)).toBe(0);
    expect([read[0], read[2], read[5]]).toEqual([bytes(1), bytes(2), bytes(3)]);
  });

  describe('takes bytes from', () => {
    const backing = Uint8Array.from({ length: 16 }, (_, i) => i);
    const shared = new Uint8Array(new SharedArrayBuffer(16));
    shared.set(backing);
    const growing = resizable(16, 64);
    new Uint8Array(growing).set(backing);
    class Mine extends Uint8Array {}

    it.each<[string, Uint8Array]>([
      ['a view in the middle of a buffer', backing.subarray(4, 8)],
      ['a Buffer from the pool', Buffer.from([4, 5, 6, 7])],
      ['a Buffer over part of a buffer', Buffer.from(backing.buffer, 4, 4)],
      ['shared memory', shared.subarray(4, 8)],
      ['a Buffer over shared memory', Buffer.from(any<ArrayBuffer>(shared.buffer), 4, 4)],
      ['resizable memory', new Uint8Array(growing, 4, 4)],
      ['a Buffer over resizable memory', Buffer.from(growing, 4, 4)],
      ['a subclass', Mine.from([4, 5, 6, 7])],
    ])('%s', (_, payload) => {
      const queue = queueOf();
      const events = queue.subscribe();
      queue.put('audio', payload);
      expect(events.tryNext()!.payload).toEqual(bytes(4, 5, 6, 7));
    });

    it('an array as long as resizable memory is now', () => {
      const queue = queueOf();
      const events = queue.subscribe();
      const memory = resizable(2, 8);
      const array = new Uint8Array(memory);
      memory.resize(5);
      queue.put('audio', array);
      expect(events.tryNext()!.payload).toHaveLength(5);
    });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'bytes'],
    ['a list of numbers', [1, 2, 3]],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a DataView', new DataView(new ArrayBuffer(3))],
    ['an Int16Array', new Int16Array(3)],
    ['a Uint8ClampedArray', new Uint8ClampedArray(3)],
    ['something like an array', { length: 3, buffer: new ArrayBuffer(3), byteOffset: 0, byteLength: 3 }],
  ])('refuses %s for a payload', (_, payload) => {
    expect(() => queueOf().put('audio', any(payload))).toThrow(failure('INVALID_ARGUMENT', 'payload is'));
  });

  it('refuses memory that was transferred, or that shrank away', () => {
    const queue = queueOf();
    expect(() => queue.put('audio', detached(bytes(1, 2, 3)))).toThrow(failure('INVALID_ARGUMENT', 'payload is'));
    expect(() => queue.put('audio', outOfBounds(Uint8Array))).toThrow(failure('INVALID_ARGUMENT', 'payload is'));
  });

  it.each([[''], ['AUDIO'], ['constructor'], [undefined], [0]])(
    'refuses %j for a type, and says which there are',
    (type) => {
      expect(() => queueOf().put(any(type), bytes())).toThrow(failure('INVALID_ARGUMENT', 'audio, video, stats'));
    },
  );

  it.each([[-1n], [2n ** 64n], [7], ['7'], [null], [1.5]])('refuses the handle %s', (handle) => {
    expect(() => queueOf().put('audio', bytes(), any(handle))).toThrow(failure('INVALID_ARGUMENT', 'handle is'));
  });

  it.each([[0n], [1n], [2n ** 53n + 1n], [2n ** 63n], [2n ** 64n - 1n]])('carries the handle %s', (handle) => {
    const queue = queueOf();
    const events = queue.subscribe({ handles: [handle] });
    expect(queue.put('audio', bytes(), handle)).toBe(1);
    expect(queue.put('audio', bytes(), handle ^ 1n)).toBe(0);
    expect(events.tryNext()!.handle).toBe(handle);
  });

  it('has handle 0 where none is given', () => {
    const queue = queueOf();
    const events = queue.subscribe();
    queue.put('audio', bytes());
    expect(events.tryNext()!.handle).toBe(0n);
  });

  it('counts nothing for a call that was refused', () => {
    const queue = queueOf();
    queue.subscribe();
    expect(() => queue.put('audio', any('x'))).toThrow();
    expect(() => queue.put('audio', bytes(), -1n)).toThrow();
    expect(queue.stats().published).toBe(0);
  });
});

describe('a native filter', () => {
  const all = (queue: FfiQueue<Type>) => {
    for (const [i, type] of TYPES.entries()) {
      for (const handle of [0n, 7n, 8n]) queue.put(type, bytes(10 * i + Number(handle)), handle);
    }
  };

  it.each<[string, { types?: Type[]; handles?: bigint[] } | undefined, number[]]>([
    ['nothing: every event', undefined, [0, 7, 8, 10, 17, 18, 20, 27, 28]],
    ['a type', { types: ['video'] }, [10, 17, 18]],
    ['types', { types: ['stats', 'audio'] }, [0, 7, 8, 20, 27, 28]],
    ['a handle', { handles: [7n] }, [7, 17, 27]],
    ['handles', { handles: [8n, 0n] }, [0, 8, 10, 18, 20, 28]],
    ['a type and a handle: events with both', { types: ['video'], handles: [7n] }, [17]],
    ['types and handles', { types: ['video', 'stats'], handles: [7n, 9n] }, [17, 27]],
    ['the same thing twice', { types: ['video', 'video'], handles: [7n, 7n] }, [17]],
    ['an empty list of types', { types: [] }, []],
    ['an empty list of handles', { handles: [] }, []],
    ['a handle that never comes', { handles: [9n] }, []],
  ])('asks for %s', (_, options, expected) => {
    const queue = queueOf();
    const events = queue.subscribe(options);
    all(queue);
    expect(firstBytes(events.drain())).toEqual(expected);
    expect(queue.stats()).toMatchObject({ published: 9, unwanted: 9 - expected.length, delivered: expected.length });
  });

  it('takes any iterable', () => {
    const queue = queueOf();
    const events = queue.subscribe({ types: new Set<Type>(['video']), handles: new Map([[7n, 0]]).keys() });
    all(queue);
    expect(firstBytes(events.drain())).toEqual([17]);
  });

  it('keeps subscriptions apart', () => {
    const queue = queueOf();
    const subscriptions = [7n, 8n, 9n].map((handle) => queue.subscribe({ types: ['audio'], handles: [handle] }));
    all(queue);
    expect(subscriptions.map((events) => firstBytes(events.drain()))).toEqual([[7], [8], []]);
  });

  it('runs neither decode nor filter for what it refuses', () => {
    const decode = vi.fn((event: FfiEvent<Type>) => event);
    const filter = vi.fn(() => true);
    const queue = new FfiQueue({ types: TYPES, decode });
    const events = queue.subscribe({ types: ['video'], handles: [7n], filter });
    all(queue);
    events.drain();
    expect([decode.mock.calls.length, filter.mock.calls.length]).toEqual([1, 1]);
  });
});

describe('subscribing', () => {
  it('hears only of what is put afterwards', () => {
    const queue = queueOf();
    queue.put('audio', bytes(1));
    const events = queue.subscribe();
    queue.put('audio', bytes(2));
    expect(firstBytes(events.drain())).toEqual([2]);
  });

  it.each<[string, unknown, string?]>([
    ['options that are null', null],
    ['options that are a number', 5],
    ['a list for options', ['audio']],
    ['an unknown type', { types: ['audio', 'sound'] }, 'type is "sound"'],
    ['a type that is no string', { types: [0] }, 'type is 0'],
    ['types that are a string', { types: 'audio' }, 'types is "audio"'],
    ['types that are null', { types: null }, 'types is null'],
    ['types that are no list', { types: 5 }, 'types is 5'],
    ['handles that are a BigInt', { handles: 7n }, 'handles is 7n'],
    ['handles that are null', { handles: null }, 'handles is null'],
    ['handles that are no list', { handles: {} }, 'handles is'],
    ['a negative handle', { handles: [-1n] }, 'handle is -1n'],
    ['a handle of 65 bits', { handles: [2n ** 64n] }, `handle is ${2n ** 64n}n`],
    ['a handle that is a number', { handles: [7] }, 'handle is 7'],
    ['capacity 0', { capacity: 0 }, 'capacity is 0'],
    ['a negative capacity', { capacity: -1 }, 'capacity is -1'],
    ['a fractional capacity', { capacity: 1.5 }, 'capacity is 1.5'],
    ['capacity NaN', { capacity: NaN }, 'capacity is NaN'],
    ['an infinite capacity', { capacity: Infinity }, 'capacity is Infinity'],
    ['a capacity that is too large', { capacity: 2 ** 20 + 1 }, 'capacity is 1048577'],
    ['a capacity that is a string', { capacity: '10' }, 'capacity is "10"'],
    ['a capacity that is a BigInt', { capacity: 10n }, 'capacity is 10n'],
    ['maxCapacity below capacity', { capacity: 10, maxCapacity: 9 }, 'maxCapacity is 9'],
    ['maxCapacity below the default capacity', { maxCapacity: 10 }, 'maxCapacity is 10'],
    ['maxCapacity NaN', { maxCapacity: NaN }, 'maxCapacity is NaN'],
    ['maxCapacity that is too large', { maxCapacity: 2 ** 20 + 1 }, 'maxCapacity is 1048577'],
    ['an unknown way to be woken', { wake: 'later' }, "wake is \"later\": pass 'paced' or 'immediate'"],
    ['an unknown overflow policy', { overflow: 'block' }, 'overflow is "block"'],
    ['an overflow policy that is null', { overflow: null }, 'overflow is null'],
    ['a filter that is no function', { filter: 'audio' }, 'filter is "audio"'],
    ['a signal that is none', { signal: {} }, 'signal is'],
    ['a signal that is a controller', { signal: new AbortController() }, 'signal is an AbortController'],
  ])('refuses %s', (_, options, message) => {
    const queue = queueOf();
    expect(() => queue.subscribe(any(options))).toThrow(failure('INVALID_ARGUMENT', message));
    expect(queue.stats().subscribers).toBe(0);
  });

  it('throws what an iterable of types throws', () => {
    const types = (function* (): Generator<Type> {
      yield 'audio';
      throw new Error('mine');
    })();
    expect(() => queueOf().subscribe({ types })).toThrow('mine');
  });

  it('throws the reason of a signal that was aborted before', () => {
    const queue = queueOf();
    const reason = new Error('too late');
    expect(() => queue.subscribe({ signal: AbortSignal.abort(reason) })).toThrow(reason);
    expect(queue.stats().subscribers).toBe(0);
  });

  it('takes the largest capacity', () => {
    const queue = queueOf();
    for (const overflow of ['error', 'grow', 'drop-oldest', 'drop-newest'] as const) {
      queue.subscribe({ capacity: 2 ** 20, maxCapacity: 2 ** 20, overflow }).close();
    }
    queue.subscribe({ capacity: 2 ** 20 }).close();
  });
});

describe('unsubscribing', () => {
  it('leaves what is queued readable, then gives done', async () => {
    const queue = queueOf();
    const events = queue.subscribe();
    queue.put('audio', bytes(1));
    queue.put('audio', bytes(2));
    queue.unsubscribe(events);
    expect(queue.put('audio', bytes(3))).toBe(0);
    expect(events).toMatchObject({ closed: true, size: 2, dropped: 0 });
    expect((await events.next()).value!.payload[0]).toBe(1);
    expect(events.tryNext()!.payload[0]).toBe(2);
    expect(events.tryNext()).toBeUndefined();
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(queue.stats()).toMatchObject({ subscribers: 0, delivered: 2, queued: 0, unwanted: 1 });
  });

  it('does nothing the second time', () => {
    const queue = queueOf();
    const [events, other] = [queue.subscribe(), queue.subscribe()];
    queue.put('audio', bytes(1));
    queue.unsubscribe(events);
    queue.unsubscribe(events);
    events.close();
    queue.unsubscribe(events);
    expect(queue.stats().subscribers).toBe(1);
    expect([events.size, other.closed]).toEqual([1, false]);
  });

  it('does nothing with a subscription of another queue, or with anything else', () => {
    const [queue, other] = [queueOf(), queueOf()];
    const events = other.subscribe();
    for (const unknown of [events, undefined, null, {}, 'x', queue]) queue.unsubscribe(any(unknown));
    expect(events.closed).toBe(false);
    expect(other.put('audio', bytes(1))).toBe(1);
  });
});

describe('closing a queue', () => {
  it('ends every subscription after what it still has, and refuses more', async () => {
    const queue = queueOf();
    const [full, waiting] = [queue.subscribe(), queue.subscribe({ types: ['video'] })];
    const pending = waiting.next();
    queue.put('audio', bytes(1));
    queue.close();
    queue.close();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(full).toMatchObject({ closed: true, size: 1 });
    expect(firstBytes(full.drain())).toEqual([1]);
    expect(await full.next()).toEqual({ done: true, value: undefined });
    expect(() => queue.put('audio', bytes(1))).toThrow(failure('CLOSED'));
    expect(() => queue.subscribe()).toThrow(failure('CLOSED'));
    expect(queue.stats()).toMatchObject({ subscribers: 0, published: 1 });
    queue.unsubscribe(full);
  });

  it('closes it in every place that opened it', () => {
    const queue = queueOf();
    const same = FfiQueue.open(queue.id, { types: TYPES });
    same.close();
    expect(() => queue.put('audio', bytes())).toThrow(failure('CLOSED'));
    expect(() => FfiQueue.open(queue.id, { types: TYPES }).subscribe()).toThrow(failure('CLOSED'));
  });
});

describe('stats', () => {
  it('counts a copy for each subscription, and adds up', () => {
    const queue = queueOf();
    expect(queue.stats()).toEqual({
      published: 0,
      delivered: 0,
      unwanted: 0,
      dropped: 0,
      queued: 0,
      wakes: 0,
      subscribers: 0,
    });
    const everything = queue.subscribe();
    const latest = queue.subscribe({ types: ['audio'], overflow: 'drop-oldest', capacity: 2 });
    for (let i = 0; i < 5; i++) queue.put('audio', bytes(i));
    queue.put('video', bytes(5));
    everything.close();
    queue.put('video', bytes(6));
    expect(queue.stats()).toEqual({
      published: 7,
      unwanted: 1,
      delivered: 0,
      dropped: 3,
      queued: 8,
      wakes: 0,
      subscribers: 1,
    });
    everything.tryNext();
    latest.drain(1);
    expect(queue.stats()).toMatchObject({ delivered: 2, queued: 6 });
    everything.drain();
    latest.drain();
    expect(queue.stats()).toMatchObject({ delivered: 8, queued: 0, dropped: 3 });
  });

  it('counts what a subscription that is left had not read as dropped', async () => {
    const queue = queueOf();
    const events = queue.subscribe();
    for (let i = 0; i < 5; i++) queue.put('audio', bytes(i));
    events.tryNext();
    await events.return();
    expect(queue.stats()).toMatchObject({ delivered: 1, dropped: 4, queued: 0, subscribers: 0 });
    expect(events).toMatchObject({ size: 0, dropped: 4 });
  });

  it('counts what a filter refused as read', () => {
    const queue = queueOf();
    const events = queue.subscribe({ filter: () => false });
    for (let i = 0; i < 5; i++) queue.put('audio', bytes(i));
    expect(events.drain()).toEqual([]);
    expect(queue.stats()).toMatchObject({ delivered: 5, dropped: 0, queued: 0 });
  });

  it('counts one wake at most for whatever came while the thread could not look', async () => {
    const queue = queueOf();
    const events = queue.subscribe();
    const others = Array.from({ length: 100 }, () => queue.subscribe());
    const pending = [events, ...others].map((each) => each.next());
    for (let i = 0; i < 1000; i++) queue.put('audio', bytes(i));
    await Promise.all(pending);
    expect(events.drain()).toHaveLength(999);
    // None, if one was on its way for another queue of this thread.
    expect(queue.stats().wakes).toBeLessThanOrEqual(1);
  });

  it('counts no wake for who polls', () => {
    const queue = queueOf();
    const events = queue.subscribe();
    for (let i = 0; i < 1000; i++) {
      queue.put('audio', bytes(i));
      events.tryNext();
    }
    expect(queue.stats().wakes).toBe(0);
  });
});
