/** A call to the connection did not settle in time, or the connection was closed meanwhile, after which none does. */
export class Unsettled extends Error {}

const LOOK_MS = 50;

/**
 * `promise`, or {@link Unsettled} once `ms` are over or `isOver()`: a closed connection leaves calls pending for ever.
 */
export function within<T>(ms: number, isOver: () => boolean, promise: T | PromiseLike<T>): Promise<T> {
  const end = performance.now() + ms;
  return new Promise<T>((resolve, reject) => {
    const timer = setInterval(
      () => {
        if (isOver() || performance.now() >= end) reject(new Unsettled());
        else return;
        clearInterval(timer);
      },
      Math.min(LOOK_MS, ms),
    );
    Promise.resolve(promise)
      .finally(() => clearInterval(timer))
      .then(resolve, reject);
  });
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
