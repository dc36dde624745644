import { onAbortWeakly } from '../abort.js';
import { NarrowcastError } from '../errors.js';
import { FfiQueue, type FfiQueueOptions, type SubscribeOptions } from '../ffi-queue.js';
import type { Native } from '../native.js';
import type { Subscription } from '../subscription.js';

/** The engine's events as one thread sees them: its subscriptions end when narrowcast is uninstalled there. */
export class EngineQueue<Type extends string, E> extends FfiQueue<Type, E> {
  readonly #left: AbortSignal;

  /** @param left aborts when narrowcast is uninstalled in this thread */
  constructor(options: FfiQueueOptions<Type, E>, left: AbortSignal, adopt: (types: string[]) => Native.NativeQueue) {
    super(options, adopt);
    this.#left = left;
  }

  override subscribe(options: SubscribeOptions<Type, E> = {}): Subscription<E> {
    if (this.#left.aborted) {
      throw new NarrowcastError(
        'CLOSED',
        "narrowcast was uninstalled, and with it this engine's queue: take the one that install() returns now",
      );
    }
    const subscription = super.subscribe(options);
    // What waits stays readable.
    onAbortWeakly(this.#left, subscription, closeSubscription<E>);
    return subscription;
  }
}

/** Not a closure of where the subscription is known, which would hold it. */
function closeSubscription<E>(subscription: Subscription<E>): void {
  subscription.close();
}
