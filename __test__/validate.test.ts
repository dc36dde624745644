import { describe, expect, it } from 'vitest';
import {
  handle,
  integer,
  invalid,
  isPlain,
  iterable,
  optionalFunction,
  optionalSignal,
  optionsObject,
  readable,
  writable,
} from '../src/validate.js';
import { failure } from './support/expect.js';
import { detached, outOfBounds, resizable } from './support/memory.js';

describe('a refusal names what was wrong, with its value, and what to do', () => {
  it.each<[unknown, string]>([
    ['text', '"text"'],
    [7n, '7n'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [() => {}, 'a function'],
    [[1], 'a Array'],
    [new Uint8Array(1), 'a Uint8Array'],
    [Object.create(null), 'a object'],
  ])('%o', (value, shown) => {
    expect(invalid('it', value, 'something else').message).toBe(`it is ${shown}: pass something else`);
  });
});

describe('memory that native code may use during a call', () => {
  it('is the array itself, whatever part of a buffer it is', () => {
    const array = new Uint8Array(8).subarray(2, 4);
    expect(readable('it', array, Uint8Array)).toBe(array);
    const buffer = Buffer.from('pooled');
    expect(readable('it', buffer, Uint8Array)).toBe(buffer);
    const samples = new Int16Array(4).subarray(1);
    expect(readable('it', samples, Int16Array)).toBe(samples);
    expect(writable('it', samples)).toBe(samples);
  });

  it.each<[string, Uint8Array]>([
    ['shared', new Uint8Array(new SharedArrayBuffer(8), 2, 4)],
    ['shared, as a Buffer', Buffer.from(new SharedArrayBuffer(8) as unknown as ArrayBuffer, 2, 4)],
    ['resizable', new Uint8Array(resizable(8, 16), 2, 4)],
    ['resizable, as a Buffer', Buffer.from(resizable(8, 16), 2, 4)],
  ])('is a copy where it is %s', (_, array) => {
    array.fill(7);
    expect(isPlain(array)).toBe(false);
    const copy = readable('it', array, Uint8Array);
    array.fill(9);
    expect([...copy]).toEqual([7, 7, 7, 7]);
    expect(isPlain(copy)).toBe(true);
  });

  it('is refused when it is gone', () => {
    for (const array of [detached(new Int16Array(4)), outOfBounds(Int16Array)]) {
      expect(() => readable('it', array, Int16Array)).toThrow(
        failure('INVALID_ARGUMENT', 'it is an array whose memory'),
      );
      expect(() => writable('it', array)).toThrow(failure('INVALID_ARGUMENT', 'it is an array whose memory'));
    }
  });

  it('may be empty', () => {
    for (const array of [new Uint8Array(), new Uint8Array(new SharedArrayBuffer(0)), new Uint8Array(resizable(0, 8))]) {
      expect(readable('it', array, Uint8Array)).toHaveLength(0);
    }
  });
});

it('numbers are whole and in range', () => {
  expect(integer('it', 5, 5, 5)).toBe(5);
  for (const value of [4, 6, 5.5, NaN, Infinity, '5', 5n, null, undefined]) {
    expect(() => integer('it', value, 5, 5)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});

it('handles are BigInts of 64 bits', () => {
  for (const value of [0n, 2n ** 64n - 1n]) expect(handle('it', value)).toBe(value);
  for (const value of [-1n, 2n ** 64n, 0, '0', null, undefined]) {
    expect(() => handle('it', value)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});

it('what may be left out may be left out, and nothing else', () => {
  optionalFunction('it', undefined);
  optionalFunction('it', () => {});
  optionalSignal(undefined);
  optionalSignal(new AbortController().signal);
  optionsObject('it', {});
  for (const value of [null, 1, 'x', {}]) {
    expect(() => optionalFunction('it', value)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
    expect(() => optionalSignal(value)).toThrow(failure('INVALID_ARGUMENT', 'signal is'));
  }
  for (const value of [null, undefined, 1, 'x', []]) {
    expect(() => optionsObject('it', value)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});

it('lists are anything iterable but a string', () => {
  for (const value of [[], new Set(), new Map().keys(), (function* () {})()]) iterable('it', value, 'a list');
  for (const value of ['ab', 1, 1n, null, undefined, {}, () => {}]) {
    expect(() => iterable('it', value, 'a list')).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});
