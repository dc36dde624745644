import { performance } from 'node:perf_hooks';

/** How long this thread delivers before timers and I/O have a turn, in ms. */
const BUDGET_MS = 8;

/** Deliveries that come sooner after each other are the backlog of one turn only if they last longer, in ms. */
const UNWATCHED_MS = 1;

/** Deliveries from one look at the clock to the next, at most. A turn begins with one, and so do deliveries that take long. */
const MAX_STRIDE = 8;

/** Node's clock of the time that its event loop slept; other runtimes may have none. */
const { nodeTiming } = performance as { nodeTiming?: { readonly idleTime?: number } };
// As they are now: a program's tests may fake them later, and these loops are not what they test.
const now = performance.now.bind(performance);
const { setImmediate } = globalThis;

/** Names a turn in which something was delivered. */
let turn = 0;

/** When the first delivery of this turn was, in ms; -Infinity where the turn has ended. */
let began = -Infinity;
/** Whether the budget of this turn is spent. */
let spent = false;
/** Whether an immediate is pending that sets {@link began} when this turn has ended. */
let watching = false;
/** Whether this turn's deliveries go on from an immediate: the next immediate then comes after timers and I/O. */
let afterIo = false;
/** Deliveries until the next look at the clock. */
let unlooked = 0;
let stride = 1;
let lookedAt = 0;
let idleAt = 0;
/** Loops that go on in the next turn, in order. */
const paused: (() => void)[] = [];
let resuming = false;

/**
 * Whether this thread may deliver another value in this turn of the event loop. Each loop that hands values to callbacks
 * or promises asks this before it takes one, says {@link delivered} after it, and goes on {@link afterTurn} otherwise:
 * the loops share one budget, and consumers that are slower than their producers leave time for timers and I/O.
 *
 * Where queues run dry before the budget is spent, no timer or immediate is armed.
 *
 * @param last what {@link delivered} returned last to this loop: each may deliver one value in a turn, whatever the others
 *   have spent
 */
export function mayDeliver(last: number = turn): boolean {
  return unlooked > 0 || (!spent && look()) || last !== turn;
}

/** Counts a delivery, and returns the turn's name. What the consumer does counts, too: the clock runs on. */
export function delivered(): number {
  unlooked--;
  return turn;
}

/** Calls `resume` when timers and I/O have had a turn, after the loops that were paused before. */
export function afterTurn(resume: () => void): void {
  paused.push(resume);
  if (!resuming) resumeLater();
}

function look(): boolean {
  const time = now();
  const idle = nodeTiming?.idleTime ?? 0;
  if (idle !== idleAt) {
    // The loop has slept since the last look, so timers and I/O have had their turn.
    idleAt = idle;
    begin(time);
  } else {
    stride = time - lookedAt < UNWATCHED_MS ? Math.min(2 * stride, MAX_STRIDE) : 1;
    const elapsed = time - began;
    if (watching && elapsed >= BUDGET_MS) return !(spent = true);
    if (!watching && elapsed >= UNWATCHED_MS) {
      // Nothing tells how many turns of a busy loop ago that began: from here on, something does.
      if (elapsed >= BUDGET_MS) begin(time);
      watch();
    }
  }
  lookedAt = time;
  unlooked = stride;
  return true;
}

function begin(time: number): void {
  began = time;
  stride = 1;
  spent = false;
  turn++;
}

function watch(): void {
  watching = true;
  setImmediate(() => {
    watching = false;
    afterIo = false;
    began = -Infinity;
    spent = false;
  });
}

function resumeLater(): void {
  resuming = true;
  // From timers or I/O, the first immediate still comes before the next timers.
  setImmediate(afterIo ? resumeAll : () => setImmediate(resumeAll));
}

function resumeAll(): void {
  resuming = false;
  if (!watching) watch();
  afterIo = true;
  begin(now());
  unlooked = 0;
  try {
    // Each loop once. One that spends the budget comes behind those that could not go on.
    for (let left = paused.length; left > 0 && mayDeliver(); left--) paused.shift()!();
  } finally {
    if (paused.length > 0 && !resuming) resumeLater();
  }
}
