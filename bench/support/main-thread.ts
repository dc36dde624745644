import fs from 'node:fs';
import { performance } from 'node:perf_hooks';

/**
 * Processor time of this process's main thread so far, in µs. On Linux the kernel's own account, which a busy machine
 * does not disturb; elsewhere the event loop's active time.
 */
export function mainThreadUs(): number {
  try {
    // The first number: ns on a processor.
    return Number(fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  } catch {
    return performance.eventLoopUtilization().active * 1000;
  }
}
