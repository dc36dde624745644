import { expect, test } from 'vitest';
import { fromNative, fromNativeError, NarrowcastError } from '../src/errors.js';

const nativeError = (code: unknown, message = 'capacity must be at least 1, got 0') =>
  Object.assign(new Error(message), { code });

test('a native error with one of our codes becomes a NarrowcastError with its code, message and cause', () => {
  const cause = nativeError('CLOSED', 'the queue is closed');
  expect(() =>
    fromNative(() => {
      throw cause;
    }),
  ).toThrow(
    expect.objectContaining({
      name: 'NarrowcastError',
      code: 'CLOSED',
      message: 'the queue is closed',
      cause,
    }),
  );
});

test.each(['InvalidArg', 'NumberExpected', 'BigintExpected'])(
  '%s, a Node-API complaint, is INVALID_ARGUMENT',
  (code) => {
    expect(fromNativeError(nativeError(code))).toMatchObject({
      name: 'NarrowcastError',
      code: 'INVALID_ARGUMENT',
    });
  },
);

test.each([
  nativeError('GenericFailure'),
  nativeError('toString'),
  nativeError(undefined),
  new NarrowcastError('LOCKED', 'x'),
  'a string',
  undefined,
])('%s is passed on as it is', (error) => {
  expect(fromNativeError(error)).toBe(error);
});

test('the result of the call is returned', () => {
  expect(fromNative(() => 7)).toBe(7);
});

test('the stack starts at the caller, and the name is no own property', () => {
  try {
    fromNative(() => {
      throw nativeError('LAGGED');
    });
    expect.unreachable();
  } catch (error) {
    expect((error as Error).stack?.split('\n')[0]).toBe('NarrowcastError: capacity must be at least 1, got 0');
    expect((error as Error).stack?.split('\n')[1]).toContain('errors.test.ts');
    expect(Object.keys(error as Error)).toEqual(['code']);
  }
});
