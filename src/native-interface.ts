import { fromNative } from './errors.js';
import { native } from './native.js';

declare const table: unique symbol;

/** What {@link nativeInterface} returns: an object for native addons, which JavaScript only passes on. */
export interface NativeInterface {
  /** The version of the interface: major and minor, as in `1.0`. */
  readonly version: string;
  /** Not there for JavaScript. */
  readonly [table]: never;
}

/**
 * The C interface to queues and streams, for another native addon, which finds it described in `include/narrowcast.h` of this
 * package: its threads then put events into an {@link FfiQueue} and samples into an {@link AudioStream}, each by its `id`. Pass
 * what this returns to a function of that addon; there it can be used from every thread, until the process ends.
 *
 * @example
 * ```ts
 * const queue = new FfiQueue({ types: ['level'] });
 * addon.start(nativeInterface(), queue.id);
 * ```
 */
export function nativeInterface(): NativeInterface {
  return fromNative(() => native.nativeInterface()) as NativeInterface;
}
