import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { FfiQueue, type FfiEvent as QueueEvent } from '../ffi-queue.js';
import { NarrowcastError } from '../errors.js';
import { native } from '../native.js';
import type { Subscription } from '../subscription.js';
import type { Asker } from './asker.js';
import type { Bindings } from './bindings.js';

interface Pending {
  readonly resolve: (answer: FfiEvent | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/** Types of the native queue of answers: numbers of threads, which native code hands out. */
const THREADS = Array.from({ length: 128 }, (_, thread) => String(thread));

/**
 * An answer that says nothing but its async id has this many bytes: a tag and a length around a tag and a number that
 * takes 9 bytes in all that {@link Answers.newId} hands out.
 */
const BARE_BYTES = 12;

/**
 * The engine's answers to what narrowcast's own classes ask in this thread, by their async ids. They come here natively,
 * and to nobody else: no other thread wakes for them, and no listener sees them.
 */
export class Answers {
  readonly #ffi: Bindings['ffi'];
  readonly #subscription: Subscription<QueueEvent>;
  readonly #pending = new Map<bigint, Pending>();
  readonly #asker: Asker;

  constructor({ ffi }: Bindings, asker: Asker) {
    this.#ffi = ffi;
    this.#asker = asker;
    const queue = new FfiQueue({ types: THREADS }, () => native.engineAnswersQueue());
    // An answer that is lost is an await that never ends: it grows as it must, by name.
    this.#subscription = queue.subscribe({ types: [asker.answersType], overflow: 'grow' });
    void this.#subscription.forEach((event) => this.#answered(event));
  }

  /** The async id of a request about to be made. */
  newId(): bigint {
    return this.#asker.nextOwnId();
  }

  /**
   * The answer to the request with this async id. To be called in the same turn of the event loop as the request is made.
   *
   * @returns undefined where the answer says nothing more than that there is one; rejects with `CLOSED` if none will come
   */
  to(id: bigint): Promise<FfiEvent | undefined> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** No answers will come any more. */
  close(): void {
    void this.#subscription.return();
    for (const { reject } of this.#pending.values()) {
      const message =
        'narrowcast was uninstalled before the engine had answered: call install(), and ask again if twice does no harm';
      reject(new NarrowcastError('CLOSED', message));
    }
    this.#pending.clear();
  }

  #answered({ handle: id, payload }: QueueEvent): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (payload.length === BARE_BYTES) return pending.resolve(undefined);
    try {
      pending.resolve(this.#ffi.FfiEvent.fromBinary(payload));
    } catch (error) {
      pending.reject(error);
    }
  }
}
