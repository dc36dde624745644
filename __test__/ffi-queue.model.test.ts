import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FfiQueue, type NarrowcastError, type OverflowPolicy, type Subscription } from '../src/index.js';

// A queue and its subscriptions against plain arrays, over random operations.

const TYPES = ['a', 'b', 'c'] as const;
type Type = (typeof TYPES)[number];

interface Put {
  type: Type;
  handle: bigint;
  value: number;
}

/** What a subscription should be. */
class ModelSubscription {
  waiting: Put[] = [];
  dropped = 0;
  delivered = 0;
  filterErrors = 0;
  closed = false;
  lagged = false;
  left = false;

  constructor(
    readonly wanted: {
      types: Type[] | undefined;
      handles: bigint[] | undefined;
      overflow: OverflowPolicy;
      capacity: number;
      maxCapacity: number;
      filtered: boolean;
    },
  ) {}

  /** Returns whether the event waits here, or had no room; undefined: it is not wanted. */
  offer(put: Put): boolean | undefined {
    const { types, handles, overflow, capacity, maxCapacity } = this.wanted;
    if (this.closed || types?.includes(put.type) === false || handles?.includes(put.handle) === false) return;
    if (overflow === 'error' && this.waiting.length === maxCapacity) {
      this.closed = this.lagged = true;
      this.dropped++;
      return false;
    }
    if (overflow === 'drop-newest' && this.waiting.length === capacity) {
      this.dropped++;
      return false;
    }
    this.waiting.push(put);
    if (overflow === 'drop-oldest' && this.waiting.length > capacity) {
      this.waiting.shift();
      this.dropped++;
    }
    return true;
  }

  read(max: number): (number | string)[] {
    const read: (number | string)[] = [];
    while (read.length < max && this.waiting.length > 0) {
      const { value } = this.waiting.shift()!;
      this.delivered++;
      if (!this.wanted.filtered || passes(value)) read.push(value);
      if (this.wanted.filtered && value % 5 === 0) this.filterErrors++;
    }
    if (read.length === 0 && max > 0 && this.lagged && !this.left) return ['LAGGED'];
    return read;
  }

  leave(): void {
    this.closed = this.left = true;
    this.dropped += this.waiting.length;
    this.waiting = [];
  }
}

/** A filter that throws delivers the event. */
const passes = (value: number) => value % 5 === 0 || value % 2 === 0;
function filter({ value }: Put): boolean {
  if (value % 5 === 0) throw new Error('five');
  return value % 2 === 0;
}

/** What a read gave, or the code of the error that it threw. */
function outcome(read: () => (Put | undefined)[]): (number | string)[] {
  try {
    return read().flatMap((event) => event?.value ?? []);
  } catch (error) {
    return [(error as NarrowcastError).code];
  }
}

const type = fc.constantFrom(...TYPES);
const handle = fc.constantFrom(0n, 1n, 2n, 2n ** 64n - 1n);
const which = fc.nat(9);
const operation = fc.oneof(
  { weight: 12, arbitrary: fc.record({ op: fc.constant('put' as const), type, handle }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('subscribe' as const),
      types: fc.option(fc.array(type, { maxLength: 3 }), { nil: undefined }),
      handles: fc.option(fc.array(handle, { maxLength: 3 }), { nil: undefined }),
      overflow: fc.constantFrom<OverflowPolicy[]>('error', 'grow', 'drop-oldest', 'drop-newest'),
      capacity: fc.integer({ min: 1, max: 4 }),
      more: fc.nat(3),
      filtered: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('tryNext' as const), which }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('drain' as const), which, max: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('unsubscribe' as const), which }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('return' as const), which }) },
);

it('behaves as plain arrays would, whatever is done in whatever order', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const queue = new FfiQueue<Type, Put>({
        types: TYPES,
        decode: (event) => ({ type: event.type, handle: event.handle, value: event.payload[0]! }),
      });
      const real: Subscription<Put>[] = [];
      const model: ModelSubscription[] = [];
      let published = 0;
      let unwanted = 0;

      for (const step of operations) {
        if (step.op === 'put') {
          const put = { type: step.type, handle: step.handle, value: published++ % 256 };
          const offers = model.map((subscription) => subscription.offer(put));
          if (offers.every((waits) => waits === undefined)) unwanted++;
          const receivers = offers.filter((waits) => waits).length;
          expect(queue.put(step.type, new Uint8Array([put.value]), step.handle)).toBe(receivers);
        } else if (step.op === 'subscribe') {
          const { types, handles, overflow, capacity, more, filtered } = step;
          const maxCapacity = capacity + more;
          model.push(new ModelSubscription({ types, handles, overflow, capacity, maxCapacity, filtered }));
          real.push(
            queue.subscribe({
              overflow,
              capacity,
              maxCapacity,
              ...(types && { types }),
              ...(handles && { handles }),
              ...(filtered && { filter }),
            }),
          );
        } else if (real.length > 0) {
          const events = real[step.which % real.length]!;
          const expected = model[step.which % real.length]!;
          if (step.op === 'tryNext') expect(outcome(() => [events.tryNext()])).toEqual(expected.read(1));
          if (step.op === 'drain') expect(outcome(() => events.drain(step.max))).toEqual(expected.read(step.max));
          if (step.op === 'unsubscribe') {
            queue.unsubscribe(events);
            expected.closed = true;
          }
          if (step.op === 'return') {
            void events.return();
            expected.leave();
          }
        }

        for (const [i, events] of real.entries()) {
          const { dropped, closed, filterErrors, waiting } = model[i]!;
          expect([events.size, events.dropped, events.closed, events.filterErrors]).toEqual([
            waiting.length,
            dropped,
            closed,
            filterErrors,
          ]);
        }
        const sum = (of: (subscription: ModelSubscription) => number) =>
          model.reduce((total, each) => total + of(each), 0);
        expect(queue.stats()).toEqual({
          published,
          unwanted,
          delivered: sum((each) => each.delivered),
          dropped: sum((each) => each.dropped),
          queued: sum((each) => each.waiting.length),
          wakes: 0,
          subscribers: sum((each) => (each.closed ? 0 : 1)),
        });
      }
    }),
    { numRuns: 300 },
  );
}, 60_000);

const turn = fc.constant({ op: 'turn' as const });
const waiting = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('put' as const), value: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.constant({ op: 'next' as const }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('waitFor' as const), value: fc.nat(9) }) },
  { weight: 3, arbitrary: turn },
);

it('serves next() and waitFor() in line, whenever the events come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(waiting, { maxLength: 60 }), async (operations) => {
      const queue = new FfiQueue({ types: ['n'], decode: ({ payload }) => payload[0]! });
      const events = queue.subscribe();
      const line: Promise<unknown>[] = [];
      for (const step of operations) {
        if (step.op === 'put') queue.put('n', new Uint8Array([step.value]));
        if (step.op === 'next') line.push(events.next().then(({ done, value }) => (done ? 'done' : value)));
        if (step.op === 'waitFor') {
          line.push(events.waitFor((value) => value === step.value).catch((error: NarrowcastError) => error.code));
        }
        if (step.op === 'turn') await new Promise(setImmediate);
      }
      events.close();

      // The same, by hand: the reads in line take from the front of what came, each in its turn.
      const came = operations.flatMap((step) => (step.op === 'put' ? [step.value] : []));
      const expected = operations.flatMap((step): unknown[] => {
        if (step.op === 'next') return [came.shift() ?? 'done'];
        if (step.op !== 'waitFor') return [];
        while (came.length > 0 && came[0] !== step.value) came.shift();
        return [came.shift() ?? 'CLOSED'];
      });
      expect(await Promise.all(line)).toEqual(expected);
      expect(events.drain()).toEqual(came);
    }),
    { numRuns: 300 },
  );
}, 60_000);
