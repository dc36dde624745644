import type { FfiRequest, NewAudioStreamResponse, NewVideoStreamResponse } from '@livekit/rtc-ffi-bindings';
import { fromNative, NarrowcastError } from '../errors.js';
import type { Bindings } from './bindings.js';

/** Asks the engine, and not by the client, which keeps the process alive from its first use on. */
export function requestEngine<T>({ ffi }: Bindings, message: FfiRequest['message']): T {
  const answer = ffi.livekitFfiRequest(new ffi.FfiRequest({ message }).toBinary());
  return ffi.FfiResponse.fromBinary(answer).message.value as T;
}

/**
 * Has native code open a stream: `open` calls back when the engine is to be asked for one, which `request` does.
 *
 * @returns the engine's handle of the stream
 * @throws {NarrowcastError} `ENGINE_REQUEST_FAILED`, and what `request` and native code throw
 */
export function openStream(
  open: (request: () => bigint) => void,
  request: () => NewAudioStreamResponse | NewVideoStreamResponse,
): bigint {
  let stream = 0n;
  let failure: { error: unknown } | undefined;
  fromNative(() =>
    open(() => {
      try {
        const id = request().stream?.handle?.id;
        if (id === undefined)
          throw new NarrowcastError('ENGINE_REQUEST_FAILED', 'the engine answered without a stream');
        return (stream = id);
      } catch (error) {
        // Errors don't pass through native code whole. Handle 0 is no stream.
        failure = { error };
        return 0n;
      }
    }),
  );
  if (failure) throw failure.error;
  return stream;
}
