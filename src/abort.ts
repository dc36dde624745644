/** Who wants to know of a signal's abort. */
const listening = new WeakMap<AbortSignal, Listeners>();

interface Listeners {
  readonly callbacks: Set<() => void>;
  readonly abort: () => void;
}

/**
 * Calls `callback` when `signal` aborts; returns how to stop that. All of one signal share one listener: a signal for
 * the whole of an agent is common, and Node takes more than ten listeners for a leak, and says so.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, abort } = listening.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener('abort', abort);
    listening.delete(signal);
  };
}

function listen(signal: AbortSignal): Listeners {
  const callbacks = new Set<() => void>();
  const abort = () => {
    for (const callback of callbacks) callback();
  };
  const listeners = { callbacks, abort };
  listening.set(signal, listeners);
  signal.addEventListener('abort', abort, { once: true });
  return listeners;
}

/** Removes the listeners of objects that were forgotten. */
const forgotten = new FinalizationRegistry<() => void>((unlisten) => unlisten());

/**
 * As {@link onAbort}, for an object that may live shorter than the signal, which must not keep it.
 *
 * @param callback gets the object and the signal's reason; may not be a closure of a scope that has the object
 */
export function onAbortWeakly<T extends WeakKey>(
  signal: AbortSignal,
  target: T,
  callback: (target: T, reason: unknown) => void,
): () => void {
  const held = new WeakRef(target);
  const unlisten = onAbort(signal, () => {
    const target = held.deref();
    if (target) callback(target, signal.reason);
  });
  forgotten.register(target, unlisten, unlisten);
  return () => {
    unlisten();
    forgotten.unregister(unlisten);
  };
}
