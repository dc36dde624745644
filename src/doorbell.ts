import { native } from './native.js';

/** Something that waits for native code to have something for it. */
export interface Waiting {
  /** Called once, after which it no longer waits. Must not throw. */
  ready(): void;
}

/**
 * What waits in this thread, by the token its native half rings with. Native code holds nothing of JavaScript's: a
 * stream is held here, strongly, while somebody waits for it, and by nobody but its user otherwise.
 */
const waiting = new Map<number, Waiting>();

/** Room for the tokens of one look: more are fetched right after. */
const tokens = new Uint32Array(64);

/** The number of this thread's doorbell: one wake, however many streams and subscriptions have something. */
export const doorbell: number = native.openDoorbell(answer);

/** Calls `waiter.ready()` when `token` rings. */
export function startWaiting(token: number, waiter: Waiting): void {
  waiting.set(token, waiter);
}

/** The waiter behind `token` does not wait any more: a late ring finds nobody. */
export function stopWaiting(token: number): void {
  waiting.delete(token);
}

function answer(): void {
  let count: number;
  do {
    count = native.answerDoorbell(doorbell, tokens);
    for (let i = 0; i < count; i++) {
      const token = tokens[i]!;
      const waiter = waiting.get(token);
      waiting.delete(token);
      waiter?.ready();
    }
  } while (count === tokens.length);
}
