import os from 'node:os';
import { loadBindings } from '../../livekit/bindings.js';

/** What a meeting ran on: figures of different machines can't be compared. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** In GB (10^9 bytes). */
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly narrowcast: string;
  readonly rtcNode: string;
  /** Version of LiveKit's engine. */
  readonly engine: string;
  /** Programs that ran or waited for a core, on average over a minute, before the meeting and after it. */
  readonly load: { readonly before: number; readonly after: number };
}

export function loadNow(): number {
  return os.loadavg()[0]!;
}

/** @param loadBefore {@link loadNow} before the meeting */
export function describeMachine(narrowcast: string, loadBefore: number): Machine {
  const cpus = os.cpus();
  const { rtcVersion, engineVersion } = loadBindings();
  return {
    // Some systems do not tell.
    cpu: cpus[0]?.model.trim() || 'unknown',
    cores: cpus.length,
    memoryGb: os.totalmem() / 1e9,
    system: `${os.type()} ${os.release()} ${process.arch}`,
    node: process.version,
    narrowcast,
    rtcNode: rtcVersion,
    engine: engineVersion,
    load: { before: loadBefore, after: loadNow() },
  };
}
