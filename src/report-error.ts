import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** What an error says; and whatever else was thrown, as a string. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Warns of something that has failed, which the program goes on without. @param words what that is, and what comes of it */
export function warnOfFailure(words: string, error: unknown): void {
  process.emitWarning(`${words}: ${messageOf(error)}`, 'NarrowcastWarning');
}

/** Reports an error where an uncaught one is reported, and lets the caller go on. */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Makes words a process warning, once for all threads. */
export function warnOf(code: string): (words: string) => void {
  return (words) => {
    // Threads that this one starts have read it, too.
    if (getEnvironmentData(words) !== undefined) return;
    setEnvironmentData(words, true);
    process.emitWarning(words, { type: 'NarrowcastWarning', code });
  };
}
