import { AsyncResource } from 'node:async_hooks';
import { immediateDoorbell, lookSoon, pacedDoorbell } from './doorbell.js';
import { fromNative, NarrowcastError } from './errors.js';
import { native, type Native } from './native.js';
import { scratchNumber } from './event-reader.js';
import { newSubscription, Subscription } from './subscription.js';
import {
  boolean,
  handle as checkHandle,
  integer,
  invalid,
  iterable,
  optionalFunction,
  optionalSignal,
  type OptionNames,
  optionsObject,
  readable,
} from './validate.js';

/** One event, as it was put. */
export interface FfiEvent<Type extends string = string> {
  /** Its type: one of the queue's. */
  readonly type: Type;
  /** What it is about: a stream, a room, a request. `0n` if nothing was said. */
  readonly handle: bigint;
  /** Its bytes, in a buffer of their own, which is yours. */
  readonly payload: Uint8Array;
}

/** What happens to an event for which a subscription has no room. */
export type OverflowPolicy = 'error' | 'grow' | 'drop-oldest' | 'drop-newest';

/** How soon a thread is woken that waits for events. */
export type WakePolicy = 'paced' | 'immediate';

/** Options of {@link FfiQueue}. */
export interface FfiQueueOptions<Type extends string, E> {
  /** The types of its events, up to 128: a list, or the number (0 to 127) of each. */
  types: readonly Type[] | Readonly<Record<Type, number>>;
  /**
   * Makes of an event what subscribers get. Runs when the event is read, on the reader's thread. What it throws is
   * thrown to the reader, once; the event is gone then, and what comes after it can be read.
   */
  decode?: (event: FfiEvent<Type>) => E;
}

/** Options of {@link FfiQueue.subscribe}. Without any, a subscription gets every event. */
export interface SubscribeOptions<Type extends string, E> {
  /** Types to hear of. Matched natively: an event of another type costs JavaScript nothing. Default: all. */
  types?: Iterable<Type>;
  /** Handles to hear of. Matched natively, too. Default: all. */
  handles?: Iterable<bigint>;
  /** Looks at what passed the native filter, when it is read. Throws it, the event is delivered, and counted in
   * {@link Subscription.filterErrors}. */
  filter?: (event: E) => boolean;
  /**
   * With `'drop-oldest'` and `'drop-newest'`: how many events may wait to be read; at most 1,048,576. Default: 1024. With
   * `'error'`, `maxCapacity` is the bound, and is raised to this if it is not given; with `'grow'`, this means nothing.
   */
  capacity?: number;
  /**
   * What happens when more come.
   *
   * - `'error'` (default): nothing is lost up to `maxCapacity`; one event more ends this subscription, and reading it
   *   throws `LAGGED` after what it still had.
   * - `'grow'`: nothing is ever lost, and memory has no bound.
   * - `'drop-oldest'`, `'drop-newest'`: one event is dropped for each that comes, and counted in
   *   {@link Subscription.dropped}.
   */
  overflow?: OverflowPolicy;
  /** With `'error'`: how many events may wait before the subscription fails; at most 1,048,576, and at least `capacity`.
   * Default: 65,536, or `capacity` if that is more. */
  maxCapacity?: number;
  /**
   * How soon this thread is woken for an event that a pending read waits for.
   *
   * - `'paced'` (default): at once, unless such a wake came within the last ms; then when that is over. A burst of events
   *   costs the thread one or two wakes, and a wake costs as much as reading dozens of events.
   * - `'immediate'`: at once. For where each event leads to the next one, such as answers to questions.
   */
  wake?: WakePolicy;
  /**
   * Whether this subscription takes over what the events own that it reads: native handles, where native code has put the event.
   * Its reader releases them, or they stay for ever. Without, it only sees them: they belong to another subscription with `own`,
   * or are released when every subscription has read the event. Default: false.
   */
  own?: boolean;
  /** Ends the subscription when aborted: what is pending, and each later `next()`, rejects with its reason. What waits then
   * can still be read with `tryNext()` and `drain()`. */
  signal?: AbortSignal;
}

/** What {@link FfiQueue.stats} counts, over all threads. */
export interface FfiQueueStats {
  /** Events put. */
  published: number;
  /** Copies read by subscribers: an event that two of them read counts twice. */
  delivered: number;
  /** Events that no subscription wanted: dropped natively, at once. */
  unwanted: number;
  /** Copies lost to overflow, or unread when their subscription went away. */
  dropped: number;
  /** Copies that wait to be read. */
  queued: number;
  /** Times that a JavaScript thread was woken for events of this queue; frames of streams are not among them. */
  wakes: number;
  /** Subscriptions that have not ended. */
  subscribers: number;
}

const QUEUE_OPTIONS: OptionNames<FfiQueueOptions<string, unknown>> = { types: true, decode: true };
const SUBSCRIBE_OPTIONS: OptionNames<SubscribeOptions<string, unknown>> = {
  types: true,
  handles: true,
  filter: true,
  capacity: true,
  overflow: true,
  maxCapacity: true,
  wake: true,
  own: true,
  signal: true,
};

/** Most events that a subscription's capacity can name. */
const MAX_CAPACITY = 1_048_576;

/**
 * A filtered broadcast of native events. Each event goes to the subscriptions that asked for its type *and* its handle,
 * and to no other; which these are is found natively, on the thread that puts, before anything is allocated or
 * scheduled in JavaScript.
 *
 * Any number of threads share a queue: post its {@link id}, and {@link FfiQueue.open} it there.
 *
 * @example
 * ```ts
 * const queue = new FfiQueue({ types: ['audio', 'stats'] });
 * const mine = queue.subscribe({ types: ['audio'], handles: [7n] });
 * queue.put('audio', new Uint8Array([1, 2, 3]), 7n); // → 1 subscription
 * queue.put('audio', new Uint8Array([4, 5, 6]), 8n); // → 0: no subscription wants it
 * for await (const event of mine) console.log(event.payload);
 * ```
 */
export class FfiQueue<Type extends string = string, E = FfiEvent<Type>> {
  readonly #native: Native.NativeQueue;
  readonly #kinds: ReadonlyMap<Type, number>;
  readonly #names: readonly Type[];
  readonly #decode: ((event: FfiEvent<Type>) => E) | undefined;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: FfiQueueOptions<Type, E>);
  /** @internal */
  constructor(options: FfiQueueOptions<Type, E>, adopt: (types: string[]) => Native.NativeQueue);
  constructor(options: FfiQueueOptions<Type, E>, adopt?: (types: string[]) => Native.NativeQueue) {
    optionsObject<FfiQueueOptions<Type, E>>('options', options, QUEUE_OPTIONS);
    const names = typeNames(options.types);
    optionalFunction('decode', options.decode);
    this.#names = names;
    // A number without a type has the empty name, which `put` and `subscribe` must not know.
    this.#kinds = new Map(names.map((name, kind) => [name, kind] as const).filter(([name]) => name !== ''));
    this.#decode = options.decode;
    this.#native = fromNative(() => (adopt ? adopt([...names]) : new native.NativeQueue([...names])));
  }

  /**
   * The queue with this id, seen from this thread.
   *
   * @param options the same types, in the same order, as in the thread that made it; `decode` is this thread's own
   * @throws {NarrowcastError} `NOT_FOUND` if no thread holds such a queue any more, `INVALID_ARGUMENT`
   */
  static open<Type extends string, E = FfiEvent<Type>>(
    id: bigint,
    options: FfiQueueOptions<Type, E>,
  ): FfiQueue<Type, E> {
    checkHandle('id', id);
    return new FfiQueue(options, (types) => native.NativeQueue.open(id, types));
  }

  /** Names the queue in this process; a BigInt can be posted to another thread. */
  get id(): bigint {
    return this.#native.id;
  }

  /**
   * Sends an event, from whichever thread this is.
   *
   * @param payload copied during the call, if a subscription wants it
   * @param handle what the event is about: what `handles` of a subscription match; default `0n`
   * @returns how many subscriptions have it to read: not those that had no room for it
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `CLOSED`
   */
  put(type: Type, payload: Uint8Array, handle: bigint = 0n): number {
    const kind = this.#kind(type);
    checkHandle('handle', handle);
    const bytes = readable('payload', payload, Uint8Array);
    const receivers = fromNative(() => this.#native.put(kind, bytes, handle));
    if (receivers > 0) lookSoon();
    return receivers;
  }

  /**
   * Adds a subscription, read by this thread. It gets what is put from now on, in order.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `CLOSED`. An aborted `signal`: its reason.
   */
  subscribe(options: SubscribeOptions<Type, E> = {}): Subscription<E> {
    optionsObject<SubscribeOptions<Type, E>>('options', options, SUBSCRIBE_OPTIONS);
    const { filter, signal, overflow = 'error', wake = 'paced', own = false } = options;
    optionalFunction('filter', filter);
    optionalSignal(signal);
    if (!['error', 'grow', 'drop-oldest', 'drop-newest'].includes(overflow)) {
      throw invalid('overflow', overflow, "'error', 'grow', 'drop-oldest' or 'drop-newest'");
    }
    if (!['paced', 'immediate'].includes(wake)) throw invalid('wake', wake, "'paced' or 'immediate'");
    boolean('own', own);
    const capacity = integer('capacity', options.capacity ?? 1024, 1, MAX_CAPACITY);
    const max = integer('maxCapacity', options.maxCapacity ?? Math.max(65_536, capacity), capacity, MAX_CAPACITY);
    const kinds = this.#kindsOf(options.types);
    const handles = handlesOf(options.handles);
    if (this.#native.closed) {
      throw new NarrowcastError('CLOSED', 'the queue is closed: subscribe to an open one');
    }
    signal?.throwIfAborted();
    const subscription = fromNative(() =>
      this.#native.subscribe({
        doorbell: wake === 'immediate' ? immediateDoorbell : pacedDoorbell,
        scratch: scratchNumber,
        kinds,
        ...(handles && { handles }),
        overflow,
        capacity: overflow === 'error' ? max : capacity,
        own,
      }),
    );
    return newSubscription<E>(subscription, {
      queue: this.id,
      event: (kind, handle, payload) => {
        const event = { type: this.#names[kind]!, handle, payload };
        return this.#decode ? this.#decode(event) : (event as E);
      },
      // It may run in a wake, in the context of the code that loaded this module first.
      filter: filter && AsyncResource.bind(filter),
      signal,
      describe: (types) => this.#kindsOf(types as Iterable<Type> | undefined),
    });
  }

  /** Ends a subscription of this queue; what waits stays readable. Another queue's, or ended: nothing happens. */
  unsubscribe(subscription: Subscription<E>): void {
    if (subscription instanceof Subscription && subscription.isOf(this.id)) subscription.close();
  }

  /** What happened so far. At rest, copies that matched are `delivered`, `dropped` or `queued`. */
  stats(): FfiQueueStats {
    return this.#native.stats();
  }

  /** Closes the queue for all threads: `put` throws, and every subscription ends after what it still has. */
  close(): void {
    this.#native.close();
    lookSoon();
  }

  #kind(type: unknown): number {
    const kind = this.#kinds.get(type as Type);
    if (kind === undefined)
      throw invalid('type', type, `one of the queue's types: ${[...this.#kinds.keys()].join(', ')}`);
    return kind;
  }

  #kindsOf(types: Iterable<Type> | undefined): number[] {
    if (types === undefined) return [...this.#kinds.values()];
    iterable('types', types, 'a list of types');
    return Array.from(types, (type) => this.#kind(type));
  }
}

function handlesOf(handles: Iterable<bigint> | undefined): bigint[] | undefined {
  if (handles === undefined) return undefined;
  iterable('handles', handles, 'a list of BigInts');
  return Array.from(handles, (value) => checkHandle('a handle', value));
}

/** The type of each kind, by its number; '' where a number has none. */
function typeNames<Type extends string>(types: FfiQueueOptions<Type, unknown>['types']): readonly Type[] {
  if (typeof types !== 'object' || types === null) throw invalid('types', types, 'a list of up to 128 names');
  const entries: [Type, number][] = Array.isArray(types)
    ? Array.from(types as Type[], (name, kind) => [name, kind])
    : (Object.entries(types) as [Type, number][]);
  if (entries.length === 0 || entries.length > 128) {
    throw invalid('types', types, `1 to 128 types, not ${entries.length}`);
  }
  const names = new Array<Type>(Math.max(...entries.map(([, kind]) => integer('a type', kind, 0, 127))) + 1);
  names.fill('' as Type);
  for (const [name, kind] of entries) {
    if (typeof name !== 'string' || name === '') throw invalid('a type', name, 'a name');
    if (names.includes(name)) throw invalid('types', name, 'each name once');
    if (names[kind] !== '') throw invalid(`the number of ${name}`, kind, 'a number for each type');
    names[kind] = name;
  }
  return names;
}
