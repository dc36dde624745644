import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** What a {@link ThreadClock} counts. */
export type ThreadClockKind =
  /** Time that the thread was on a processor: other programs on a busy machine don't show in it. */
  | 'processor'
  /** Time that the event loop was not waiting: what else the machine was busy with meanwhile is in it, too. */
  | 'event-loop';

/** A clock that goes only while the JavaScript thread works. */
export interface ThreadClock {
  readonly kind: ThreadClockKind;
  /** In ms. */
  now(): number;
}

/** Node 23.9 and newer. */
type ThreadCpuUsage = () => NodeJS.CpuUsage;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** The best clock that this system has for the main thread; made on the main thread. */
export function threadClock(): ThreadClock {
  if (process.platform === 'linux' && schedulerMs() !== undefined) {
    return { kind: 'processor', now: () => (settle(), schedulerMs() ?? 0) };
  }
  const { threadCpuUsage } = process as { threadCpuUsage?: ThreadCpuUsage };
  if (threadCpuUsage) {
    const now = () => {
      const { user, system } = threadCpuUsage.call(process);
      return (user + system) / 1000;
    };
    return { kind: 'processor', now };
  }
  return { kind: 'event-loop', now: () => performance.eventLoopUtilization().active };
}

/** Linux's own account of the main thread, in ms; undefined where it keeps none. */
function schedulerMs(): number | undefined {
  try {
    // The first number: ns on a processor.
    const ms = Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    return ms > 0 ? ms : undefined;
  } catch {
    return undefined;
  }
}

/** How often the main thread went to sleep so far; null where the system does not tell. */
export function threadSleeps(): number | null {
  if (process.platform !== 'linux') return null;
  try {
    const status = readFileSync(`/proc/self/task/${process.pid}/status`, 'utf8');
    const sleeps = /^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1];
    return sleeps === undefined ? null : Number(sleeps);
  } catch {
    return null;
  }
}

/** Linux brings a running thread's account up to date every few ms only, but always when the thread goes to sleep. */
function settle(): void {
  Atomics.wait(sleeper, 0, 0, 0.001);
}
