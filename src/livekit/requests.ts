import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { fromNative, NarrowcastError } from '../errors.js';
import { native } from '../native.js';
import type { Bindings } from './bindings.js';
import { NativeInbox } from './dispatch.js';

/** The async ids of this thread's requests. None is given out twice. */
export interface RequestIds {
  /** The thread's number in the engine's queues. */
  readonly group: number;
  /** The id of a request that narrowcast's own classes make. */
  nextOwn(): bigint;
  /** The id of a request that comes through rtc-node's client. */
  nextOfClient(): bigint;
}

/** Kept where all copies of narrowcast find them, and from one `install()` to the next: late answers may still come. */
const REQUEST_IDS = Symbol.for('narrowcast.livekit.requestIds');
const shared = globalThis as { [REQUEST_IDS]?: RequestIds };

/** This thread's ids; the engine must be attached. */
export function requestIds(): RequestIds {
  return (shared[REQUEST_IDS] ??= numberThread());
}

function numberThread(): RequestIds {
  let { group, client, classes } = fromNative(() => native.engineThreadIds());
  return { group, nextOwn: () => ++classes, nextOfClient: () => ++client };
}

/** An answer that the engine gave while another thread had its events. */
export function answerLost(): NarrowcastError {
  return new NarrowcastError(
    'ANSWER_LOST',
    "another thread of this process loaded rtc-node without narrowcast and took the engine's events, perhaps with this " +
      'answer. The engine may have done what it was asked for: ask again if twice does no harm',
  );
}

interface Pending {
  /** When the request was made, on the clock of `performance.now()`. */
  readonly since: number;
  readonly resolve: (answer: FfiEvent | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An answer that says nothing but its async id has this many bytes: a tag and a length around a tag and a number that
 * takes 9 bytes in all that {@link Answers.newId} hands out.
 */
const BARE_BYTES = 12;

/**
 * The engine's answers to what narrowcast's own classes ask in this thread, by their async ids. They come here natively:
 * no other thread wakes for them, and no listener sees them.
 */
export class Answers {
  readonly #ffi: Bindings['ffi'];
  readonly #ids: RequestIds;
  readonly #pending = new Map<bigint, Pending>();
  readonly #inbox: NativeInbox;

  constructor({ ffi }: Bindings, ids: RequestIds) {
    this.#ffi = ffi;
    this.#ids = ids;
    const queue = fromNative(() => native.engineAnswersQueue());
    this.#inbox = new NativeInbox(queue, { kinds: [0], group: ids.group, own: true }, this);
  }

  /** The async id of a request about to be made. */
  newId(): bigint {
    return this.#ids.nextOwn();
  }

  /**
   * The answer to the request with this async id. To be called in the same turn of the event loop as the request is made.
   *
   * @returns undefined where the answer says nothing more than that there is one; rejects with `CLOSED` or `ANSWER_LOST` if
   * none will come
   */
  to(id: bigint): Promise<FfiEvent | undefined> {
    return new Promise((resolve, reject) => this.#pending.set(id, { since: performance.now(), resolve, reject }));
  }

  /** @internal For `Engine.inspect`. */
  ages(now: number): number[] {
    return Array.from(this.#pending.values(), ({ since }) => Math.round(now - since));
  }

  /** No caller waits for this answer any more. */
  forget(id: bigint): void {
    this.#pending.delete(id);
  }

  /** Rejects what was asked before `time`, on the clock of `performance.now()`, and was not answered. */
  rejectBefore(time: number): void {
    for (const [id, { since, reject }] of this.#pending) {
      if (since >= time) continue;
      this.#pending.delete(id);
      reject(answerLost());
    }
  }

  /** No answers will come any more. */
  close(): void {
    this.#inbox.abandon();
    for (const { reject } of this.#pending.values()) {
      const message =
        'narrowcast was uninstalled before the engine had answered: call install(), and ask again if twice does no harm';
      reject(new NarrowcastError('CLOSED', message));
    }
    this.#pending.clear();
  }

  /** @internal For the dispatch loop. */
  notified(): void {
    this.#inbox.notified();
  }

  /** @internal */
  hasNext(): boolean {
    return this.#inbox.hasNext();
  }

  /** @internal */
  nextIsAnswer(): boolean {
    return true;
  }

  /** @internal */
  handOutNext(): void {
    const raw = this.#inbox.take();
    if (!raw) return;
    const pending = this.#pending.get(raw.handle);
    this.#pending.delete(raw.handle);
    let taken = false;
    try {
      if (!pending) return;
      const answer = raw.payload.length === BARE_BYTES ? undefined : this.#ffi.FfiEvent.fromBinary(raw.payload);
      taken = true;
      pending.resolve(answer);
    } catch (error) {
      pending!.reject(error);
    } finally {
      // What the answer owns is released, unless its caller has it now.
      this.#inbox.settle(raw, taken);
    }
  }
}
