import { AsyncResource } from 'node:async_hooks';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { answerLost } from './requests.js';

export type Predicate = (event: FfiEvent) => boolean;

interface Waiter {
  /** How many answers had passed when it began to wait. */
  readonly passed: number;
  /** When it began to wait, on the clock of `performance.now()`. */
  readonly since: number;
  /** What was asked for last before it. */
  readonly asked: string | undefined;
  readonly predicate: Predicate;
  /** The asynchronous context of the caller, which the predicate runs in. */
  readonly context: AsyncResource;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** How many given-up waiters are remembered, in case their answers come after all. */
const MAX_GIVEN_UP = 1000;

/** How many answers are kept for waiters that may want one that passed them. */
const MAX_PASSED = 256;

/** What a caller of `waitFor` has asked the engine for right before. */
export interface LastRequest {
  /** Its kind, as the bindings name it. */
  readonly kind: string;
  /** The async id of its answer, if one will come. */
  readonly answerId: bigint | undefined;
}

/** The callers of `waitFor`: each waits for one answer, which only its predicate knows. */
export class AnswerWaiters {
  /** Those that wait for the answer of the request right before, by its async id: it meets one predicate, and not all. */
  readonly #byId = new Map<bigint, Waiter>();
  readonly #others = new Set<Waiter>();
  /** The last answers that were taken while others waited for answers of their own, oldest first. */
  readonly #passed: FfiEvent[] = [];
  /** How many there were, with those that are not kept. */
  #passedCount = 0;
  /** Callers that were told that their answer is lost. */
  readonly #givenUp = new Set<Waiter>();

  get size(): number {
    return this.#byId.size + this.#others.size;
  }

  /** The value of the first event for which `predicate` holds. What `predicate` throws is what this rejects with. */
  waitFor(
    predicate: Predicate,
    signal?: AbortSignal,
    { kind, answerId: id }: Partial<LastRequest> = {},
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const known = id !== undefined && !this.#byId.has(id);
      const abort = () => waiter.reject(signal!.reason);
      const leave = () => {
        if (!this.#others.delete(waiter) && known && this.#byId.get(id) === waiter) this.#byId.delete(id);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        passed: this.#passedCount,
        since: performance.now(),
        asked: kind,
        predicate,
        context: new AsyncResource('narrowcast.waitFor'),
        resolve: (value) => (leave(), resolve(value)),
        reject: (reason) => (leave(), reject(reason)),
      };
      signal?.addEventListener('abort', abort);
      if (known) this.#byId.set(id, waiter);
      else this.#others.add(waiter);
    });
  }

  /** @internal For `Engine.inspect`. */
  inspect(now: number): { asked: string; ageMs: number }[] {
    return this.#all().map(({ asked = 'unknown', since }) => ({ asked, ageMs: Math.round(now - since) }));
  }

  /**
   * Offers an event to all that wait. An answer that the waiter takes that it is for passes those that wait for answers of their
   * own: with 100 waiting, each answer meets one predicate.
   *
   * Such a waiter may want an earlier answer than that of its last request. It then refuses the latter, and is offered what has
   * passed it. A predicate that holds for both gets the answer to its last request, where rtc-node's client gives it the earlier.
   */
  offer(event: FfiEvent): void {
    const { asyncId } = (event.message.value ?? {}) as { asyncId?: bigint };
    const first = asyncId === undefined ? undefined : this.#byId.get(asyncId);
    if (first && offerTo(first, event)) {
      this.#pass(event);
      // Without those that a predicate adds.
      const others = [...this.#others];
      for (const waiter of others) offerTo(waiter, event);
      return;
    }
    for (const waiter of this.#all()) if (waiter !== first) offerTo(waiter, event);
    // It may have left.
    if (!first || this.#byId.get(asyncId!) !== first) return;
    this.#byId.delete(asyncId!);
    this.#others.add(first);
    const missed = Math.min(this.#passedCount - first.passed, this.#passed.length);
    for (const passed of missed > 0 ? this.#passed.slice(-missed) : []) if (offerTo(first, passed)) break;
  }

  /** Keeps an answer for those that wait for others. */
  #pass(event: FfiEvent): void {
    if (this.#byId.size === 0) this.#passed.length = 0;
    else {
      this.#passedCount++;
      if (this.#passed.push(event) > MAX_PASSED) this.#passed.shift();
    }
  }

  /** Rejects those that began to wait before `time`, on the clock of `performance.now()`. */
  rejectBefore(time: number): void {
    for (const waiter of this.#all()) {
      if (waiter.since >= time) continue;
      waiter.reject(answerLost());
      if (this.#givenUp.size < MAX_GIVEN_UP) this.#givenUp.add(waiter);
    }
  }

  /** Whether this is the answer to a caller that was told that it is lost. Says so once. */
  wasGivenUp(event: FfiEvent): boolean {
    for (const waiter of this.#givenUp) {
      try {
        if (!matches(waiter, event)) continue;
      } catch {
        // It failed for an event that is not its own.
        continue;
      }
      this.#givenUp.delete(waiter);
      return true;
    }
    return false;
  }

  #all(): Waiter[] {
    return [...this.#byId.values(), ...this.#others];
  }
}

/** Whether it took the event, or failed for it. */
function offerTo(waiter: Waiter, event: FfiEvent): boolean {
  try {
    if (!matches(waiter, event)) return false;
    waiter.resolve(event.message.value);
  } catch (error) {
    waiter.reject(error);
  }
  return true;
}

function matches({ predicate, context }: Waiter, event: FfiEvent): boolean {
  return context.runInAsyncScope(predicate, undefined, event);
}
