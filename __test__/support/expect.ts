import { expect } from 'vitest';
import type { NarrowcastErrorCode } from '../../src/index.js';

/** For `toThrow` and `rejects.toEqual`: a NarrowcastError with this code, whose message says this much. */
export function failure(code: NarrowcastErrorCode, message = ''): Error {
  return expect.objectContaining({ name: 'NarrowcastError', code, message: expect.stringContaining(message) }) as Error;
}

/** Waits until `condition` holds, looking again in every turn of the event loop. */
export async function until(condition: () => unknown, what: string, limitMs = 30_000): Promise<void> {
  for (const end = Date.now() + limitMs; !condition();) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await turn();
  }
}

/** As {@link until}, collecting garbage before every look. */
export function untilCollected(condition: () => unknown, what: string): Promise<void> {
  return until(() => (globalThis.gc!(), condition()), what);
}

/** One turn of the event loop, in which finalizers and wakes run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Lets callbacks of promises run, and nothing else: no turn of the event loop passes. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

/** Whether `promise` is still pending after all that could settle it had its turn. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  await turn();
  return (await Promise.race([promise.catch(() => {}), Promise.resolve(pending)])) === pending;
}
