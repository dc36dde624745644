import { AsyncResource } from 'node:async_hooks';
import { onAbort } from './abort.js';
import type { Waiting } from './doorbell.js';
import { NarrowcastError } from './errors.js';
import { afterTurn, delivered, mayDeliver } from './turn-budget.js';

// All copies of narrowcast share these: one copy's video stream reads from the queue of an engine that another copy made.

/** A poll found no value. */
export const NOTHING: unique symbol = Symbol.for('narrowcast.nothing');

/** A poll found no value, and no more will come. */
export const END: unique symbol = Symbol.for('narrowcast.end');

/** A poll found a value that its consumer does not want. The next poll may find another. */
export const REFUSED: unique symbol = Symbol.for('narrowcast.refused');

/** A poll was put off: the thread has delivered for as long as it may in this turn. */
const PAUSED = Symbol('paused');

/** Who a value is for. */
export interface Consumer<T> {
  /** Whether it wants this value; absent: it wants any. */
  readonly predicate?: ((value: T) => boolean) | undefined;
  /** Whether it has stopped waiting, and takes nothing any more. */
  gone: boolean;
}

/** What {@link Waiters} take values from. */
export interface Source<T> {
  /** Whether a pending read keeps the thread alive. */
  readonly keepsAlive?: boolean;
  /**
   * Takes the next value. If there is none, the source notifies from now on, provided that there is a consumer.
   *
   * @param many how many the caller will take, at most
   */
  poll(many: number, consumer?: Consumer<T>): T | typeof NOTHING | typeof END | typeof REFUSED;
  /** Whether there is a value to take, or the end to see. If not, the source notifies from now on. */
  readable(): boolean;
  /** From now on, `waiting.ready()` is to be called when the source notifies. */
  listen(waiting: Waiting): void;
  /** Nothing is to be called any more. A notification that comes now is lost: the next poll looks for itself. */
  unlisten(): void;
  /** The source has notified: the next poll looks for itself. */
  notified?(): void;
}

/** One place in the queue. */
interface Waiter<T> extends Consumer<T> {
  /** Of {@link Waiters.readable}: it wants to know of a value, and leaves it where it is. */
  readonly peeks: boolean;
  /** Of {@link Waiters.forEach}: it stays first in the queue until the end. */
  readonly each: Each<T> | undefined;
  readonly resolve: (value: T | typeof END) => void;
  readonly reject: (reason: unknown) => void;
}

/** What a `forEach` calls. */
interface Each<T> {
  readonly callback: (value: T) => unknown;
  /** Called when the callback has failed. */
  readonly failed: () => void;
  /** The asynchronous context of the caller. */
  readonly context: AsyncResource;
  /** Whether a promise that the callback returned is pending. */
  awaiting: boolean;
  /** Values to take at a time: one, for a callback that returns promises. */
  many: number;
}

/** Values that a `forEach` takes at a time, at most. */
const BATCH = 64;

/**
 * The pending reads of one source, served in the order in which they came.
 *
 * While a read is pending, the doorbell holds the source, or the turn that the read waits for does. A source without a
 * pending read can be collected. Deliveries keep to the thread's budget for a turn of the event loop.
 */
export class Waiters<T> implements Waiting {
  readonly #source: Source<T>;
  readonly #queue: Waiter<T>[] = [];
  /** The consumer of a read that finds no other ahead of it, and may not have to wait. */
  readonly #direct: Consumer<T> = { gone: false };
  /** Why all reads reject. */
  #failure: { readonly reason: unknown } | undefined;
  /** Whether a poll is going on, in which a filter or a frame processor may do anything. */
  #polling = false;
  #serving = false;
  /** Whether the queue was to be served during a poll. */
  #missed = false;
  #listening = false;
  /** The turn of the event loop in which a value was delivered last. */
  #lastTurn = -1;
  /** Whether the next turn goes on serving. */
  #paused = false;

  constructor(source: Source<T>) {
    this.#source = source;
  }

  /** Whether the thread stays alive for what is pending. */
  get keepsAlive(): boolean {
    return this.#source.keepsAlive ?? false;
  }

  /** Whether a read is pending. */
  get pending(): boolean {
    return this.#queue.length > 0;
  }

  /** What `map` makes of the next value, or of the end. */
  next<R>(map: (value: T | typeof END) => R): Promise<R> {
    if (this.#failure) return Promise.reject(this.#failure.reason);
    if (this.#queue.length > 0 || this.#polling) return this.wait(map);
    try {
      const value = this.#poll(1, this.#direct);
      if (value === REFUSED) return Promise.reject(this.#failure!.reason);
      if (value !== NOTHING && value !== PAUSED) return Promise.resolve(map(value));
      return new Promise((resolve, reject) => {
        // First, also if a filter has let others wait meanwhile.
        this.#queue.unshift(newWaiter((result) => resolve(map(result)), reject));
        if (value === PAUSED) this.#pause();
        else this.#listen();
      });
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.serveMissed();
    }
  }

  /** The same for the next value that `predicate` wants, unless `signal` aborts; what it does not want is lost. */
  wait<R>(map: (value: T | typeof END) => R, predicate?: (value: T) => boolean, signal?: AbortSignal): Promise<R> {
    return new Promise((resolve, reject) => {
      const waiter = newWaiter<T>((value) => resolve(map(value)), reject, predicate);
      this.#join(signal ? this.#abortable(waiter, signal) : waiter);
    });
  }

  /** Resolves when there is a value to take, or the end to see. The value stays for any reader to take. */
  readable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#join(newWaiter(() => resolve(), reject, undefined, undefined, true));
    });
  }

  /**
   * Calls `callback` with each value, and awaits what it returns if that is a promise. Resolves at the end.
   *
   * @param failed called when the callback throws or rejects, which this rejects with
   */
  forEach(callback: (value: T) => unknown, failed: () => void): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.reason);
    const context = new AsyncResource('narrowcast.forEach');
    return new Promise((resolve, reject) => {
      const each = { callback, failed, context, awaiting: false, many: BATCH };
      this.#join(newWaiter(() => resolve(), reject, undefined, each));
    });
  }

  /** The next value, if one is there, no read is pending, and the turn's budget is not spent. */
  take(): T | typeof NOTHING | typeof END {
    if (this.#queue.length > 0 || this.#polling) return NOTHING;
    try {
      const value = this.#poll(1, this.#direct);
      return value === PAUSED || value === REFUSED ? NOTHING : value;
    } finally {
      this.serveMissed();
    }
  }

  /**
   * The next value, also while reads are pending, and also after the turn's budget is spent: for reads without promises.
   * The caller calls {@link serveMissed} afterwards.
   *
   * @throws {NarrowcastError} `LOCKED` in a filter, decode function or frame processor of this source
   */
  read(many: number): T | typeof NOTHING | typeof END | typeof REFUSED {
    if (this.#polling) {
      throw new NarrowcastError(
        'LOCKED',
        'a filter, decode function or frame processor reads what it is called for: return from it first',
      );
    }
    this.#polling = true;
    try {
      return this.#source.poll(many);
    } finally {
      this.#polling = false;
    }
  }

  /** The source has notified. */
  ready(): void {
    this.#source.notified?.();
    this.serve();
  }

  /** The source has ended: what finds nothing now finds the end, in this turn, however long the thread has delivered. */
  ended(): void {
    this.#lastTurn = -1;
    this.ready();
  }

  /** Serves pending reads with what there is. */
  serve(): void {
    this.#missed = this.#polling;
    // A predicate or a callback may read, abort or close: the loop that called it goes on.
    if (this.#polling || this.#serving) return;
    this.#serving = true;
    try {
      for (let first = this.#queue[0]; first; first = this.#queue[0]) {
        if (!(first.each ? this.#serveEach(first, first.each) : this.#serveOne(first))) return;
      }
      this.#unlisten();
    } finally {
      this.#serving = false;
    }
  }

  /** Serves what came, or what ended, while {@link read} called a filter or a frame processor. */
  serveMissed(): void {
    if (this.#missed) this.serve();
  }

  /** Rejects all that is pending with `reason`, and from now on {@link next} and {@link forEach}. */
  fail(reason: unknown): void {
    this.#failure = { reason };
    this.#direct.gone = true;
    for (const waiter of this.#queue.splice(0)) {
      waiter.gone = true;
      waiter.reject(reason);
    }
    this.#unlisten();
  }

  /** Takes back what {@link fail} said of reads to come. */
  forgive(): void {
    this.#failure = undefined;
    this.#direct.gone = false;
  }

  /** Waits behind the others, which are looked after already. */
  #join(waiter: Waiter<T>): void {
    if (this.#queue.push(waiter) === 1) this.serve();
  }

  /** Polls until there is a value that the consumer wants; gives `REFUSED` if the consumer has gone meanwhile. */
  #poll(many: number, consumer: Consumer<T>): T | typeof NOTHING | typeof END | typeof REFUSED | typeof PAUSED {
    this.#polling = true;
    try {
      while (mayDeliver(this.#lastTurn)) {
        const value = this.#source.poll(many, consumer);
        if (value === NOTHING || value === END) return value;
        this.#lastTurn = delivered();
        if (value !== REFUSED || consumer.gone) return value;
      }
      return this.#source.readable() ? PAUSED : NOTHING;
    } finally {
      this.#polling = false;
    }
  }

  /** Returns whether the waiter has left the queue. */
  #serveOne(waiter: Waiter<T>): boolean {
    try {
      const value = waiter.peeks ? this.#peek() : this.#poll(1, waiter);
      if (waiter.gone || value === REFUSED) return true;
      if (value === NOTHING) return this.#listen();
      if (value === PAUSED) return this.#pause();
      this.#leave(waiter);
      waiter.resolve(value);
    } catch (error) {
      this.#leave(waiter);
      waiter.reject(error);
    }
    return true;
  }

  #peek(): typeof END | typeof NOTHING | typeof PAUSED {
    if (!this.#source.readable()) return NOTHING;
    return mayDeliver(this.#lastTurn) ? END : PAUSED;
  }

  /** As {@link #serveOne}. */
  #serveEach(waiter: Waiter<T>, each: Each<T>): boolean {
    if (each.awaiting) return false;
    try {
      return each.context.runInAsyncScope(() => this.#callEach(waiter, each));
    } catch (error) {
      this.#leave(waiter);
      waiter.reject(error);
      return true;
    }
  }

  #callEach(waiter: Waiter<T>, each: Each<T>): boolean {
    while (!waiter.gone) {
      const value = this.#poll(each.many, waiter);
      if (waiter.gone || value === REFUSED) break;
      if (value === NOTHING) return this.#listen();
      if (value === PAUSED) return this.#pause();
      if (value === END) {
        this.#leave(waiter);
        waiter.resolve(value);
        break;
      }
      try {
        const result = each.callback(value);
        if (isPromise(result)) return this.#awaitEach(waiter, each, result);
      } catch (error) {
        this.#failEach(waiter, each, error);
      }
    }
    return true;
  }

  /** Lets a `forEach` wait for its callback's promise. Returns false: it stays in the queue. */
  #awaitEach(waiter: Waiter<T>, each: Each<T>, promise: PromiseLike<unknown>): false {
    each.awaiting = true;
    each.many = 1;
    this.#unlisten();
    promise.then(
      () => {
        each.awaiting = false;
        this.serve();
      },
      (error: unknown) => {
        this.#failEach(waiter, each, error);
        this.serve();
      },
    );
    return false;
  }

  #failEach(waiter: Waiter<T>, each: Each<T>, error: unknown): void {
    this.#leave(waiter);
    waiter.reject(error);
    each.failed();
  }

  /** A waiter that leaves the queue when `signal` aborts. */
  #abortable(waiter: Waiter<T>, signal: AbortSignal): Waiter<T> {
    const unlisten = onAbort(signal, () => {
      this.#leave(listening);
      listening.reject(signal.reason);
      // If it was the last one, nothing may hold the source any more.
      this.serve();
    });
    const listening: Waiter<T> = {
      ...waiter,
      resolve: (value) => (unlisten(), waiter.resolve(value)),
      reject: (reason) => (unlisten(), waiter.reject(reason)),
    };
    return listening;
  }

  #leave(waiter: Waiter<T>): void {
    waiter.gone = true;
    const at = this.#queue.indexOf(waiter);
    if (at === 0) this.#queue.shift();
    else if (at > 0) this.#queue.splice(at, 1);
  }

  /** After a poll that found nothing. Returns false: the first waiter stays in the queue. */
  #listen(): false {
    if (!this.#listening) {
      this.#listening = true;
      this.#source.listen(this);
    }
    return false;
  }

  #unlisten(): void {
    this.#listening = false;
    this.#source.unlisten();
  }

  /** Goes on when timers and I/O have had a turn. Returns false: the first waiter stays in the queue. */
  #pause(): false {
    if (!this.#paused) {
      this.#paused = true;
      this.#unlisten();
      afterTurn(() => {
        this.#paused = false;
        this.serve();
      });
    }
    return false;
  }
}

function newWaiter<T>(
  resolve: Waiter<T>['resolve'],
  reject: Waiter<T>['reject'],
  predicate?: Waiter<T>['predicate'],
  each?: Each<T>,
  peeks = false,
): Waiter<T> {
  return { predicate, gone: false, peeks, each, resolve, reject };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
