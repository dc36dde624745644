import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fromNative, fromNativeError } from '../src/errors.js';
import { NarrowcastError } from '../src/index.js';

const native = (code: unknown, message = 'said by native code') => Object.assign(new Error(message), { code });

describe('NarrowcastError', () => {
  it('is an Error with a code, a name and a cause', () => {
    const cause = new Error('why');
    const error = new NarrowcastError('CLOSED', 'too late', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'NarrowcastError', code: 'CLOSED', message: 'too late', cause });
    expect(new NarrowcastError('CLOSED', 'too late')).not.toHaveProperty('cause');
  });

  it('prints its name, its message and its code, each once', () => {
    const printed = inspect(new NarrowcastError('LOCKED', 'a reader is pending'));
    expect(printed).toMatch(/^NarrowcastError: a reader is pending\n/);
    expect(printed).toMatch(/code: 'LOCKED'/);
    expect(printed.match(/NarrowcastError:/g)).toHaveLength(1);
    expect(printed).not.toMatch(/\bname:/);
  });
});

describe('an error of native code', () => {
  it.each([
    ['CLOSED', 'CLOSED'],
    ['NOT_FOUND', 'NOT_FOUND'],
    ['INVALID_ARGUMENT', 'INVALID_ARGUMENT'],
    ['ENGINE_NOT_INSTALLED', 'ENGINE_NOT_INSTALLED'],
    ['InvalidArg', 'INVALID_ARGUMENT'],
    ['BigintExpected', 'INVALID_ARGUMENT'],
    ['StringExpected', 'INVALID_ARGUMENT'],
  ])('with the code %s becomes a NarrowcastError with the code %s', (code, expected) => {
    const error = native(code);
    const translated = fromNativeError(error);
    expect(translated).toBeInstanceOf(NarrowcastError);
    expect(translated).toMatchObject({ code: expected, message: 'said by native code', cause: error });
  });

  it.each([['GenericFailure'], ['ENOENT'], ['toString'], ['closed'], [42], [undefined]])(
    'with the code %s stays as it is',
    (code) => {
      const error = native(code);
      expect(fromNativeError(error)).toBe(error);
    },
  );

  it.each([['text'], [null], [undefined], [{ code: 'CLOSED' }]])('that is no Error (%j) stays as it is', (thrown) => {
    expect(fromNativeError(thrown)).toBe(thrown);
  });

  it('that is a NarrowcastError already stays as it is', () => {
    const error = new NarrowcastError('LAGGED', 'slow');
    expect(fromNativeError(error)).toBe(error);
  });
});

describe('fromNative', () => {
  it('returns what the call returns', () => {
    expect(fromNative(() => 42)).toBe(42);
  });

  it('throws with the stack of its caller', () => {
    const caller = () =>
      fromNative(() => {
        throw native('CLOSED');
      });
    let thrown: NarrowcastError | undefined;
    try {
      caller();
    } catch (error) {
      thrown = error as NarrowcastError;
    }
    expect(thrown).toMatchObject({ code: 'CLOSED' });
    expect(thrown!.stack!.split('\n')[1]).toContain('caller');
  });

  it('leaves the stack of a foreign error alone', () => {
    const error = new TypeError('mine');
    const { stack } = error;
    expect(() =>
      fromNative(() => {
        throw error;
      }),
    ).toThrow(error);
    expect(error.stack).toBe(stack);
  });
});
