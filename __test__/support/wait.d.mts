/** Waits until `condition` holds, looking again in every turn of the event loop; fails after `limitMs`, by default 50 s. */
export function until(condition: () => unknown, what: string, limitMs?: number): Promise<void>;

/** One turn of the event loop, in which finalizers and wakes run. */
export function turn(): Promise<void>;

/** Blocks this thread, as a busy agent does. */
export function block(ms: number): void;
