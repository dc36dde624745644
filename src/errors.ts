/**
 * What went wrong, for programs.
 *
 * - `INVALID_ARGUMENT`: an argument has the wrong type or a value out of range; the message names it and its value.
 * - `CLOSED`: the object was closed, and this method needs an open one.
 * - `LOCKED`: another reader or producer has it: a stream with a reader attached, a track that is being piped, a stream that a
 *   native addon writes to, or a side of a ring buffer.
 * - `INTERRUPTED`: what was to be said was interrupted, and nothing more of it is heard.
 * - `LAGGED`: a subscription was not read in time, reached its `maxCapacity` and was ended.
 * - `NOT_FOUND`: no open object of this process has that id.
 * - `UNSUPPORTED_PLATFORM`: the native addon could not be loaded here.
 * - `VERSION_MISMATCH`: the native addon that was found belongs to another version of narrowcast, or another version of
 *   narrowcast uses LiveKit's engine in this process.
 * - `ENGINE_NOT_FOUND`: LiveKit's native library was not found beside the application.
 * - `ENGINE_INCOMPATIBLE`: LiveKit's native library was found, but it is not one that this version can work with.
 * - `ENGINE_NOT_INSTALLED`: `install()` must be called, in this thread, before this is used.
 * - `ENGINE_PANIC`: the engine reported a panic in its native code; it can't be used any more.
 * - `ENGINE_REQUEST_FAILED`: the engine refused or failed a request; the message is the engine's own.
 * - `WRITE_FAILED`: a file can't be written; the message says why, and `cause` is the system's error.
 * - `OUT_OF_THREADS`: the system let no native thread be started.
 * - `ANSWER_LOST`: another thread of this process had taken the engine's events, perhaps with the answer that this waited
 *   for. Whether the engine did what it was asked for is not known.
 */
export type NarrowcastErrorCode =
  | 'INVALID_ARGUMENT'
  | 'CLOSED'
  | 'LOCKED'
  | 'INTERRUPTED'
  | 'LAGGED'
  | 'NOT_FOUND'
  | 'UNSUPPORTED_PLATFORM'
  | 'VERSION_MISMATCH'
  | 'ENGINE_NOT_FOUND'
  | 'ENGINE_INCOMPATIBLE'
  | 'ENGINE_NOT_INSTALLED'
  | 'ENGINE_PANIC'
  | 'ENGINE_REQUEST_FAILED'
  | 'WRITE_FAILED'
  | 'OUT_OF_THREADS'
  | 'ANSWER_LOST';

// A Record, so that a code missing here does not compile.
const CODES: Record<NarrowcastErrorCode, true> = {
  INVALID_ARGUMENT: true,
  CLOSED: true,
  LOCKED: true,
  INTERRUPTED: true,
  LAGGED: true,
  NOT_FOUND: true,
  UNSUPPORTED_PLATFORM: true,
  VERSION_MISMATCH: true,
  ENGINE_NOT_FOUND: true,
  ENGINE_INCOMPATIBLE: true,
  ENGINE_NOT_INSTALLED: true,
  ENGINE_PANIC: true,
  ENGINE_REQUEST_FAILED: true,
  WRITE_FAILED: true,
  OUT_OF_THREADS: true,
  ANSWER_LOST: true,
};

/**
 * Every error that narrowcast itself throws or rejects with.
 *
 * Compare `code`, not the message, and not `instanceof`: a copy of this package that another one brings has a class of
 * its own.
 */
export class NarrowcastError extends Error {
  /** What went wrong, for programs. */
  readonly code: NarrowcastErrorCode;

  /** @param options `cause`: the error that led to this one. */
  constructor(code: NarrowcastErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static {
    // On the prototype, as the built-in errors have it: an own property would be printed with every error.
    Object.defineProperty(this.prototype, 'name', { value: 'NarrowcastError', configurable: true, writable: true });
  }
}

/**
 * `error` as a {@link NarrowcastError} if native code threw it with one of our codes, else `error` itself.
 * Node-API's own complaints about an argument's type become `INVALID_ARGUMENT`.
 *
 * @internal
 */
export function fromNativeError(error: unknown): unknown {
  if (!isError(error) || error instanceof NarrowcastError) return error;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return error;
  if (Object.hasOwn(CODES, code)) {
    return new NarrowcastError(code as NarrowcastErrorCode, error.message, { cause: error });
  }
  if (/^(InvalidArg|[A-Z][A-Za-z]*Expected)$/.test(code)) {
    return new NarrowcastError('INVALID_ARGUMENT', error.message, { cause: error });
  }
  return error;
}

/** Also of another realm: under jest, where a test has globals of its own, native code makes errors of Node's. */
const isError = (value: unknown): value is Error => Object.prototype.toString.call(value) === '[object Error]';

/**
 * Calls into the addon: what it throws comes out as {@link fromNativeError} says, with the stack of the caller.
 *
 * @internal
 */
export function fromNative<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const translated = fromNativeError(error);
    if (translated !== error) Error.captureStackTrace(translated as Error, fromNative);
    throw translated;
  }
}
