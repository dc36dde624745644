import { AsyncResource } from 'node:async_hooks';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { answerLost } from './requests.js';

export type Predicate = (event: FfiEvent) => boolean;

interface Waiter {
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

/** The callers of `waitFor`: each waits for one answer, which only its predicate knows. */
export class AnswerWaiters {
  readonly #waiting = new Set<Waiter>();
  /** Callers that were told that their answer is lost. */
  readonly #givenUp = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** The value of the first event for which `predicate` holds. What `predicate` throws is what this rejects with. */
  waitFor(predicate: Predicate, signal?: AbortSignal, asked?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => waiter.reject(signal!.reason);
      const leave = () => {
        this.#waiting.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        since: performance.now(),
        asked,
        predicate,
        context: new AsyncResource('narrowcast.waitFor'),
        resolve: (value) => (leave(), resolve(value)),
        reject: (reason) => (leave(), reject(reason)),
      };
      signal?.addEventListener('abort', abort);
      this.#waiting.add(waiter);
    });
  }

  /** @internal For `Engine.inspect`. */
  inspect(now: number): { asked: string; ageMs: number }[] {
    return Array.from(this.#waiting, ({ asked = 'unknown', since }) => ({ asked, ageMs: Math.round(now - since) }));
  }

  /** Offers an event to all that wait. */
  offer(event: FfiEvent): void {
    for (const waiter of this.#waiting) {
      try {
        if (matches(waiter, event)) waiter.resolve(event.message.value);
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  /** Rejects those that began to wait before `time`, on the clock of `performance.now()`. */
  rejectBefore(time: number): void {
    for (const waiter of this.#waiting) {
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
}

function matches({ predicate, context }: Waiter, event: FfiEvent): boolean {
  return context.runInAsyncScope(predicate, undefined, event);
}
