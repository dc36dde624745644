import { native } from './native.js';

/** Something that waits for native code to have something for it. */
export interface Waiting {
  /** Called when it rang, after which it no longer waits, unless it {@link stays}. Must not throw. */
  ready(): void;
  /** Whether it waits on. */
  readonly stays?: boolean;
  /** Whether the thread stays alive for it, as for a socket: something outside JavaScript will ring. */
  readonly keepsAlive?: boolean;
}

/**
 * What waits in this thread, by the token its native half rings with. Native code holds nothing of JavaScript's: a
 * stream is held here, strongly, while somebody waits for it, and by nobody but its user otherwise.
 */
const waiting = new Map<number, Waiting>();

/** Keeps the thread alive while it is referenced. Its time never comes: 12 days, the longest that a timer takes. */
const alive = setInterval(() => {}, 2 ** 30).unref();
let keepingAlive = 0;

/** Room for the tokens of one look: where more rang, another wake is on its way. */
const tokens = new Uint32Array(64);

/**
 * Least time from one wake of this thread to the next through the paced doorbell, in µs. The frames of many streams come
 * within a millisecond or two, every ten: without a pause, each of them might wake the thread, which costs it more than
 * reading dozens.
 */
const PAUSE_US = 1000;

/** The number of the doorbell of what can wait for {@link PAUSE_US}: one wake, however much there is to read. */
export const pacedDoorbell: number = native.openDoorbell(() => answer(pacedDoorbell, true), PAUSE_US);

/** That of what can't: somebody may ask the next question once the last one is answered. */
export const immediateDoorbell: number = native.openDoorbell(() => answer(immediateDoorbell, true), 0);

/** Calls `waiter.ready()` when `token` rings. */
export function startWaiting(token: number, waiter: Waiting): void {
  if (waiter.keepsAlive && !waiting.has(token) && keepingAlive++ === 0) alive.ref();
  waiting.set(token, waiter);
}

/** The waiter behind `token` does not wait any more: a late ring finds nobody. Returns it, if it was waiting. */
export function stopWaiting(token: number): Waiting | undefined {
  const waiter = waiting.get(token);
  waiting.delete(token);
  if (waiter?.keepsAlive && --keepingAlive === 0) alive.unref();
  return waiter;
}

let looking = false;

/**
 * To be called when this thread may have rung its own doorbell. A wake does not keep an idle thread alive, and it would
 * end with what it has put itself still unread.
 */
export function lookSoon(): void {
  if (looking || waiting.size === 0) return;
  looking = true;
  setImmediate(() => {
    looking = false;
    answer(immediateDoorbell, false);
    answer(pacedDoorbell, false);
  });
}

/** @param woken whether this answers a wake, which is answered once */
function answer(doorbell: number, woken: boolean): void {
  const count = native.answerDoorbell(doorbell, tokens, woken);
  for (let i = 0; i < count; i++) {
    const waiter = waiting.get(tokens[i]!);
    if (!waiter?.stays) stopWaiting(tokens[i]!);
    waiter?.ready();
  }
}
