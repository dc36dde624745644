import { AsyncResource } from 'node:async_hooks';
import { onAbortWeakly } from './abort.js';
import { closed, opened } from './diagnostics/alive.js';
import { describeSubscription } from './diagnostics/describe.js';
import { NarrowcastError } from './errors.js';
import { FilteredEvents, type EventsSetup } from './filtered-events.js';
import type { Native } from './native.js';
import { integer, invalid, optionalSignal, optionsObject } from './validate.js';
import { END, NOTHING, REFUSED, Waiters } from './waiters.js';

/** @internal */
export interface SubscriptionSetup<E> extends EventsSetup<E> {
  /** The id of the queue that it belongs to. */
  queue: bigint;
  signal: AbortSignal | undefined;
  describe: (types: Iterable<string> | undefined) => number[];
}

/**
 * Events that one call without a promise looks at before it counts what waits, and looks at no more than that: a filter
 * may refuse them, and another thread put them, as fast as this reads.
 */
const UNCOUNTED = 1024;

/** Makes a subscription. @internal */
export let newSubscription: <E>(native: Native.NativeSubscription, setup: SubscriptionSetup<E>) => Subscription<E>;

/**
 * What one subscriber of a {@link FfiQueue} has to read. Read it with `for await`, with {@link next}, or without any
 * promise with {@link tryNext} and {@link drain}.
 *
 * Events wait natively until they are read. A subscription without a pending read that no variable holds is collected, and
 * what it still had is released; one that is waited for never is.
 */
export class Subscription<E> implements AsyncIterableIterator<E, undefined>, AsyncDisposable {
  readonly #native: Native.NativeSubscription;
  readonly #setup: SubscriptionSetup<E>;
  readonly #events: FilteredEvents<E>;
  readonly #waiters: Waiters<E>;
  #unlisten: (() => void) | undefined;

  static {
    newSubscription = (native, setup) => new Subscription(native, setup);
  }

  // Private, and not just internal: without any constructor, the declarations would say that programs can make one.
  private constructor(native: Native.NativeSubscription, setup: SubscriptionSetup<E>) {
    this.#native = native;
    this.#setup = setup;
    this.#events = new FilteredEvents(native, setup);
    this.#waiters = new Waiters(this.#events);
    const { signal } = setup;
    if (signal) this.#unlisten = onAbortWeakly<Subscription<E>>(signal, this, Subscription.#abort);
    opened('subscriptions', this, describeSubscription);
  }

  /** The next event that passes the filter, if one waits. @throws {NarrowcastError} `LAGGED`, after the last event */
  tryNext(): E | undefined {
    try {
      const event = this.#waiters.read(1);
      if (event !== REFUSED) return event === NOTHING || event === END ? undefined : event;
      for (let left = this.size; left > 0; left--) {
        const event = this.#waiters.read(1);
        if (event === NOTHING || event === END) break;
        if (event !== REFUSED) return event;
      }
      return undefined;
    } finally {
      this.#waiters.serveMissed();
    }
  }

  /**
   * All events that wait and pass the filter, at most `max`. What another thread adds meanwhile may be left for later.
   *
   * @throws {NarrowcastError} `LAGGED`, if there is no event; `INVALID_ARGUMENT`
   */
  drain(max: number = Number.MAX_SAFE_INTEGER): E[] {
    integer('max', max, 0, Number.MAX_SAFE_INTEGER);
    const events: E[] = [];
    try {
      for (let looked = 0, most = Infinity; events.length < max && looked < most; looked++) {
        if (looked === UNCOUNTED) most = UNCOUNTED + this.size;
        const event = this.#waiters.read(max - events.length);
        if (event === NOTHING || event === END) break;
        if (event !== REFUSED) events.push(event);
      }
    } catch (error) {
      if (events.length === 0) throw error;
      this.#events.failLater(error);
    } finally {
      this.#waiters.serveMissed();
    }
    return events;
  }

  /**
   * The next event, as soon as there is one; `done` once the subscription has ended and all was read. Several pending
   * calls are served in order.
   *
   * @returns rejects with `LAGGED` after the last event; once the subscription's signal has aborted, with its reason: what
   *   waits then can still be read with {@link tryNext} and {@link drain}
   */
  next(): Promise<IteratorResult<E, undefined>> {
    return this.#waiters.next(iteratorResult<E>);
  }

  /**
   * The next event for which `predicate` holds. Discards the events before it. What `predicate` throws is what this
   * rejects with.
   *
   * @returns rejects with `CLOSED` if the subscription ends first, with the reason of an aborted `signal`
   */
  async waitFor(predicate: (event: E) => boolean, options: { signal?: AbortSignal } = {}): Promise<E> {
    if (typeof predicate !== 'function') throw invalid('predicate', predicate, 'a function');
    optionsObject('options', options, { signal: true });
    const { signal } = options;
    optionalSignal(signal);
    signal?.throwIfAborted();
    const event = await this.#waiters.wait((event) => event, AsyncResource.bind(predicate), signal);
    if (event === END) {
      throw new NarrowcastError('CLOSED', 'the subscription ended before an event matched: subscribe again');
    }
    return event;
  }

  /**
   * Calls `callback` with each event, as a listener is called: what `for await` does, at a fraction of its cost, since
   * there is no promise for each event. Where the callback returns a promise, the next event waits for that. Others who
   * wait for events have their turn when the subscription has ended.
   *
   * @returns resolves once the subscription has ended and all was read; rejects with what the callback throws or rejects
   * with, which ends the subscription and drops what waits, as leaving `for await` does; with `LAGGED`; with the reason of
   * an aborted `signal`
   */
  async forEach(callback: (event: E) => unknown): Promise<void> {
    if (typeof callback !== 'function') throw invalid('callback', callback, 'a function');
    await this.#waiters.forEach(callback, () => void this.return());
  }

  /** How many events wait. Those that the filter will refuse are among them. */
  get size(): number {
    return this.#events.size;
  }

  /** How many events were lost because they were not read in time. */
  get dropped(): number {
    return this.#native.dropped;
  }

  /** How often the filter threw; those events were delivered. */
  get filterErrors(): number {
    return this.#events.filterErrors;
  }

  /** Whether no more events come. Some may wait to be read. */
  get closed(): boolean {
    return this.#native.closed;
  }

  /** Ends the subscription. What waits stays readable, then reading gives `done`; a pending `next()` does at once. */
  close(): void {
    closed(this);
    this.#stopListening();
    this.#native.close();
    // At once: the ring that tells of the end comes in a later turn, and keeps no process alive.
    this.#waiters.ended();
  }

  /** Ends the subscription, and drops what waits: what `for await` does when it is left early. */
  async return(): Promise<IteratorResult<E, undefined>> {
    this.#events.leave();
    this.#waiters.forgive();
    this.#native.abandon();
    this.close();
    return { done: true, value: undefined };
  }

  /** As {@link return}: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** For `for await`; several loops share what comes. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  isOf(queue: bigint): boolean {
    return this.#setup.queue === queue;
  }

  /** What it reads, for a reader of another kind. @internal */
  get events(): FilteredEvents<E> {
    return this.#events;
  }

  /** Lets a native object work on this subscription. @internal */
  attach<T>(make: (subscription: Native.NativeSubscription) => T): T {
    return make(this.#native);
  }

  /** Changes the native filter, from now on. @internal */
  setTypes(types: Iterable<string>): void {
    this.#native.setFilter(this.#setup.describe(types));
  }

  #stopListening(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  static #abort<E>(this: void, self: Subscription<E>, reason: unknown): void {
    closed(self);
    self.#stopListening();
    self.#native.close();
    self.#waiters.fail(reason);
  }
}

function iteratorResult<E>(event: E | typeof END): IteratorResult<E, undefined> {
  return event === END ? { done: true, value: undefined } : { done: false, value: event };
}
