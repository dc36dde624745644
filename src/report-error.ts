/** Reports an error where an uncaught one is reported, and lets the caller go on. */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
