import { startWaiting, stopWaiting, type Waiting } from './doorbell.js';
import { NarrowcastError } from './errors.js';
import { EventReader, LAGGED } from './event-reader.js';
import type { Native } from './native.js';
import { END, NOTHING, REFUSED, type Consumer, type Source } from './waiters.js';

/** How a subscription's events are read. */
export interface EventsSetup<E> {
  /** Makes of what was copied what readers get. */
  readonly event: (kind: number, handle: bigint, payload: Uint8Array) => E;
  readonly filter: ((event: E) => boolean) | undefined;
}

/** A native subscription's events, decoded and filtered. What an event owns is released unless its consumer takes it. */
export class FilteredEvents<E> implements Source<E> {
  /** How often the filter threw; those events were delivered. */
  filterErrors = 0;
  readonly #reader: EventReader;
  readonly #setup: EventsSetup<E>;
  #left = false;
  /** What the next poll throws. */
  #failed: { readonly error: unknown } | undefined;

  constructor(native: Native.NativeSubscription, setup: EventsSetup<E>) {
    this.#reader = new EventReader(native);
    this.#setup = setup;
  }

  /** How many events wait. Those that the filter will refuse are among them. */
  get size(): number {
    return this.#reader.size;
  }

  /**
   * The next event, if it passes the filter and the consumer's predicate.
   *
   * @throws {NarrowcastError} `LAGGED`, after the last event; and what `decode` throws
   */
  poll(many: number, consumer?: Consumer<E>): E | typeof NOTHING | typeof END | typeof REFUSED {
    if (this.#failed) {
      const { error } = this.#failed;
      this.#failed = undefined;
      throw error;
    }
    const raw = this.#reader.read(many, consumer !== undefined);
    if (raw === NOTHING || raw === END) return raw;
    if (raw === LAGGED) return this.#lagged();
    let taken = false;
    try {
      const event = this.#setup.event(raw.kind, raw.handle, raw.payload);
      const wanted = this.#passes(event) && (consumer?.predicate?.(event) ?? true);
      // The filter or the predicate may have aborted the read that this is for.
      taken = wanted && !consumer?.gone;
      return taken ? event : REFUSED;
    } finally {
      // Also when something throws: what no consumer takes is released.
      if (raw.owns) this.#reader.settle(taken);
    }
  }

  /** Whether there is an event to read, whatever the filter says of it, or the end to see. */
  readable(): boolean {
    return this.#failed !== undefined || this.#reader.readable();
  }

  listen(waiting: Waiting): void {
    startWaiting(this.#reader.token, waiting);
  }

  unlisten(): void {
    this.#reader.notified();
    stopWaiting(this.#reader.token);
  }

  notified(): void {
    this.#reader.notified();
  }

  /** Lets the next poll throw `error`. */
  failLater(error: unknown): void {
    this.#failed = { error };
  }

  /** Gives up what was copied, and never fails again. */
  leave(): void {
    this.#left = true;
    this.#failed = undefined;
    this.#reader.forget();
  }

  #passes(event: E): boolean {
    try {
      return this.#setup.filter?.(event) ?? true;
    } catch {
      this.filterErrors++;
      return true;
    }
  }

  #lagged(): typeof END {
    if (this.#left) return END;
    throw new NarrowcastError(
      'LAGGED',
      'the subscription was not read in time: more events waited than its maxCapacity. Subscribe again, and read ' +
        "faster, filter more, or choose overflow 'drop-oldest'",
    );
  }
}
