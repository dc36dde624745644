import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingBuffer } from '../src/index.js';
import { runNode } from './support/child.js';
import { failure, untilCollected } from './support/expect.js';
import { detached, outOfBounds, resizable } from './support/memory.js';
import { ended, message, start } from './support/threads.js';
import { turn, until } from './support/wait.mjs';

const samples = (...values: number[]) => new Int16Array(values);
const count = (from: number, to: number) => Int16Array.from({ length: to - from }, (_, i) => from + i);
const any = <T>(value: unknown) => value as T;

/** All that a ring has, which is taken out. */
function drain(ring: RingBuffer): number[] {
  const target = new Int16Array(ring.size);
  expect(ring.read(target)).toBe(target.length);
  return [...target];
}

describe('options', () => {
  it('default to refusing what does not fit', () => {
    const ring = new RingBuffer({ capacity: 3 });
    expect(ring.capacity).toBe(3);
    expect(ring.write(samples(1, 2, 3, 4))).toBe(3);
    expect(ring.dropped).toBe(1);
    expect(drain(ring)).toEqual([1, 2, 3]);
  });

  it.each<[string, unknown]>([
    ['options', undefined],
    ['options', null],
    ['options', 100],
    ['options', []],
    ['capacity', {}],
    ['capacity', { capacity: 0 }],
    ['capacity', { capacity: -1 }],
    ['capacity', { capacity: 1.5 }],
    ['capacity', { capacity: NaN }],
    ['capacity', { capacity: Infinity }],
    ['capacity', { capacity: 2 ** 28 + 1 }],
    ['capacity', { capacity: 2 ** 53 }],
    ['capacity', { capacity: '100' }],
    ['capacity', { capacity: 100n }],
    ['capacity', { capacity: null }],
    ['overflow', { capacity: 100, overflow: 'grow' }],
    ['overflow', { capacity: 100, overflow: null }],
    ['overflow', { capacity: 100, overflow: 1 }],
  ])('refuse a bad %s: %o', (what, options) => {
    expect(() => new RingBuffer(any(options))).toThrow(failure('INVALID_ARGUMENT', `${what} is`));
  });
});

describe('samples', () => {
  it('keep every value', () => {
    const ring = new RingBuffer({ capacity: 65_536 });
    const values = count(-32_768, 32_768);
    expect(ring.write(values)).toBe(65_536);
    expect(drain(ring)).toEqual([...values]);
  });

  it('are copied: what was written is the writer’s again', () => {
    const ring = new RingBuffer({ capacity: 3 });
    const data = samples(1, 2, 3);
    ring.write(data);
    data.fill(9);
    expect(drain(ring)).toEqual([1, 2, 3]);
  });

  it('leave the rest of a target as it is', () => {
    const ring = new RingBuffer({ capacity: 4 });
    ring.write(samples(1, 2));
    const target = samples(9, 9, 9, 9);
    expect(ring.peek(target)).toBe(2);
    expect(target).toEqual(samples(1, 2, 9, 9));
    expect(ring.read(target.subarray(1))).toBe(2);
    expect(target).toEqual(samples(1, 1, 2, 9));
    expect(ring.read(target)).toBe(0);
    expect(target).toEqual(samples(1, 1, 2, 9));
  });

  const memories: Record<string, () => Int16Array> = {
    'a view in the middle of a buffer': () => new Int16Array(12).subarray(4, 8),
    'shared memory': () => new Int16Array(new SharedArrayBuffer(24)).subarray(4, 8),
    'resizable memory': () => new Int16Array(resizable(24, 64), 8, 4),
    'resizable memory, to its end': () => new Int16Array(resizable(16, 64), 8),
    'memory that grows': () => {
      const Shared = SharedArrayBuffer as unknown as new (length: number, options: object) => SharedArrayBuffer;
      return new Int16Array(new Shared(24, { maxByteLength: 64 }), 8, 4);
    },
  };
  it.each(Object.keys(memories))('are taken from and go to %s', (name) => {
    const ring = new RingBuffer({ capacity: 8 });
    const [data, target] = [memories[name]!(), memories[name]!()];
    data.set(count(0, data.length));
    for (const read of [ring.peek, ring.read]) {
      if (ring.size === 0) expect(ring.write(data)).toBe(data.length);
      target.fill(9);
      expect(read.call(ring, target)).toBe(data.length);
      expect([...target]).toEqual([...data]);
      // The memory around it belongs to others.
      const around = new Int16Array(target.buffer);
      expect([...around.subarray(0, target.byteOffset / 2)].every((value) => value === 0)).toBe(true);
      expect([...around.subarray(target.byteOffset / 2 + target.length)].every((value) => value === 0)).toBe(true);
    }
  });

  it('follow an array whose buffer has changed its size', () => {
    const ring = new RingBuffer({ capacity: 8 });
    const buffer = resizable(8, 16);
    const data = new Int16Array(buffer);
    expect(ring.write(data)).toBe(4);
    buffer.resize(4);
    expect(ring.write(data)).toBe(2);
    buffer.resize(16);
    data.fill(9);
    expect(ring.read(data)).toBe(6);
    expect(data).toEqual(samples(0, 0, 0, 0, 0, 0, 9, 9));
  });

  it('of a shared target longer than the ring are read as well', () => {
    const ring = new RingBuffer({ capacity: 3 });
    ring.write(samples(1, 2, 3));
    const target = new Int16Array(new SharedArrayBuffer(20));
    expect(ring.read(target)).toBe(3);
    expect([...target]).toEqual([1, 2, 3, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('without a sample are nothing', () => {
    const ring = new RingBuffer({ capacity: 3 });
    for (const none of [samples(), new Int16Array(new SharedArrayBuffer(0)), new Int16Array(resizable(0, 8))]) {
      expect([ring.write(none), ring.read(none), ring.peek(none), ring.skip(0)]).toEqual([0, 0, 0, 0]);
    }
    expect([ring.size, ring.dropped]).toEqual([0, 0]);
  });

  const wrong: [string, unknown, string][] = [
    ['nothing', undefined, 'undefined: pass an'],
    ['null', null, 'null: pass an'],
    ['a number', 5, '5: pass an'],
    ['a list', [1, 2], 'an Array: pass an'],
    ['unsigned samples', new Uint16Array(4), 'a Uint16Array: pass an'],
    ['floats', new Float32Array(4), 'a Float32Array: pass an'],
    ['a DataView', new DataView(new ArrayBuffer(4)), 'a DataView: pass an'],
    ['an ArrayBuffer', new ArrayBuffer(4), 'an ArrayBuffer: pass an'],
    ['shared floats', new Float32Array(new SharedArrayBuffer(4)), 'a Float32Array: pass an'],
    ['what looks like an array', { buffer: new ArrayBuffer(4), length: 2 }, 'an Object: pass an'],
    ['a detached array', detached(samples(1, 2)), 'an array whose memory is gone'],
    ['an array whose memory has shrunk', outOfBounds(Int16Array), 'an array whose memory is gone'],
  ];
  it.each(wrong)('are not taken from, and do not go to, %s', (_, array, what) => {
    const ring = new RingBuffer({ capacity: 4 });
    for (const size of [0, 3]) {
      ring.write(count(0, size));
      expect(() => ring.write(any(array))).toThrow(failure('INVALID_ARGUMENT', `data is ${what}`));
      expect(() => ring.read(any(array))).toThrow(failure('INVALID_ARGUMENT', `target is ${what}`));
      expect(() => ring.peek(any(array))).toThrow(failure('INVALID_ARGUMENT', `target is ${what}`));
      expect([ring.size, ring.dropped]).toEqual([size, 0]);
    }
    ring.close();
    expect(() => ring.write(any(array))).toThrow(failure('INVALID_ARGUMENT', `data is ${what}`));
  });

  it('are taken from bytes, which must be whole samples, and do not go to them', () => {
    const ring = new RingBuffer({ capacity: 8 });
    const bytes = Buffer.from(samples(1, 2, 3).buffer);
    const odd = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1);
    const shared = new Uint8Array(new SharedArrayBuffer(6));
    shared.set(bytes);
    expect([ring.write(bytes), ring.write(odd.subarray(0, 4)), ring.write(shared)]).toEqual([3, 2, 3]);
    expect(drain(ring)).toEqual([1, 2, 3, 1, 2, 1, 2, 3]);
    expect(ring.write(new Uint8Array())).toBe(0);
    expect(() => ring.write(bytes.subarray(1))).toThrow(failure('INVALID_ARGUMENT', 'data.length is 5: pass an even'));
    expect(() => ring.write(detached(new Uint8Array(2)))).toThrow(failure('INVALID_ARGUMENT', 'memory is gone'));
    expect(() => ring.read(any(bytes))).toThrow(failure('INVALID_ARGUMENT', 'target is a Buffer: pass an'));
    ring.close();
    expect(() => ring.write(bytes)).toThrow(failure('CLOSED'));
  });

  it.each([-1, -0.5, 0.5, NaN, Infinity, 2 ** 53, '1', 1n, null, undefined, {}])('are not skipped: %o', (n) => {
    const ring = new RingBuffer({ capacity: 4 });
    ring.write(samples(1, 2));
    expect(() => ring.skip(any(n))).toThrow(failure('INVALID_ARGUMENT', 'n is'));
    expect(ring.size).toBe(2);
  });

  it('are skipped up to what is there, by any number', () => {
    for (const n of [4, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]) {
      const ring = new RingBuffer({ capacity: 4 });
      ring.write(samples(1, 2, 3));
      expect(ring.skip(n)).toBe(3);
    }
  });
});

/** What a ring should be. */
class Model {
  kept: number[] = [];
  dropped = 0;

  constructor(
    readonly capacity: number,
    readonly overflow: 'reject' | 'drop-oldest',
  ) {}

  write(data: number[]): number {
    if (this.overflow === 'reject') {
      const stored = data.slice(0, this.capacity - this.kept.length);
      this.kept.push(...stored);
      this.dropped += data.length - stored.length;
      return stored.length;
    }
    this.kept.push(...data);
    this.dropped += this.kept.splice(0, this.kept.length - this.capacity).length;
    return Math.min(data.length, this.capacity);
  }
}

const length = fc.nat(12);
const memory = fc.constantFrom('plain', 'view', 'shared');
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('write' as const), length, memory }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('read' as const), length, memory }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('peek' as const), length, memory }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('skip' as const), length, memory }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('clear' as const), length, memory }) },
);

function arrayIn(memory: string, length: number): Int16Array {
  if (memory === 'shared') return new Int16Array(new SharedArrayBuffer(length * 2));
  return memory === 'view' ? new Int16Array(length + 3).subarray(2, length + 2) : new Int16Array(length);
}

describe('any sequence of operations', () => {
  it.each(['reject', 'drop-oldest'] as const)(
    'does what it would with a plain array (%s)',
    (overflow) => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 10 }), fc.array(operation, { maxLength: 60 }), (capacity, operations) => {
          const model = new Model(capacity, overflow);
          const made = new RingBuffer({ capacity, overflow });
          const [producer, consumer] = [made, RingBuffer.open(made.id)];
          let next = 0;
          for (const { op, length, memory } of operations) {
            const array = arrayIn(memory, length);
            if (op === 'write') {
              for (let i = 0; i < length; i++) array[i] = next++;
              expect(producer.write(array)).toBe(model.write([...array]));
            } else if (op === 'clear') {
              consumer.clear();
              model.kept = [];
            } else {
              const expected = model.kept.slice(0, length);
              if (op !== 'peek') model.kept.splice(0, length);
              expect(op === 'skip' ? consumer.skip(length) : consumer[op](array)).toBe(expected.length);
              if (op !== 'skip') expect([...array]).toEqual([...expected, ...array.slice(expected.length).fill(0)]);
            }
            for (const ring of [producer, consumer]) {
              expect([ring.size, ring.dropped, ring.capacity]).toEqual([model.kept.length, model.dropped, capacity]);
            }
          }
          expect(drain(consumer)).toEqual(model.kept);
        }),
        { numRuns: 300 },
      );
    },
    60_000,
  );

  it('does the same with blocks of a few thousand samples', () => {
    const [model, ring] = [
      new Model(10_007, 'drop-oldest'),
      new RingBuffer({ capacity: 10_007, overflow: 'drop-oldest' }),
    ];
    let next = 0;
    for (let round = 0; round < 50; round++) {
      const data = Int16Array.from({ length: (round * 7919) % 12_000 }, () => next++);
      expect(ring.write(data)).toBe(model.write([...data]));
      const target = new Int16Array((round * 4001) % 9000);
      const expected = model.kept.splice(0, target.length);
      expect(ring.read(target)).toBe(expected.length);
      expect(target.subarray(0, expected.length)).toEqual(samples(...expected));
    }
    expect([ring.size, ring.dropped]).toEqual([model.kept.length, model.dropped]);
  }, 60_000);
});

describe('the sides of a ring', () => {
  const locked = (side: string) => failure('LOCKED', `another RingBuffer is the ${side}`);

  it('are one producer and one consumer: a second one is refused, and has changed nothing', () => {
    const ring = new RingBuffer({ capacity: 8 });
    const other = RingBuffer.open(ring.id);
    expect(ring.write(samples(1, 2, 3))).toBe(3);
    expect(() => other.write(samples(4))).toThrow(locked('producer'));
    expect(() => other.write(new Int16Array(new SharedArrayBuffer(2)))).toThrow(locked('producer'));

    const target = new Int16Array(2);
    expect(other.read(target)).toBe(2);
    for (const use of [
      () => ring.read(target),
      () => ring.read(new Int16Array(new SharedArrayBuffer(4))),
      () => ring.peek(target),
      () => ring.skip(1),
      () => ring.skip(0),
      () => ring.clear(),
    ]) {
      expect(use).toThrow(locked('consumer'));
    }
    expect([ring.size, ring.dropped, target[0]]).toEqual([1, 0, 1]);
    expect([other.size, other.dropped]).toEqual([1, 0]);
    expect(ring.write(samples(4))).toBe(1);
    expect(drain(other)).toEqual([3, 4]);
  });

  it.each<[string, (ring: RingBuffer) => unknown]>([
    ['read', (ring) => ring.read(new Int16Array(1))],
    ['peek', (ring) => ring.peek(new Int16Array(1))],
    ['skip', (ring) => ring.skip(1)],
    ['clear', (ring) => ring.clear()],
  ])('a caller of %s is a consumer, also of an empty ring', (_, use) => {
    const ring = new RingBuffer({ capacity: 8 });
    use(ring);
    expect(() => RingBuffer.open(ring.id).read(new Int16Array(1))).toThrow(locked('consumer'));
  });

  it('may both be of one view, and are of none that only looks, or that was refused', () => {
    const ring = new RingBuffer({ capacity: 8 });
    const other = RingBuffer.open(ring.id);
    void [other.size, other.dropped, other.closed, other.id, other.write(samples()), other.read(samples())];
    for (const wrong of [detached(samples(1)), new Float32Array(2), undefined]) {
      expect(() => other.write(any(wrong))).toThrow(failure('INVALID_ARGUMENT'));
      expect(() => other.read(any(wrong))).toThrow(failure('INVALID_ARGUMENT'));
    }
    expect(ring.write(samples(1, 2))).toBe(2);
    expect(drain(ring)).toEqual([1, 2]);
  });

  it('are free again when their view was collected, and what is there stays there', async () => {
    const ring = new RingBuffer({ capacity: 8 });
    const use = () => {
      const forgotten = RingBuffer.open(ring.id);
      forgotten.write(samples(1, 2, 3));
      forgotten.skip(1);
    };
    use();
    const tryWrite = () => {
      try {
        return ring.write(samples(4)) === 1;
      } catch (error) {
        expect(error).toEqual(locked('producer'));
        return false;
      }
    };
    await untilCollected(tryWrite, 'the other view is collected');
    expect(drain(ring)).toEqual([2, 3, 4]);
  }, 60_000);

  it('go from a closed consumer to the next one', () => {
    const ring = new RingBuffer({ capacity: 8 });
    const reader = RingBuffer.open(ring.id);
    ring.write(samples(1, 2, 3));
    expect(reader.skip(1)).toBe(1);
    expect(() => ring.skip(1)).toThrow(locked('consumer'));
    reader.close();
    expect(drain(ring)).toEqual([2, 3]);
    expect(() => reader.skip(1)).toThrow(locked('consumer'));
  });
});

describe('close', () => {
  it('refuses writes in all views, and leaves what is there to be read', () => {
    const ring = new RingBuffer({ capacity: 8 });
    const other = RingBuffer.open(ring.id);
    ring.write(samples(1, 2, 3));
    expect([ring.closed, other.closed]).toEqual([false, false]);
    ring.close();
    ring.close();
    expect([ring.closed, other.closed]).toEqual([true, true]);
    for (const view of [ring, other]) {
      for (const data of [samples(4), samples(), new Int16Array(new SharedArrayBuffer(2))]) {
        expect(() => view.write(data)).toThrow(failure('CLOSED', 'write to an open one'));
      }
      expect([view.size, view.dropped, view.capacity, view.id]).toEqual([3, 0, 8, ring.id]);
    }
    expect(other.skip(1)).toBe(1);
    const target = new Int16Array(4);
    expect(other.peek(target)).toBe(2);
    expect(other.read(target)).toBe(2);
    expect([...target]).toEqual([2, 3, 0, 0]);
    expect([other.read(target), other.peek(target), other.skip(1)]).toEqual([0, 0, 0]);
    other.clear();
  });

  it('leaves the ring to be opened, for what is still in it', () => {
    const ring = new RingBuffer({ capacity: 8 });
    ring.write(samples(1, 2, 3));
    ring.close();
    expect(drain(RingBuffer.open(ring.id))).toEqual([1, 2, 3]);
  });
});

describe('opening a ring', () => {
  it.each([-1n, 2n ** 64n, 1, '1', null, undefined])('refuses what is no id: %o', (id) => {
    expect(() => RingBuffer.open(any(id))).toThrow(failure('INVALID_ARGUMENT', 'id is'));
  });

  it('fails with NOT_FOUND for an id of no ring', () => {
    for (const id of [0n, 2n ** 63n, 2n ** 64n - 1n]) {
      expect(() => RingBuffer.open(id)).toThrow(failure('NOT_FOUND', `no ring has the id ${id}`));
    }
  });

  it('fails with NOT_FOUND when no thread has it any more', async () => {
    const make = () => new RingBuffer({ capacity: 8 }).id;
    const id = make();
    // Looking opens it again, so what the last look opened has to be collected before the next one.
    const lookUntilGone = async () => {
      for (let looks = 0; looks < 100; looks++) {
        for (let i = 0; i < 10; i++) {
          globalThis.gc!();
          await turn();
        }
        RingBuffer.open(id);
      }
    };
    await expect(lookUntilGone()).rejects.toEqual(failure('NOT_FOUND'));
  }, 60_000);

  it('gives rings of their own ids', () => {
    const rings = Array.from({ length: 100 }, () => new RingBuffer({ capacity: 1 }));
    expect(new Set(rings.map((ring) => ring.id)).size).toBe(100);
    for (const [i, ring] of rings.entries()) RingBuffer.open(ring.id).write(samples(i));
    expect(rings.map((ring) => drain(ring)[0])).toEqual(rings.map((_, i) => i));
  });
});

/** A thread with a view of a ring, and what comes of what it is told. */
async function thread(workerData: { id?: bigint } = {}) {
  const worker = start('use-ring.mjs', workerData);
  const ask = async (what: string, more: object = {}) => {
    worker.postMessage({ do: what, ...more });
    return message(worker);
  };
  return { worker, ask };
}

describe('two threads', () => {
  it('share a ring: what one writes, the other reads', async () => {
    const ring = new RingBuffer({ capacity: 8 });
    const { worker, ask } = await thread({ id: ring.id });
    expect(await ask('write', { data: samples(1, 2, 3) })).toEqual({ result: 3 });
    expect(ring.size).toBe(3);
    expect(drain(ring)).toEqual([1, 2, 3]);
    expect(() => ring.write(samples(4))).toThrow(failure('LOCKED'));
    expect(await ask('read', { length: 1 })).toMatchObject({ code: 'LOCKED', ours: true });
    expect(await ask('close')).toEqual({});
    expect(ring.closed).toBe(true);
    expect(await ask('write', { data: samples(4) })).toMatchObject({ code: 'CLOSED', ours: true });
    await worker.terminate();
  }, 60_000);

  it('the one that made a ring may end, and the other one goes on with it', async () => {
    const { worker, ask } = await thread();
    const { result: id } = (await ask('make', { options: { capacity: 8 } })) as { result: bigint };
    const ring = RingBuffer.open(id);
    await ask('write', { data: samples(1, 2, 3) });
    worker.postMessage({ do: 'end' });
    await ended(worker);
    expect(drain(ring)).toEqual([1, 2, 3]);
    expect(ring.closed).toBe(false);
    expect(ring.write(samples(4))).toBe(1);
    expect(drain(ring)).toEqual([4]);
  }, 60_000);

  it.each(['terminated', 'ended', 'forgetful'])(
    'a producer that is %s leaves its side and what it wrote',
    async (how) => {
      const ring = new RingBuffer({ capacity: 8 });
      const { worker, ask } = await thread({ id: ring.id });
      await ask('write', { data: samples(1, 2, 3) });
      const write = () => ring.write(samples(4));
      expect(write).toThrow(failure('LOCKED'));
      if (how === 'terminated') await worker.terminate();
      if (how === 'ended') {
        worker.postMessage({ do: 'end' });
        await ended(worker);
      }
      const tryWrite = async () => {
        if (how === 'forgetful') await ask('forget');
        try {
          return write() === 1;
        } catch (error) {
          expect(error).toEqual(failure('LOCKED'));
          return false;
        }
      };
      for (let tries = 0; !(await tryWrite()); tries++) expect(tries).toBeLessThan(1000);
      expect(drain(ring)).toEqual([1, 2, 3, 4]);
      await worker.terminate();
    },
    60_000,
  );
});

describe('a thread that writes without end', () => {
  const COUNT = 2_000_000;
  /** What number `n` is, cut to 16 bits. */
  const cut = (n: number) => (n << 16) >> 16;

  function filled(ring: RingBuffer, more: object) {
    const cells = new Int32Array(new SharedArrayBuffer(4));
    const worker = start('fill-ring.mjs', { id: ring.id, cells, ...more });
    let over = false;
    const exit = ended(worker).finally(() => (over = true));
    exit.catch(() => {}); // its error is for the waiter
    return { worker, exit, isOver: () => over, started: () => Atomics.load(cells, 0) === 1 };
  }

  /** Reads in blocks of different sizes until the thread has ended and all was read. */
  async function readAll(ring: RingBuffer, isOver: () => boolean, take: (block: Int16Array) => void) {
    const target = new Int16Array(997);
    for (let round = 0; ; round++) {
      const last = isOver();
      const view = target.subarray(0, 1 + ((round * 31) % target.length));
      const block = view.subarray(0, ring.read(view));
      take(block);
      if (last && block.length === 0) return;
      if (round % 100 === 0 || block.length === 0) await new Promise(setImmediate);
    }
  }

  it('loses nothing and tears nothing: reject', async () => {
    const ring = new RingBuffer({ capacity: 4801 });
    const { exit, isOver } = filled(ring, { until: COUNT, offer: 'again' });
    let next = 0;
    await readAll(ring, isOver, (block) => {
      for (const sample of block) if (sample !== cut(next++)) throw new Error(`${sample} came instead of ${next - 1}`);
    });
    await exit;
    expect([next, ring.size]).toEqual([COUNT, 0]);
  }, 60_000);

  it('loses only what it counts, and each read is one piece of what is left: drop-oldest', async () => {
    const ring = new RingBuffer({ capacity: 4801, overflow: 'drop-oldest' });
    const { exit, isOver } = filled(ring, { until: 10 * COUNT, offer: 'once' });
    let read = 0;
    let droppedBefore = 0;
    await readAll(ring, isOver, (block) => {
      // Before this block are those that were read and those that were dropped until it was read. A write of up to 1,000
      // drops before it counts.
      const earliest = read + droppedBefore;
      droppedBefore = ring.dropped;
      if (block.length === 0) return;
      const first = earliest + ((block[0]! - earliest) & 0xffff);
      if (first > read + droppedBefore + 1000) {
        throw new Error(`${block[0]} can't be ${first}: ${read} were read, and ${droppedBefore} dropped`);
      }
      for (const [i, sample] of block.entries()) {
        if (sample !== cut(first + i)) throw new Error(`${sample} came instead of ${first + i}`);
      }
      read += block.length;
    });
    await exit;
    expect(read + ring.dropped + ring.size).toBe(10 * COUNT);
    expect(ring.size).toBe(0);
  }, 60_000);

  it.each(['reject', 'drop-oldest'] as const)(
    'and is terminated leaves whole samples, and a free side (%s)',
    async (overflow) => {
      for (let round = 0; round < 5; round++) {
        const ring = new RingBuffer({ capacity: 4801, overflow });
        const { worker, started } = filled(ring, { offer: overflow === 'reject' ? 'again' : 'once' });
        await until(started, 'the thread writes');
        expect(() => ring.write(samples(1))).toThrow(failure('LOCKED', 'producer'));
        await worker.terminate();

        const kept = drain(ring);
        expect(kept.length).toBeGreaterThan(0);
        const first = overflow === 'reject' ? 0 : kept[0]!;
        expect(kept).toEqual(Array.from(kept, (_, i) => cut(first + i)));
        expect(ring.write(samples(1, 2, 3))).toBe(3);
        expect(drain(ring)).toEqual([1, 2, 3]);
      }
    },
    60_000,
  );
});

/** Each in a process of its own. */
describe('1,000,000 writes', () => {
  it.each(['written and read', 'never read', 'full', 'shared memory', 'opened and forgotten'])(
    'leave memory flat: %s',
    async (what) => {
      const { status, signal, stderr, stdout } = await runNode('ring-memory.mjs', [what], { limitMs: 80_000 });
      expect([status, signal, stderr]).toEqual([0, null, '']);
      expect(stdout).toMatch(/^flat: /);
    },
    90_000,
  );
});
