/** Reports an error where an uncaught one is reported: what goes on here is not for whoever threw it to end. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
