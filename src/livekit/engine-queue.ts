import { onAbortWeakly } from '../abort.js';
import { NarrowcastError } from '../errors.js';
import { FfiQueue, type FfiQueueOptions, type SubscribeOptions } from '../ffi-queue.js';
import type { Native } from '../native.js';
import type { Subscription } from '../subscription.js';
import { invalid } from '../validate.js';

/** Options of a subscription to the engine's events. */
export interface EngineSubscribeOptions<Type extends string, E> extends SubscribeOptions<Type, E> {
  /**
   * Whether this subscription takes over the native handles in the events that it reads: its reader drops them, or they
   * stay for ever. Without, it only sees them: a handle belongs to rtc-node's client, or to a subscription with `own`, and
   * may be gone when this reader looks at it. Default: false.
   */
  own?: boolean;
}

/** The engine's events as one thread sees them: its subscriptions end when narrowcast is uninstalled there. */
export class EngineQueue<Type extends string, E> extends FfiQueue<Type, E> {
  readonly #left: AbortSignal;

  /** @param left aborts when narrowcast is uninstalled in this thread */
  constructor(options: FfiQueueOptions<Type, E>, left: AbortSignal, adopt: (types: string[]) => Native.NativeQueue) {
    super(options, adopt);
    this.#left = left;
  }

  override subscribe(options: EngineSubscribeOptions<Type, E> = {}): Subscription<E> {
    if (this.#left.aborted) {
      throw new NarrowcastError(
        'CLOSED',
        "narrowcast was uninstalled, and with it this engine's queue: take the one that install() returns now",
      );
    }
    const { own = false, ...others } = options;
    if (typeof own !== 'boolean') throw invalid('own', own, 'a boolean');
    const subscription = super.subscribe(others, { own });
    // What waits stays readable.
    onAbortWeakly(this.#left, subscription, closeSubscription<E>);
    return subscription;
  }
}

/** Not a closure of where the subscription is known, which would hold it. */
function closeSubscription<E>(subscription: Subscription<E>): void {
  subscription.close();
}
