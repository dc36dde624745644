import { AudioStreamType, FfiHandle, type NewAudioStreamResponse } from '@livekit/rtc-ffi-bindings';
import type { LocalAudioTrack } from '@livekit/rtc-node';
import type { FfiClient } from '../../src/livekit/ffi-client.js';

/** rtc-node's client of this thread, which is there once narrowcast is installed. */
export const client = () => (globalThis as { _ffiClientInstance?: FfiClient })._ffiClientInstance!;

/**
 * Opens a stream of the engine that is not narrowcast's: its frames, of 16 kHz, are events like any other. The caller disposes
 * of the handle.
 */
export function openForeignStream(track: LocalAudioTrack): FfiHandle {
  const { stream } = client().request<NewAudioStreamResponse>({
    message: {
      case: 'newAudioStream',
      value: {
        type: AudioStreamType.AUDIO_STREAM_NATIVE,
        trackHandle: track.ffi_handle.handle,
        sampleRate: 16_000,
        numChannels: 1,
        queueSizeFrames: 0, // all of them
      },
    },
  });
  return new FfiHandle(stream!.handle!.id!);
}
