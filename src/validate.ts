import { NarrowcastError } from './errors.js';

/** `INVALID_ARGUMENT`, with the value that was wrong. */
export function invalid(what: string, value: unknown, expected: string): NarrowcastError {
  return new NarrowcastError('INVALID_ARGUMENT', `${what} is ${show(value)}: pass ${expected}`);
}

/** A whole number from `min` to `max`. */
export function integer(what: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(what, value, `a whole number from ${min} to ${max}`);
  }
  return value;
}

/** A 64-bit handle. */
export function handle(what: string, value: unknown): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw invalid(what, value, 'a BigInt from 0n to 2n ** 64n - 1n');
  }
  return value;
}

/** A function, or nothing. */
export function optionalFunction(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw invalid(what, value, 'a function');
}

/**
 * Bytes or samples that native code may read during a call: the array itself, or a copy if its memory could change
 * its size or its content meanwhile.
 */
export function readable<T extends Uint8Array | Int16Array>(
  what: string,
  value: unknown,
  type: { new (length: number): T; readonly name: string },
): T {
  if (!(value instanceof type)) throw invalid(what, value, `a ${type.name}`);
  refuseDetached(what, value);
  return isPlain(value) ? value : (value.slice() as T);
}

/** Samples that native code may write to during a call. Otherwise, see {@link isPlain}, write to a copy. */
export function writable(what: string, value: unknown): Int16Array {
  if (!(value instanceof Int16Array)) throw invalid(what, value, 'an Int16Array');
  refuseDetached(what, value);
  return value;
}

/** Whether no other thread, and no resize, can touch the array's memory during a native call. */
export function isPlain(array: Uint8Array | Int16Array): boolean {
  const { buffer } = array as { buffer: ArrayBufferLike & { resizable?: boolean } };
  return buffer instanceof ArrayBuffer && buffer.resizable !== true;
}

function refuseDetached(what: string, array: Uint8Array | Int16Array): void {
  // Of a detached buffer nothing but this is to be seen in Node 20, and only an empty array can have one.
  if (array.length > 0 || !(array.buffer instanceof ArrayBuffer)) return;
  try {
    void new Uint8Array(array.buffer);
  } catch {
    throw new NarrowcastError('INVALID_ARGUMENT', `${what} is detached: its memory was transferred; pass a copy`);
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`;
  return String(value);
}
