import { fromNative, NarrowcastError } from './errors.js';
import { native, type Native } from './native.js';
import { samplesOfBytes } from './pcm-argument.js';
import { MAX_SAMPLES } from './pcm-format.js';
import { handle, integer, invalid, optionsObject, readable, refuseLost, writable } from './validate.js';

/** Options of {@link RingBuffer}. */
export interface RingBufferOptions {
  /** Samples that fit, over all channels: 48,000 are half a second of stereo at 48 kHz. At most 268,435,456. Its address
   * space, 2 bytes a sample, is reserved at once; memory is taken as the ring fills. */
  capacity: number;
  /**
   * What happens to samples that don't fit.
   *
   * - `'reject'` (default): as many are stored as fit; the rest is the writer's, and counts as dropped.
   * - `'drop-oldest'`: all are stored, and the oldest in the ring make room, and count as dropped.
   */
  overflow?: 'reject' | 'drop-oldest';
}

const ASK = native.NativeRingCall;
const REFUSAL = native.NativeRingRefusal;

/**
 * 16-bit samples from one thread to another (or the same), in a fixed range of memory. No call waits, nothing is
 * allocated, and what overflows is counted.
 *
 * Any thread can {@link RingBuffer.open} a ring by its {@link id}; each `RingBuffer` is one view of it. A ring has **one
 * producer and one consumer**: the first view that calls {@link write} is the producer, the first one that calls
 * {@link read}, {@link peek}, {@link skip} or {@link clear} is the consumer, and one view may be both. Another view that
 * tries gets `LOCKED`, also in the same thread. A side is free again when its view is closed or collected, or when its
 * thread has ended, however it did; what is in the ring stays there for the next consumer.
 *
 * Samples are just samples: with several channels, capacity, writes, reads and skips in multiples of their number keep the
 * channels in their places.
 *
 * @example
 * ```ts
 * const ring = new RingBuffer({ capacity: 16_000 });
 * worker.postMessage(ring.id); // there: RingBuffer.open(id).write(samples)
 * const frame = new Int16Array(160);
 * if (ring.size >= frame.length) ring.read(frame);
 * ```
 */
export class RingBuffer {
  readonly #native: Native.NativeRingBuffer;
  /** One function for all that is called often: a method of a native class costs several times as much. */
  readonly #ring: (ask: Native.NativeRingCall, value?: unknown) => number;
  readonly #capacity: number;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT`, also if there is no memory for it */
  constructor(options: RingBufferOptions);
  /** @internal */
  constructor(options: undefined, opened: Native.NativeRingBuffer);
  constructor(options: RingBufferOptions | undefined, opened?: Native.NativeRingBuffer) {
    this.#native = opened ?? make(options);
    this.#ring = fromNative(() => this.#native.function());
    this.#capacity = this.#native.capacity;
  }

  /**
   * The ring with this id, seen from this thread. It is gone once no thread has a view of it any more; a closed one can be
   * opened, for what is still in it.
   *
   * @throws {NarrowcastError} `NOT_FOUND`, `INVALID_ARGUMENT`
   */
  static open(id: bigint): RingBuffer {
    handle('id', id);
    return new RingBuffer(
      undefined,
      fromNative(() => native.NativeRingBuffer.open(id)),
    );
  }

  /** Names the ring in this process; a BigInt can be posted to another thread. */
  get id(): bigint {
    return this.#native.id;
  }

  /** Samples that fit. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Samples that wait to be read: the consumer finds at least so many unless they get dropped, the producer at most. */
  get size(): number {
    return this.#ring(ASK.Size);
  }

  /** Samples that were lost to overflow so far: written and not stored, or dropped to make room. */
  get dropped(): number {
    return this.#ring(ASK.Dropped);
  }

  /** Whether some view has closed the ring. A {@link read} after this was true that gives 0 says that all was read. */
  get closed(): boolean {
    return this.#ring(ASK.Closed) === 1;
  }

  /**
   * Producer: appends samples, which are copied.
   *
   * @param data samples, or their bytes, little-endian, an even number: two threads share the ring, so no byte can wait for
   *   its rest
   * @returns how many are stored: with `'reject'` the first ones, as many as fit; with `'drop-oldest'` all, or of more than
   *   the capacity the last ones
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `CLOSED`; `LOCKED` if another view is the producer
   */
  write(data: Int16Array | Uint8Array): number {
    const stored = isOurs(data) ? this.#ring(ASK.Write, data) : REFUSAL.Type;
    return stored > 0 ? stored : this.#writeOther(stored, data);
  }

  /** What native code took nothing of. */
  #writeOther(stored: number, data: Int16Array | Uint8Array): number {
    let samples = data;
    if (data instanceof Uint8Array) {
      if (data.length % 2 !== 0) throw invalid('data.length', data.length, 'an even number of bytes');
      samples = samplesOfBytes(readable('data', data, Uint8Array));
    } else if (isOurs(data)) {
      return this.#none(stored, 'producer', 'data', data);
    }
    // Memory that other threads may change meanwhile is not for native code.
    stored = this.#ring(ASK.Write, readable('data', samples, Int16Array));
    return stored > 0 ? stored : this.#none(stored, 'producer', 'data', data);
  }

  /**
   * Consumer: moves the oldest samples to the front of `target`, as many as there are and fit; the rest of it stays as it
   * is.
   *
   * @returns how many; 0 if none are there
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `LOCKED` if another view is the consumer
   */
  read(target: Int16Array): number {
    return this.#copy(ASK.Read, target);
  }

  /**
   * Consumer: as {@link read}, and leaves the samples in the ring. With `'drop-oldest'` the producer may drop them before
   * they are read.
   *
   * @throws {NarrowcastError} as `read`
   */
  peek(target: Int16Array): number {
    return this.#copy(ASK.Peek, target);
  }

  /**
   * Consumer: throws away the oldest `n` samples, or all if there are fewer. They don't count as dropped.
   *
   * @returns how many
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `LOCKED` if another view is the consumer
   */
  skip(n: number): number {
    integer('n', n, 0, Number.MAX_SAFE_INTEGER);
    return this.#done(this.#ring(ASK.Skip, Math.min(n, this.#capacity)), 'consumer');
  }

  /**
   * Consumer: throws away all samples that are there. They don't count as dropped.
   *
   * @throws {NarrowcastError} `LOCKED` if another view is the consumer
   */
  clear(): void {
    this.#done(this.#ring(ASK.Clear), 'consumer');
  }

  /** Ends the ring, for all its views: nothing more is written, what is in it stays readable. Twice: nothing. */
  close(): void {
    this.#native.close();
  }

  #copy(ask: Native.NativeRingCall, target: Int16Array): number {
    if (isOurs(target)) {
      const samples = this.#ring(ask, target);
      return samples > 0 ? samples : this.#none(samples, 'consumer', 'target', target);
    }
    writable('target', target);
    const copy = new Int16Array(Math.min(target.length, this.#capacity));
    const samples = this.#done(this.#ring(ask, copy), 'consumer');
    target.set(copy.subarray(0, samples));
    return samples;
  }

  /** What native code returned for an array that it used nothing of. */
  #none(result: number, side: string, what: string, array: Int16Array | Uint8Array): number {
    if (result === REFUSAL.Type) throw invalid(what, array, 'an Int16Array');
    refuseLost(what, array);
    return this.#done(result, side);
  }

  /** A number of samples, unless it was refused. */
  #done(result: number, side: string): number {
    if (result === REFUSAL.Closed) {
      throw new NarrowcastError('CLOSED', 'the ring is closed: write to an open one');
    }
    if (result === REFUSAL.Locked) {
      throw new NarrowcastError(
        'LOCKED',
        `another RingBuffer is the ${side} of this ring, until it is collected or its thread ends: use that one`,
      );
    }
    return result;
  }
}

/** Whether native code may use an array's memory during a call, if it is an array: no other thread has it. */
function isOurs(array: Int16Array | Uint8Array): boolean {
  return ArrayBuffer.isView(array) && array.buffer instanceof ArrayBuffer;
}

function make(options: RingBufferOptions | undefined): Native.NativeRingBuffer {
  optionsObject<RingBufferOptions>('options', options, { capacity: true, overflow: true });
  const { capacity, overflow = 'reject' } = options as RingBufferOptions;
  integer('capacity', capacity, 1, MAX_SAMPLES);
  if (overflow !== 'reject' && overflow !== 'drop-oldest') {
    throw invalid('overflow', overflow, "'reject' or 'drop-oldest'");
  }
  return fromNative(() => new native.NativeRingBuffer(capacity, overflow === 'drop-oldest'));
}
