import { AsyncResource } from 'node:async_hooks';
import { onAbort } from './abort.js';
import { startWaiting, stopWaiting } from './doorbell.js';
import { NarrowcastError } from './errors.js';
import { native, type Native } from './native.js';
import { integer, invalid, optionalSignal, optionsObject } from './validate.js';

/** Events that {@link Subscription.drain} copies in one native call. */
const BATCH = 64;

/**
 * Events that one subscription gives to promises in one turn of the event loop, or looks at for one of them. Then timers
 * and I/O have their turn, too: where events come faster than they are read, `for await` would never let them.
 */
const PER_TURN = 1024;

/** Of these, how many may come before a subscription begins to watch where the turn ends: most turns have fewer. */
const UNWATCHED = 256;

/**
 * What native code copies events into; each thread has its own, and reads from it before it does anything else. Nobody
 * else may have these arrays: native code keeps their addresses.
 */
let scratch = new Uint8Array(64 * 1024);
const meta = new BigUint64Array(3 * BATCH);
/** The same as words, low ones first as on every platform there is an addon for: arithmetic on BigInts takes longer. */
const words = new Uint32Array(meta.buffer);
/** Names the two to native code. */
export const scratchNumber: number = native.openScratch(scratch, meta);

/** What `subscriptionRead` returns for a subscription that has failed. Above it: ended. Below it: needs more bytes. */
const LAGGED = -2;

/** No event: `undefined` may be what `decode` returned. */
const NONE = Symbol('none');

/** Somebody who does not wait in line yet, and is the first in it. */
const FIRST = Symbol('first');

interface Raw {
  readonly kind: number;
  readonly handle: bigint;
  readonly payload: Uint8Array;
  /** Native code still holds what the event owns, until this one is kept or discarded. */
  readonly owns: boolean;
}

/** A copy of the event at a position of the scratch, where its bytes begin at `start`. */
function rawAt(at: number, start: number): Raw {
  return {
    kind: words[6 * at]!,
    handle: meta[3 * at + 1]!,
    payload: scratch.slice(start, start + words[6 * at + 4]!),
    owns: words[6 * at + 1]! !== 0,
  };
}

interface Waiter<E> {
  /** Of a `waitFor`; a `next` takes any event. */
  readonly predicate: ((event: E) => boolean) | undefined;
  readonly resolve: (result: IteratorResult<E, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

/** @internal */
export interface SubscriptionSetup<E> {
  /** The id of the queue that it belongs to. */
  queue: bigint;
  event: (kind: number, handle: bigint, payload: Uint8Array) => E;
  filter: ((event: E) => boolean) | undefined;
  signal: AbortSignal | undefined;
  describe: (types: Iterable<string> | undefined) => number[];
}

/** Makes a subscription. @internal */
export let newSubscription: <E>(native: Native.NativeSubscription, setup: SubscriptionSetup<E>) => Subscription<E>;

/** Removes the abort listeners of subscriptions that were forgotten. */
const forgotten = new FinalizationRegistry<() => void>((unlisten) => unlisten());

/**
 * What one subscriber of a {@link FfiQueue} has to read. Read it with `for await`, with {@link next}, or without any
 * promise with {@link tryNext} and {@link drain}.
 *
 * Events wait natively until they are read. A subscription that nobody waits for and nobody holds is collected, and
 * what it still had is released; one that is waited for never is.
 */
export class Subscription<E> implements AsyncIterableIterator<E, undefined>, AsyncDisposable {
  readonly #native: Native.NativeSubscription;
  /** Names it to native code. */
  readonly #token: number;
  readonly #setup: SubscriptionSetup<E>;
  /** Copied to JavaScript by a drain that is reading them. Only the last one can own anything. */
  #batch: Raw[] = [];
  #next = 0;
  readonly #waiters: Waiter<E>[] = [];
  #filterErrors = 0;
  #taking = false;
  /** Somebody came to wait while a filter ran: whoever reads serves them afterwards. */
  #unsettled = false;
  #left = false;
  /** Whether the doorbell knows it. */
  #waiting = false;
  /** Whether it has failed, and all was read. */
  #lagged = false;
  /** Whether it has ended and all was read, as far as the last look saw. */
  #ended = false;
  /** How often this looked for events for promises, since a turn of the event loop last began that was watched. */
  #looks = 0;
  #postponed = false;
  /** How often a call without promises has looked, and may look. */
  #looked = 0;
  #mayLook = Infinity;
  /** What `decode` threw in the middle of a {@link drain}: the next read throws it. */
  #failed: { error: unknown } | undefined;
  #unlisten: (() => void) | undefined;

  static {
    newSubscription = (native, setup) => new Subscription(native, setup);
  }

  // Private, and not just internal: without any constructor, the declarations would say that anybody can make one.
  private constructor(native: Native.NativeSubscription, setup: SubscriptionSetup<E>) {
    this.#native = native;
    this.#token = native.token;
    this.#setup = setup;
    if (setup.signal) this.#listen(setup.signal);
  }

  /** The next event that passes the filter, if one waits. @throws {NarrowcastError} `LAGGED`, after the last event */
  tryNext(): E | undefined {
    this.#lookFresh();
    try {
      const event = this.#take(1);
      return event === NONE ? undefined : event;
    } finally {
      if (this.#unsettled) this.#settle();
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
    this.#lookFresh();
    try {
      while (events.length < max) {
        const event = this.#take(max - events.length);
        if (event === NONE) break;
        events.push(event);
      }
    } catch (error) {
      if (events.length === 0) throw error;
      this.#failed = { error };
    } finally {
      if (this.#unsettled) this.#settle();
    }
    return events;
  }

  /**
   * The next event, as soon as there is one; `done` once the subscription has ended and all was read. Several pending
   * calls are served in order.
   */
  next(): Promise<IteratorResult<E, undefined>> {
    return this.#first() ?? this.#wait(undefined);
  }

  /**
   * The next event for which `predicate` holds. Discards the events before it. What `predicate` throws is what this
   * rejects with.
   *
   * @returns rejects with `CLOSED` if the subscription ends first, with the reason of an aborted `signal`
   */
  async waitFor(predicate: (event: E) => boolean, options: { signal?: AbortSignal } = {}): Promise<E> {
    if (typeof predicate !== 'function') throw invalid('predicate', predicate, 'a function');
    optionsObject('options', options);
    const { signal } = options;
    optionalSignal(signal);
    signal?.throwIfAborted();
    const result = await this.#wait(AsyncResource.bind(predicate), signal);
    if (result.done) {
      throw new NarrowcastError('CLOSED', 'the subscription ended before an event matched: subscribe again');
    }
    return result.value;
  }

  /** How many events wait. Those that the filter will refuse are among them. */
  get size(): number {
    return this.#batch.length - this.#next + this.#native.size;
  }

  /** How many events were lost because they were not read in time. */
  get dropped(): number {
    return this.#native.dropped;
  }

  /** How often the filter threw; those events were delivered. */
  get filterErrors(): number {
    return this.#filterErrors;
  }

  /** Whether no more events come. Some may wait to be read. */
  get closed(): boolean {
    return this.#native.closed;
  }

  /** Ends the subscription. What waits stays readable, then reading gives `done`; a pending `next()` does at once. */
  close(): void {
    this.#stopListening();
    this.#native.close();
    this.#settle();
  }

  /** Ends the subscription, and drops what waits: what `for await` does when it is left early. */
  async return(): Promise<IteratorResult<E, undefined>> {
    this.#left = true;
    this.#failed = undefined;
    this.#forgetBatch();
    this.#native.abandon();
    this.close();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  isOf(queue: bigint): boolean {
    return this.#setup.queue === queue;
  }

  /** Changes the native filter, from now on. @internal */
  setTypes(types: Iterable<string>): void {
    this.#native.setFilter(this.#setup.describe(types));
  }

  /** @internal */
  ready(): void {
    this.#waiting = false;
    this.#settle();
  }

  /** The shorter way of a `next()` that is the first in line. */
  #first(): Promise<IteratorResult<E, undefined>> | undefined {
    // A filter may abort the signal while it is called: that is for somebody who waits in line.
    if (this.#waiters.length > 0 || this.#taking || this.#setup.filter) return undefined;
    try {
      const value = this.#take(1, FIRST);
      if (value !== NONE) return Promise.resolve({ done: false, value });
      if (this.#ended) return Promise.resolve({ done: true, value: undefined });
      if (this.#looks >= PER_TURN || this.#waiters.length > 0) return undefined;
      return new Promise((resolve, reject) => {
        this.#waiters.push({ predicate: undefined, resolve, reject });
        this.#startWaiting();
      });
    } catch (error) {
      return Promise.reject(error);
    } finally {
      if (this.#unsettled) this.#settle();
    }
  }

  #wait(predicate: Waiter<E>['predicate'], signal?: AbortSignal): Promise<IteratorResult<E, undefined>> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<E> = { predicate, resolve, reject };
      if (signal) this.#abortable(waiter, signal);
      else this.#waiters.push(waiter);
      this.#settle();
    });
  }

  /** Takes a `waitFor` out of the line when its signal aborts. */
  #abortable(waiter: Waiter<E>, signal: AbortSignal): void {
    const unlisten = onAbort(signal, () => {
      this.#leave(listening);
      listening.reject(signal.reason);
      // If nobody else waits, nothing may hold the subscription any more.
      this.#settle();
    });
    const listening: Waiter<E> = {
      predicate: waiter.predicate,
      resolve: (result) => (unlisten(), waiter.resolve(result)),
      reject: (reason) => (unlisten(), waiter.reject(reason)),
    };
    this.#waiters.push(listening);
  }

  /** Serves who waits, in order, with what there is. */
  #settle(): void {
    // A predicate may read, abort or close: whoever is serving goes on serving.
    this.#unsettled = this.#taking;
    if (this.#taking) return;
    for (;;) {
      const waiter = this.#waiters[0];
      if (!waiter) return this.#stopWaiting();
      try {
        const value = this.#take(1, waiter);
        if (this.#waiters[0] !== waiter) continue;
        if (value !== NONE) {
          this.#leave(waiter);
          waiter.resolve({ done: false, value });
        } else if (this.#ended) {
          this.#leave(waiter);
          waiter.resolve({ done: true, value: undefined });
        } else if (this.#looks >= PER_TURN) {
          return this.#postpone();
        } else {
          return this.#startWaiting();
        }
      } catch (error) {
        this.#leave(waiter);
        waiter.reject(error);
      }
    }
  }

  /** After a look that found nothing, and has asked native code to ring. */
  #startWaiting(): void {
    this.#waiting = true;
    startWaiting(this.#token, this);
  }

  #stopWaiting(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    stopWaiting(this.#token);
  }

  /** Goes on in the next turn of the event loop. */
  #postpone(): void {
    if (this.#postponed) return;
    this.#postponed = true;
    setImmediate(() => {
      this.#postponed = false;
      this.#settle();
    });
  }

  #leave(waiter: Waiter<E>): void {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
  }

  /**
   * The next event that passes the filter and that `waiter`, if there is one, wants.
   *
   * @param many how many the caller will take, at most: nothing is copied that stays unread, for what waits natively is
   * what the capacity bounds and the counts count
   */
  #take(many: number, waiter?: Waiter<E> | typeof FIRST): E | typeof NONE {
    if (this.#taking) {
      throw new NarrowcastError('LOCKED', 'a filter or decode function reads the subscription that it serves');
    }
    if (this.#failed) {
      const { error } = this.#failed;
      this.#failed = undefined;
      throw error;
    }
    this.#taking = true;
    try {
      for (let raw = this.#look(many, waiter); raw; raw = this.#look(many, waiter)) {
        let taken = false;
        try {
          const event = this.#setup.event(raw.kind, raw.handle, raw.payload);
          const wanted = this.#passes(event) && (!waiter || waiter === FIRST || (waiter.predicate?.(event) ?? true));
          // The filter or the predicate may have aborted: nobody takes this event then, and others wait for the next.
          if (waiter && waiter !== FIRST && this.#waiters[0] !== waiter) return NONE;
          taken = wanted;
          if (taken) return event;
        } finally {
          // Also when something throws: what nobody takes is released.
          if (raw.owns) {
            if (taken) native.subscriptionKeep(this.#token);
            else native.subscriptionDiscard(this.#token);
          }
        }
      }
    } finally {
      this.#taking = false;
    }
    if (this.#lagged && !this.#left) {
      throw new NarrowcastError(
        'LAGGED',
        'the subscription was not read in time: more events waited than its maxCapacity. Subscribe again, and read ' +
          "faster, filter more, or choose overflow 'drop-oldest'",
      );
    }
    return NONE;
  }

  #passes(event: E): boolean {
    try {
      return this.#setup.filter?.(event) ?? true;
    } catch {
      this.#filterErrors++;
      return true;
    }
  }

  #lookFresh(): void {
    this.#looked = 0;
    this.#mayLook = Infinity;
  }

  /** The next event, unless it is somebody else's turn: another thread may put events faster than a filter refuses them. */
  #look(many: number, waiter: Waiter<E> | typeof FIRST | undefined): Raw | undefined {
    if (waiter) {
      if (this.#looks === UNWATCHED) setImmediate(() => (this.#looks = 0));
      return this.#looks++ < PER_TURN ? this.#read(many, true) : undefined;
    }
    if (this.#looked === PER_TURN) this.#mayLook = PER_TURN + this.size;
    return this.#looked++ < this.#mayLook ? this.#read(many, false) : undefined;
  }

  /** The next event. If there is none, that rings the doorbell from now on if `wait` says so. */
  #read(many: number, wait: boolean): Raw | undefined {
    if (this.#batch.length > 0) {
      const raw = this.#batch[this.#next++];
      if (this.#next === this.#batch.length) this.#forgetBatch();
      return raw;
    }
    let count = native.subscriptionRead(this.#token, many, wait);
    if (count < LAGGED) {
      // Stays this large: who sends one large event sends more.
      scratch = new Uint8Array(-count);
      native.replaceScratch(scratchNumber, scratch);
      count = native.subscriptionRead(this.#token, many, wait);
    }
    if (count <= 0) {
      this.#lagged = count === LAGGED;
      this.#ended = count < 0;
      return undefined;
    }
    if (count === 1) return rawAt(0, 0);
    for (let at = 0, start = 0; at < count; at++) {
      const raw = rawAt(at, start);
      this.#batch.push(raw);
      start += raw.payload.length;
    }
    this.#next = 1;
    return this.#batch[0];
  }

  #forgetBatch(): void {
    this.#batch = [];
    this.#next = 0;
  }

  #listen(signal: AbortSignal): void {
    // The signal may live much longer than a forgotten subscription, and must not keep it.
    const self = new WeakRef(this);
    const unlisten = onAbort(signal, () => {
      const subscription = self.deref();
      if (subscription) subscription.#abort(signal.reason);
    });
    forgotten.register(this, unlisten, this);
    this.#unlisten = unlisten;
  }

  #stopListening(): void {
    if (!this.#unlisten) return;
    this.#unlisten();
    this.#unlisten = undefined;
    forgotten.unregister(this);
  }

  #abort(reason: unknown): void {
    this.#stopListening();
    this.#native.close();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
    this.#stopWaiting();
  }
}
