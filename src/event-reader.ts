import { native, type Native } from './native.js';
import { END, NOTHING } from './waiters.js';

const { EVENTS_ARMED: ARMED, EVENTS_LAGGED: FAILED, EVENT_META: META } = native;

/** Events that one native call copies, at most. */
const BATCH = 64;

/** A read found that the subscription has ended because it fell too far behind. */
export const LAGGED = Symbol('lagged');

const SCRATCH_BYTES = 64 * 1024;

/** A scratch that grew for a large event stays this large: a sender of one large event sends more. */
const KEPT_BYTES = 1024 * 1024;

/**
 * What native code copies events into; each thread has its own, and reads from it before it does anything else. No
 * other code may have these arrays: native code keeps their addresses.
 */
let scratch = new Uint8Array(SCRATCH_BYTES);
const meta = new BigUint64Array(META * BATCH);
/** The same as words, low ones first as on every platform there is an addon for: arithmetic on BigInts takes longer. */
const words = new Uint32Array(meta.buffer);
/** Names the two to native code. */
export const scratchNumber: number = native.openScratch(scratch, meta);

/** An event, copied to JavaScript. */
export interface RawEvent {
  readonly kind: number;
  readonly handle: bigint;
  readonly payload: Uint8Array;
  /** Native code still holds what the event owns, until it is kept or discarded. */
  readonly owns: boolean;
}

/** Copies a native subscription's events to JavaScript. */
export class EventReader {
  /** Names the subscription to native code. */
  readonly token: number;
  readonly #native: Native.NativeSubscription;
  /** Copied to JavaScript, and not read yet. Only the last one can own anything. */
  #batch: RawEvent[] = [];
  #next = 0;
  /** Nothing was there after the last copy, and what comes now rings: no need to look. */
  #armed = false;

  constructor(subscription: Native.NativeSubscription) {
    this.#native = subscription;
    this.token = subscription.token;
  }

  /**
   * The next event. If there is none, the next one rings the doorbell from now on if `wait` says so, and the reader has to
   * be told ({@link notified}) when it did.
   *
   * @param many how many the caller will take, at most: nothing is copied that stays unread, for what waits natively is
   * what the capacity bounds and the counts count
   */
  read(many: number, wait: boolean): RawEvent | typeof NOTHING | typeof END | typeof LAGGED {
    if (this.#batch.length > 0) {
      const event = this.#batch[this.#next++]!;
      if (this.#next === this.#batch.length) this.forget();
      return event;
    }
    if (this.#armed && wait) return NOTHING;
    let count = native.subscriptionRead(this.token, many, wait);
    if (count < FAILED) {
      resizeScratch(-count);
      count = native.subscriptionRead(this.token, many, wait);
    }
    if (count <= 0) {
      this.#armed = count === 0 && wait;
      return count === 0 ? NOTHING : count === FAILED ? LAGGED : END;
    }
    this.#armed = count > ARMED;
    count %= ARMED;
    const first = copyAt(0, 0);
    if (count > 1) {
      this.#batch.push(first);
      for (let at = 1, start = first.payload.length; at < count; at++) {
        const event = copyAt(at, start);
        this.#batch.push(event);
        start += event.payload.length;
      }
      this.#next = 1;
    }
    if (scratch.length > KEPT_BYTES) resizeScratch(SCRATCH_BYTES);
    return first;
  }

  /** Whether there is an event to read, or the end to see. If not, that rings the doorbell from now on. */
  readable(): boolean {
    if (this.#batch.length > 0) return true;
    this.#armed ||= !native.subscriptionReadable(this.token);
    return !this.#armed;
  }

  /** The doorbell rang, or a ring would not be heard any more: the next read looks. */
  notified(): void {
    this.#armed = false;
  }

  /** JavaScript takes, or does not take, what the last event owns. */
  settle(taken: boolean): void {
    if (taken) native.subscriptionKeep(this.token);
    else native.subscriptionDiscard(this.token);
  }

  /** Events that wait, natively and in the batch that was copied. */
  get size(): number {
    return this.#batch.length - this.#next + this.#native.size;
  }

  /** Gives up what was copied. */
  forget(): void {
    this.#batch = [];
    this.#next = 0;
  }
}

/** What is in it is lost. */
function resizeScratch(bytes: number): void {
  scratch = new Uint8Array(bytes);
  native.replaceScratch(scratchNumber, scratch);
}

/** A copy of the event at a position of the scratch, where its bytes begin at `start`. */
function copyAt(at: number, start: number): RawEvent {
  return {
    kind: words[2 * META * at]!,
    handle: meta[META * at + 1]!,
    payload: scratch.slice(start, start + words[2 * META * at + 4]!),
    owns: words[2 * META * at + 1]! !== 0,
  };
}
