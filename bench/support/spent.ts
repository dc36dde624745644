import { setTimeout as sleep } from 'node:timers/promises';
import { threadClock } from '../../src/cli/shared/thread-clock.js';

const clock = threadClock();

/** Processor time of this process's main thread so far, in µs; see {@link threadClock} for what it is elsewhere than on Linux. */
export function mainThreadUs(): number {
  return clock.now() * 1000;
}

/** How often this thread's event loop has gone round so far; NaN where Node does not say. */
export function loopTurns(): number {
  const { uvMetricsInfo } = performance.nodeTiming as { uvMetricsInfo?: { loopCount: number } };
  return uvMetricsInfo?.loopCount ?? NaN;
}

/** What a process spent in a while. */
export interface Spent {
  readonly ms: number;
  /** Processor time of the main thread, and of all threads, in µs. */
  readonly mainUs: number;
  readonly cpuUs: number;
  /** How far a count went on. */
  readonly counted: number;
}

/** Measures for `ms`. @param count what grows meanwhile */
export async function spent(ms: number, count: () => number = () => 0): Promise<Spent> {
  const before = { at: performance.now(), mainUs: mainThreadUs(), cpu: process.cpuUsage(), count: count() };
  await sleep(ms);
  const { user, system } = process.cpuUsage(before.cpu);
  return {
    ms: performance.now() - before.at,
    mainUs: mainThreadUs() - before.mainUs,
    cpuUs: user + system,
    counted: count() - before.count,
  };
}
