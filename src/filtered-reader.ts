import { NarrowcastError } from './errors.js';
import { EventReader, type RawEvent } from './event-reader.js';
import type { Native } from './native.js';

/**
 * Events that one subscription gives to promises and callbacks in one turn of the event loop, or looks at for one of
 * them. Then timers and I/O have their turn, too: where events come faster than they are read, `for await` would never
 * let them.
 */
const PER_TURN = 1024;

/** Of these, how many may come before a subscription begins to watch where the turn ends: most turns have fewer. */
const UNWATCHED = 256;

/** No event: `undefined` may be what `decode` returned. */
export const NONE = Symbol('none');

/** Somebody who waits for events. */
export interface Taker<E> {
  /** Of a `waitFor`; others take any event. */
  readonly predicate?: (event: E) => boolean;
  /** Whether it does not wait any more. */
  gone: boolean;
}

/** How a subscription's events are read. */
export interface ReaderSetup<E> {
  /** Makes of what was copied what readers get. */
  readonly event: (kind: number, handle: bigint, payload: Uint8Array) => E;
  readonly filter: ((event: E) => boolean) | undefined;
}

/** Reads a subscription's events: decodes and filters them, and releases what those own that nobody takes. */
export class FilteredReader<E> {
  /** How often the filter threw; those events were delivered. */
  filterErrors = 0;
  /** Whether a filter, predicate or decode function is running. */
  taking = false;
  readonly #reader: EventReader;
  readonly #setup: ReaderSetup<E>;
  #left = false;
  /** How often this looked for events for takers, since a turn of the event loop last began that was watched. */
  #looks = 0;
  /** How often a call without a taker has looked, and may look. */
  #looked = 0;
  #mayLook = Infinity;
  /** What the next read throws. */
  #failed: { error: unknown } | undefined;

  constructor(native: Native.NativeSubscription, setup: ReaderSetup<E>) {
    this.#reader = new EventReader(native);
    this.#setup = setup;
  }

  /** Names the subscription to native code. */
  get token(): number {
    return this.#reader.token;
  }

  /** How many events wait. Those that the filter will refuse are among them. */
  get size(): number {
    return this.#reader.size;
  }

  /** Whether the subscription has ended and all was read, as far as the last read saw. */
  get ended(): boolean {
    return this.#reader.ended;
  }

  /** Whether takers have to let others have their turn. */
  get exhausted(): boolean {
    return this.#looks >= PER_TURN;
  }

  /** Whether there is a filter, which may do anything while it is called. */
  get filters(): boolean {
    return this.#setup.filter !== undefined;
  }

  /** The doorbell rang, or nobody hears it any more: the next read looks. */
  rang(): void {
    this.#reader.rang();
  }

  /** Before a call that reads without a taker. */
  begin(): void {
    this.#looked = 0;
    this.#mayLook = Infinity;
  }

  /** Gives up what was copied, and never fails again: the reader has left. */
  leave(): void {
    this.#left = true;
    this.#failed = undefined;
    this.#reader.forget();
  }

  /** Lets the next read throw `error`. */
  failLater(error: unknown): void {
    this.#failed = { error };
  }

  /**
   * The next event that passes the filter and that `taker`, if there is one, wants. If there is none, that rings the
   * doorbell from now on for a taker.
   *
   * @param many how many the caller will take, at most
   * @throws {NarrowcastError} `LAGGED`, after the last event; `LOCKED`; and what `decode` throws
   */
  take(many: number, taker?: Taker<E>): E | typeof NONE {
    if (this.taking) {
      throw new NarrowcastError('LOCKED', 'a filter or decode function reads the subscription that it serves');
    }
    if (this.#failed) {
      const { error } = this.#failed;
      this.#failed = undefined;
      throw error;
    }
    this.taking = true;
    try {
      for (let raw = this.#look(many, taker); raw; raw = this.#look(many, taker)) {
        let taken = false;
        try {
          const event = this.#setup.event(raw.kind, raw.handle, raw.payload);
          const wanted = this.#passes(event) && (taker?.predicate?.(event) ?? true);
          // The filter or the predicate may have aborted: nobody takes this event then, and others wait for the next.
          if (taker?.gone) return NONE;
          taken = wanted;
          if (taken) return event;
        } finally {
          // Also when something throws: what nobody takes is released.
          if (raw.owns) this.#reader.settle(taken);
        }
      }
    } finally {
      this.taking = false;
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
      this.filterErrors++;
      return true;
    }
  }

  /** The next event, unless it is somebody else's turn: another thread may put events faster than a filter refuses them. */
  #look(many: number, taker: Taker<E> | undefined): RawEvent | undefined {
    if (taker) {
      if (this.#looks === UNWATCHED) setImmediate(() => (this.#looks = 0));
      return this.#looks++ < PER_TURN ? this.#reader.read(many, true) : undefined;
    }
    if (this.#looked === PER_TURN) this.#mayLook = PER_TURN + this.size;
    return this.#looked++ < this.#mayLook ? this.#reader.read(many, false) : undefined;
  }
}
