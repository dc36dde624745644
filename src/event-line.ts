import { AsyncResource } from 'node:async_hooks';
import { onAbort } from './abort.js';
import { startWaiting, stopWaiting } from './doorbell.js';
import { BATCH } from './event-reader.js';
import { NONE, type FilteredReader, type Taker } from './filtered-reader.js';

/** Somebody in the line. */
interface Waiter<E> extends Taker<E> {
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

/** Who is first in the line without having to stand in it. */
const FIRST: Taker<unknown> = { gone: false };

/** Those who wait for a subscription's events, and get them in the order in which they came. */
export class EventLine<E> {
  /** Whether the doorbell is to know it on after it has rung: for a `forEach` that waits. */
  stays = false;
  readonly #reader: FilteredReader<E>;
  /** Ends the subscription, and drops what waits. */
  readonly #abandon: () => void;
  readonly #waiters: Waiter<E>[] = [];
  /** Whether a callback of `forEach` is running, or about to. */
  #calling = false;
  /** Somebody came to wait while a filter ran: whoever reads serves them afterwards. */
  #unsettled = false;
  /** Whether the doorbell knows it. */
  #waiting = false;
  #postponed = false;

  constructor(reader: FilteredReader<E>, abandon: () => void) {
    this.#reader = reader;
    this.#abandon = abandon;
  }

  /** The next event, by the shorter way for who is the first in line. */
  next(): Promise<IteratorResult<E, undefined>> {
    // A filter may abort the signal while it is called: that is for somebody who waits in line.
    if (this.#waiters.length > 0 || this.#reader.taking || this.#reader.filters) return this.wait();
    try {
      const value = this.#reader.take(1, FIRST);
      if (value !== NONE) return Promise.resolve({ done: false, value });
      if (this.#reader.ended) return Promise.resolve({ done: true, value: undefined });
      if (this.#reader.exhausted) return this.wait();
      return new Promise((resolve, reject) => {
        this.#waiters.push({ gone: false, resolve, reject });
        this.#startWaiting();
      });
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.serve();
    }
  }

  /** The next event for which `predicate` holds. */
  wait(predicate?: (event: E) => boolean, signal?: AbortSignal): Promise<IteratorResult<E, undefined>> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<E> = { ...(predicate && { predicate }), gone: false, resolve, reject };
      this.#waiters.push(signal ? this.#abortable(waiter, signal) : waiter);
      this.settle();
    });
  }

  /** Calls `callback` with each event; resolves at the end. */
  forEach(callback: (event: E) => unknown): Promise<unknown> {
    const each: Each<E> = { callback, context: new AsyncResource('Subscription.forEach'), paused: false, many: BATCH };
    return new Promise((resolve, reject) => {
      this.#waiters.push({ each, gone: false, resolve, reject });
      this.settle();
    });
  }

  /** Nobody gets anything any more. */
  reject(reason: unknown): void {
    for (const waiter of this.#waiters.splice(0)) {
      waiter.gone = true;
      waiter.reject(reason);
    }
    this.#stopWaiting();
  }

  /** The doorbell rang. */
  ready(): void {
    this.#reader.rang();
    this.#waiting = this.stays;
    this.settle();
  }

  /** After somebody has read: serves who came while a filter ran. */
  serve(): void {
    if (this.#unsettled) this.settle();
  }

  /** Serves who waits, in order, with what there is. */
  settle(): void {
    // A predicate or callback may read, abort or close: whoever is serving goes on serving.
    this.#unsettled = this.#reader.taking;
    if (this.#reader.taking || this.#calling) return;
    for (;;) {
      const waiter = this.#waiters[0];
      if (!waiter) return this.#stopWaiting();
      if (!(waiter.each ? this.#callEach(waiter, waiter.each) : this.#serveOne(waiter))) return;
    }
  }

  /** Returns whether it has left the line. */
  #serveOne(waiter: Waiter<E>): boolean {
    try {
      const value = this.#reader.take(1, waiter);
      if (waiter.gone) return true;
      if (value === NONE && !this.#reader.ended) {
        this.#rest();
        return false;
      }
      this.#leave(waiter);
      waiter.resolve(value === NONE ? { done: true, value: undefined } : { done: false, value });
    } catch (error) {
      this.#leave(waiter);
      waiter.reject(error);
    }
    return true;
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
    while (!waiter.gone) {
      const event = this.#reader.take(each.many, waiter);
      if (waiter.gone) break;
      if (event === NONE && this.#reader.ended) {
        this.#leave(waiter);
        waiter.resolve({ done: true, value: undefined });
        break;
      }
      if (event === NONE) {
        this.#rest(true);
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
        this.settle();
      },
      (error: unknown) => {
        this.#fail(waiter, error);
        this.settle();
      },
    );
    return false;
  }

  /** A `forEach` whose callback failed leaves, and ends the subscription. */
  #fail(waiter: Waiter<E>, error: unknown): void {
    this.#leave(waiter);
    waiter.reject(error);
    this.#abandon();
  }

  /** A waiter that leaves the line when a signal aborts. */
  #abortable(waiter: Waiter<E>, signal: AbortSignal): Waiter<E> {
    const unlisten = onAbort(signal, () => {
      this.#leave(listening);
      listening.reject(signal.reason);
      // If nobody else waits, nothing may hold the subscription any more.
      this.settle();
    });
    const listening: Waiter<E> = {
      ...waiter,
      resolve: (result) => (unlisten(), waiter.resolve(result)),
      reject: (reason) => (unlisten(), waiter.reject(reason)),
    };
    return listening;
  }

  #leave(waiter: Waiter<E>): void {
    waiter.gone = true;
    const at = this.#waiters.indexOf(waiter);
    if (at === 0) this.#waiters.shift();
    else if (at > 0) this.#waiters.splice(at, 1);
  }

  /** Nothing is there for who is first in line: goes on when it rings, or when others have had their turn. */
  #rest(stays = false): void {
    if (this.#reader.exhausted) this.#postpone();
    else this.#startWaiting(stays);
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
      this.settle();
    });
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
