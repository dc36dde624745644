import os from 'node:os';
import { loadNow } from '../../src/cli/shared/machine.js';

/** What else a machine did while something was measured on it. */
export interface Load {
  readonly cpus: number;
  readonly model: string;
  /** Programs that ran or waited for a core, on average over a minute. */
  readonly before: number;
  readonly after: number;
}

/** Looks at the load now, and again when what it returns is called. */
export function watchLoad(): () => Load {
  const before = loadNow();
  return () => ({ cpus: os.cpus().length, model: os.cpus()[0]!.model.trim(), before, after: loadNow() });
}

/** A line that says on what `what` was measured. */
export function loadLine(what: string, { cpus, model, before, after }: Load): string {
  return `${what}: Node ${process.version}, ${cpus} × ${model}, load ${before.toFixed(1)} → ${after.toFixed(1)}`;
}
