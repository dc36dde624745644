import { AsyncResource } from 'node:async_hooks';
import { onAbort } from './abort.js';
import { startWaiting, stopWaiting } from './doorbell.js';
import { NarrowcastError } from './errors.js';
import { BATCH, EventReader, type RawEvent } from './event-reader.js';
import type { Native } from './native.js';
import { integer, invalid, optionalSignal, optionsObject } from './validate.js';

/**
 * Events that one subscription gives to promises in one turn of the event loop, or looks at for one of them. Then timers
 * and I/O have their turn, too: where events come faster than they are read, `for await` would never let them.
 */
const PER_TURN = 1024;

/** Of these, how many may come before a subscription begins to watch where the turn ends: most turns have fewer. */
const UNWATCHED = 256;

/** No event: `undefined` may be what `decode` returned. */
const NONE = Symbol('none');

/** Somebody who does not wait in line yet, and is the first in it. */
const FIRST = Symbol('first');

interface Waiter<E> {
  /** Of a `waitFor`; a `next` takes any event. */
  readonly predicate?: (event: E) => boolean;
  /** Of a `forEach`, which stays first in line until the end. */
  readonly each?: Each<E>;
  readonly resolve: (result: IteratorResult<E, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

/** What a `forEach` calls. */
interface Each<E> {
  readonly callback: (event: E) => unknown;
  /** The asynchronous context of whoever called it. */
  readonly context: AsyncResource;
  /** Whether a promise that the callback returned is pending. */
  paused: boolean;
  /** Events to copy at a time: one, for a callback that returns promises. */
  many: number;
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
  readonly #reader: EventReader;
  readonly #setup: SubscriptionSetup<E>;
  readonly #waiters: Waiter<E>[] = [];
  #filterErrors = 0;
  #taking = false;
  /** Whether a callback of `forEach` is running, or about to. */
  #calling = false;
  /** Somebody came to wait while a filter ran: whoever reads serves them afterwards. */
  #unsettled = false;
  #left = false;
  /** Whether the doorbell knows it. */
  #waiting = false;
  /** Whether the doorbell is to know it on after it has rung: for a `forEach` that waits. @internal */
  stays = false;
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
    this.#reader = new EventReader(native);
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
    const each: Each<E> = { callback, context: new AsyncResource('Subscription.forEach'), paused: false, many: BATCH };
    await new Promise((resolve, reject) => {
      this.#waiters.push({ each, resolve, reject });
      this.#settle();
    });
  }

  /** How many events wait. Those that the filter will refuse are among them. */
  get size(): number {
    return this.#reader.size;
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
    this.#reader.forget();
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
    this.#reader.rang();
    this.#waiting = this.stays;
    this.#settle();
  }

  /** The shorter way of a `next()` that is the first in line. */
  #first(): Promise<IteratorResult<E, undefined>> | undefined {
    // A filter may abort the signal while it is called: that is for somebody who waits in line.
    if (this.#waiters.length > 0 || this.#taking || this.#setup.filter) return undefined;
    try {
      const value = this.#take(1, FIRST);
      if (value !== NONE) return Promise.resolve({ done: false, value });
      if (this.#reader.ended) return Promise.resolve({ done: true, value: undefined });
      if (this.#looks >= PER_TURN || this.#waiters.length > 0) return undefined;
      return new Promise((resolve, reject) => {
        this.#waiters.push({ resolve, reject });
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
      const waiter: Waiter<E> = { ...(predicate && { predicate }), resolve, reject };
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
      ...waiter,
      resolve: (result) => (unlisten(), waiter.resolve(result)),
      reject: (reason) => (unlisten(), waiter.reject(reason)),
    };
    this.#waiters.push(listening);
  }

  /** Serves who waits, in order, with what there is. */
  #settle(): void {
    // A predicate or callback may read, abort or close: whoever is serving goes on serving.
    this.#unsettled = this.#taking;
    if (this.#taking || this.#calling) return;
    for (;;) {
      const waiter = this.#waiters[0];
      if (!waiter) return this.#stopWaiting();
      if (waiter.each) {
        if (this.#callEach(waiter, waiter.each)) continue;
        return;
      }
      try {
        const value = this.#take(1, waiter);
        if (this.#waiters[0] !== waiter) continue;
        if (value !== NONE) {
          this.#leave(waiter);
          waiter.resolve({ done: false, value });
        } else if (this.#reader.ended) {
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

  /** Gives a `forEach` what there is. Returns whether it has left the line. */
  #callEach(waiter: Waiter<E>, each: Each<E>): boolean {
    if (each.paused) return false;
    this.#calling = true;
    try {
      return each.context.runInAsyncScope(() => this.#callWhileThereAre(waiter, each));
    } catch (error) {
      this.#leave(waiter);
      waiter.reject(error);
      return true;
    } finally {
      this.#calling = false;
    }
  }

  #callWhileThereAre(waiter: Waiter<E>, each: Each<E>): boolean {
    while (this.#waiters[0] === waiter) {
      const event = this.#take(each.many, waiter);
      if (this.#waiters[0] !== waiter) break;
      if (event === NONE && this.#reader.ended) {
        this.#leave(waiter);
        waiter.resolve({ done: true, value: undefined });
        break;
      }
      if (event === NONE) {
        if (this.#looks >= PER_TURN) this.#postpone();
        else this.#startWaiting(true);
        return false;
      }
      try {
        const result = each.callback(event);
        if (isPromise(result)) return this.#pause(waiter, each, result);
      } catch (error) {
        this.#fail(waiter, error);
      }
    }
    return true;
  }

  /** Lets a `forEach` wait for its callback's promise. Returns false: it stays in the line. */
  #pause(waiter: Waiter<E>, each: Each<E>, until: PromiseLike<unknown>): false {
    each.paused = true;
    each.many = 1;
    this.#stopWaiting();
    until.then(
      () => {
        each.paused = false;
        this.#settle();
      },
      (error: unknown) => {
        this.#fail(waiter, error);
        this.#settle();
      },
    );
    return false;
  }

  /** A `forEach` whose callback failed leaves, and ends the subscription. */
  #fail(waiter: Waiter<E>, error: unknown): void {
    this.#leave(waiter);
    waiter.reject(error);
    void this.return();
  }

  /** After a look that found nothing, and has asked native code to ring. */
  #startWaiting(stays = false): void {
    this.stays = stays;
    if (this.#waiting) return;
    this.#waiting = true;
    startWaiting(this.#reader.token, this);
  }

  /** From now on nobody hears whether it rings. */
  #stopWaiting(): void {
    this.#reader.rang();
    if (!this.#waiting) return;
    this.#waiting = false;
    stopWaiting(this.#reader.token);
  }

  /** Goes on in the next turn of the event loop. */
  #postpone(): void {
    this.#stopWaiting();
    if (this.#postponed) return;
    this.#postponed = true;
    setImmediate(() => {
      this.#postponed = false;
      this.#settle();
    });
  }

  #leave(waiter: Waiter<E>): void {
    const at = this.#waiters.indexOf(waiter);
    if (at === 0) this.#waiters.shift();
    else if (at > 0) this.#waiters.splice(at, 1);
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
          if (raw.owns) this.#reader.settle(taken);
        }
      }
    } finally {
      this.#taking = false;
    }
    if (this.#reader.lagged && !this.#left) {
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
  #look(many: number, waiter: Waiter<E> | typeof FIRST | undefined): RawEvent | undefined {
    if (waiter) {
      if (this.#looks === UNWATCHED) setImmediate(() => (this.#looks = 0));
      return this.#looks++ < PER_TURN ? this.#reader.read(many, true) : undefined;
    }
    if (this.#looked === PER_TURN) this.#mayLook = PER_TURN + this.size;
    return this.#looked++ < this.#mayLook ? this.#reader.read(many, false) : undefined;
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

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
