import { performance } from 'node:perf_hooks';

/** How long this thread delivers before timers and I/O have a turn, in ms. */
const BUDGET_MS = 8;

/** Deliveries that come sooner after each other are the backlog of one turn only if they last longer, in ms. */
const UNWATCHED_MS = 1;

/** Deliveries from one look at the clock to the next, at most: where they take long, the clock is looked at for each. */
const MAX_STRIDE = 4;

/** Node's clock of the time that its event loop slept; other runtimes may have none. */
const { nodeTiming } = performance as { nodeTiming?: { readonly idleTime?: number } };

/** When the first delivery of this turn was, in ms; -Infinity where the turn has ended. */
let began = -Infinity;
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
 */
export function mayDeliver(): boolean {
  return unlooked > 0 || look();
}

/** Counts a delivery. What the consumer does with it counts, too: the clock runs on until the turn ends. */
export function delivered(): void {
  unlooked--;
}

/** Calls `resume` when timers and I/O have had a turn, after the loops that were paused before. */
export function afterTurn(resume: () => void): void {
  paused.push(resume);
  if (!resuming) resumeLater();
}

function look(): boolean {
  const now = performance.now();
  const idle = nodeTiming?.idleTime ?? 0;
  if (idle !== idleAt) {
    // The loop has slept since the last look, so timers and I/O have had their turn.
    idleAt = idle;
    began = now;
  } else {
    stride = now - lookedAt < UNWATCHED_MS ? Math.min(2 * stride, MAX_STRIDE) : 1;
    const elapsed = now - began;
    if (watching && elapsed >= BUDGET_MS) return false;
    if (!watching && elapsed >= UNWATCHED_MS) {
      // Nothing tells how many turns of a busy loop ago that began: from here on, something does.
      if (elapsed >= BUDGET_MS) began = now;
      watch();
    }
  }
  lookedAt = now;
  unlooked = stride;
  return true;
}

function watch(): void {
  watching = true;
  setImmediate(() => {
    watching = false;
    afterIo = false;
    began = -Infinity;
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
  began = performance.now();
  unlooked = 0;
  try {
    // Each loop once. One that spends the budget comes behind those that could not go on.
    for (let left = paused.length; left > 0 && mayDeliver(); left--) paused.shift()!();
  } finally {
    if (paused.length > 0 && !resuming) resumeLater();
  }
}
