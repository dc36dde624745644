/** Warns of something that has failed, which the program goes on without. @param words what that is, and what comes of it */
export function warnOfFailure(words: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  process.emitWarning(`${words}: ${reason}`, 'NarrowcastWarning');
}

/** Reports an error where an uncaught one is reported, and lets the caller go on. */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
