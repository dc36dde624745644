import type { FrameProcessor, AudioFrame, Track } from '@livekit/rtc-node';
import { invalid } from '../validate.js';

/** What a frame processor is told of the room that its track is in. */
export type RoomListener = Pick<
  FrameProcessor<AudioFrame>,
  'onStreamInfoUpdated' | 'onStreamInfoCleared' | 'onCredentialsUpdated' | 'onCredentialsCleared'
>;

/** What rtc-node's Track holds, weakly, of each stream on it. */
export interface StreamOnTrack {
  readonly processor: RoomListener | null;
  /** The track was unsubscribed. The engine tells its streams nothing of that. */
  teardown(): void;
}

/** What of rtc-node's Track is private there, so described here. Versions before 0.13.34 know nothing of streams. */
export interface TrackInternals {
  readonly ffi_handle: { readonly handle: bigint };
  readonly info?: { readonly remote?: boolean };
  /** Has the track end a stream, of audio or video: rtc-node calls all of them. */
  registerAudioStream?(stream: StreamOnTrack): void;
  unregisterAudioStream?(stream: StreamOnTrack): void;
}

/** A track as rtc-node's own streams see it. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function trackOf(track: Track): TrackInternals {
  const internals = track as unknown as TrackInternals | null | undefined;
  if (typeof internals?.ffi_handle?.handle !== 'bigint') throw invalid('track', track, 'a Track of @livekit/rtc-node');
  return internals;
}
