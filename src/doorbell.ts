import { answerDoorbell } from './diagnostics/stalls.js';
import { native } from './native.js';

/** Something that waits for native code to have something for it. */
export interface Waiting {
  /** Called when it rang. It waits on until {@link stopWaiting}. Must not throw. */
  ready(): void;
  /**
   * Whether the thread stays alive for it, as for a socket: the engine will ring, if it has not fallen silent, or, with
   * `'always'`, a native thread of narrowcast's.
   */
  readonly keepsAlive?: boolean | 'always';
}

/**
 * What waits in this thread, by the token that native code rings with. Native code holds nothing of JavaScript's: this
 * map holds a stream while a read of it is pending, and otherwise only its user does.
 */
const waiting = new Map<number, Waiting>();

/** Keeps the thread alive while something needs it. */
class KeepAlive {
  /** Its time never comes: 12 days, the longest that a timer takes. */
  readonly #timer = setInterval(() => {}, 2 ** 30).unref();
  #needed = 0;
  #paused = false;
  #keeps = false;

  add(count: 1 | -1): void {
    this.#needed += count;
    this.#set();
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#set();
  }

  #set(): void {
    const keeps = this.#needed > 0 && !this.#paused;
    if (keeps === this.#keeps) return;
    this.#keeps = keeps;
    if (keeps) this.#timer.ref();
    else this.#timer.unref();
  }
}

const forEngine = new KeepAlive();
const forThreads = new KeepAlive();
const keeper = ({ keepsAlive }: Waiting): KeepAlive | undefined =>
  keepsAlive === 'always' ? forThreads : keepsAlive ? forEngine : undefined;

/** Room for the tokens of one look: where more rang, another wake is on its way. */
const tokens = new Uint32Array(1024);

/**
 * A wake costs this thread as much as reading dozens of frames, and what many streams get comes within a millisecond or
 * two, every ten. So there is a pause between two wakes by the same doorbell, in µs.
 */
const PAUSE_US = 1000;

/** How long the first of a burst of audio waits for the others: a tenth of the usual frame. */
const AUDIO_DELAY_US = 1000;

/** The number of the doorbell of audio: where several streams play, one wake for what comes within a ms. */
export const audioDoorbell: number = native.openDoorbell(() => answer(audioDoorbell, true), PAUSE_US, AUDIO_DELAY_US);

/** That of events: at once, and then a pause. */
export const pacedDoorbell: number = native.openDoorbell(() => answer(pacedDoorbell, true), PAUSE_US, 0);

/** That of events whose reader may ask the next question once the last one is answered. */
export const immediateDoorbell: number = native.openDoorbell(() => answer(immediateDoorbell, true), 0, 0);

/** Calls `waiter.ready()` whenever `token` rings. */
export function startWaiting(token: number, waiter: Waiting): void {
  if (!waiting.has(token)) keeper(waiter)?.add(1);
  waiting.set(token, waiter);
}

/** A ring of `token` is not heard any more. */
export function stopWaiting(token: number): void {
  const waiter = waiting.get(token);
  if (waiter === undefined) return;
  waiting.delete(token);
  keeper(waiter)?.add(-1);
}

/** Whether the engine has fallen silent: then no read of what it feeds keeps the thread alive. */
export function noteEngineSilence(silent: boolean): void {
  forEngine.pause(silent);
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
    for (const doorbell of [immediateDoorbell, pacedDoorbell, audioDoorbell]) answer(doorbell, false);
  });
}

/** @param woken whether this answers a wake, which is answered once */
function answer(doorbell: number, woken: boolean): void {
  const count = answerDoorbell(doorbell, tokens, woken);
  for (let i = 0; i < count; i++) waiting.get(tokens[i]!)?.ready();
}
