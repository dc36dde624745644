import { NarrowcastError } from './errors.js';
import { nearest } from './nearest.js';

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

/** A sample rate in Hz: up to 768,000, the highest of audio interfaces. */
export function rateInHz(what: string, value: unknown, least = 1): number {
  return integer(what, value, least, 768_000);
}

/** A number of channels: up to 64. */
export function channelCount(what: string, value: unknown): number {
  return integer(what, value, 1, 64);
}

/** A number from 0 to 1. */
export function fraction(what: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw invalid(what, value, 'a number from 0 to 1');
  return value;
}

/** `true` or `false`, and nothing that counts as one of them. */
export function boolean(what: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalid(what, value, 'a boolean');
}

/** A 64-bit handle. */
export function handle(what: string, value: unknown): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw invalid(what, value, 'a BigInt from 0n to 2n ** 64n - 1n');
  }
  return value;
}

/** An object of names: an array, a Map or a Set has none, and would pass for an empty one. */
export function plainObject(what: string, value: unknown, expected = 'an object'): asserts value is object {
  if (typeof value !== 'object' || value === null || Symbol.iterator in value) throw invalid(what, value, expected);
}

/** The names of the options `T`: a record, so that one that is missing does not compile. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/** An object of options that are all known: a misspelled option would do nothing. */
export function optionsObject<T>(what: string, value: unknown, known: OptionNames<T>): void {
  plainObject(what, value);
  for (const name of Object.keys(value)) if (!Object.hasOwn(known, name)) throw unknownOption(what, name, known);
}

function unknownOption(what: string, name: string, known: object): NarrowcastError {
  const names = Object.keys(known);
  const meant = nearest(name, names);
  return new NarrowcastError(
    'INVALID_ARGUMENT',
    `${what}.${name} is not known: ${meant === undefined ? 'leave it out' : `did you mean ${meant}?`}` +
      (names.length > 0 ? ` (known: ${names.join(', ')})` : ''),
  );
}

/** An AbortSignal, or nothing. */
export function optionalSignal(value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal)) throw invalid('signal', value, 'an AbortSignal');
}

/** Something to iterate over that is no string: its characters would pass for a list. */
export function iterable(what: string, value: unknown, expected: string): void {
  const { [Symbol.iterator]: iterator } = Object(value) as { [Symbol.iterator]?: unknown };
  if (typeof value === 'string' || typeof iterator !== 'function') throw invalid(what, value, expected);
}

/** Something to iterate over asynchronously. */
export function asyncIterable(what: string, value: unknown, expected: string): void {
  const { [Symbol.asyncIterator]: iterator } = Object(value) as { [Symbol.asyncIterator]?: unknown };
  if (typeof iterator !== 'function') throw invalid(what, value, expected);
}

/** A function, or nothing. */
export function optionalFunction(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw invalid(what, value, 'a function');
}

/**
 * Bytes or samples that native code may read during a call: the array itself, or a copy if its memory could change
 * its size or its content meanwhile.
 */
export function readable<T extends Uint8Array | Int16Array | Float32Array>(
  what: string,
  value: unknown,
  type: { new (values: T): T; readonly name: string },
): T {
  // Not by its prototype alone, which anything can have.
  if (!ArrayBuffer.isView(value) || !(value instanceof type)) throw invalid(what, value, withArticle(type.name));
  refuseLost(what, value);
  // Not by `slice`, which gives a view of the same memory where the array is a Buffer.
  return isPlain(value) ? value : new type(value);
}

/** Samples that native code may write to during a call. Otherwise, see {@link isPlain}, write to a copy. */
export function writable(what: string, value: unknown): Int16Array {
  if (!ArrayBuffer.isView(value) || !(value instanceof Int16Array)) throw invalid(what, value, 'an Int16Array');
  refuseLost(what, value);
  return value;
}

/** Whether no other thread, and no resize, can touch the array's memory during a native call. */
export function isPlain(array: Uint8Array | Int16Array | Float32Array): boolean {
  const { buffer } = array as { buffer: ArrayBufferLike & { resizable?: boolean } };
  return buffer instanceof ArrayBuffer && buffer.resizable !== true;
}

/** Complains of an array whose memory is gone. */
export function refuseLost(what: string, array: Uint8Array | Int16Array | Float32Array): void {
  // Such an array looks empty; what tells is that no method of it works.
  if (array.length > 0) return;
  try {
    array.at(0);
  } catch {
    throw new NarrowcastError(
      'INVALID_ARGUMENT',
      `${what} is an array whose memory is gone: it was transferred, or has shrunk; pass a copy`,
    );
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return withArticle(value.constructor?.name || 'object');
  return String(value);
}

function withArticle(noun: string): string {
  return `${/^[aeio]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
