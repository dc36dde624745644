import { expect } from 'vitest';
import type { NarrowcastErrorCode } from '../../src/index.js';
import { turn, until } from './wait.mjs';

/** For `toThrow` and `rejects.toEqual`: a NarrowcastError with this code, whose message says this much. */
export function failure(code: NarrowcastErrorCode, message = ''): Error {
  return expect.objectContaining({ name: 'NarrowcastError', code, message: expect.stringContaining(message) }) as Error;
}

/** As {@link until}, collecting garbage before every look. */
export function untilCollected(condition: () => unknown, what: string): Promise<void> {
  return until(() => (globalThis.gc!(), condition()), what);
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
