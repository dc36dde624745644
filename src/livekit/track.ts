import type { FrameProcessor, AudioFrame, Track } from '@livekit/rtc-node';
import { invalid } from '../validate.js';
import { install } from './engine.js';

/** What rtc-node's Track holds, weakly, of each stream on it. */
export interface StreamOnTrack {
  readonly processor: FrameProcessor<AudioFrame> | null;
  /** The track was unsubscribed, of which the engine says nothing to its streams. */
  teardown(): void;
}

/** What of rtc-node's Track is private there, so described here. Versions before 0.13.32 know nothing of streams. */
export interface TrackInternals {
  readonly ffi_handle: { readonly handle: bigint };
  readonly info?: { readonly sid?: string; readonly remote?: boolean };
  registerAudioStream?(stream: StreamOnTrack): void;
  unregisterAudioStream?(stream: StreamOnTrack): void;
}

/** A track as rtc-node's own streams see it. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function trackOf(track: Track): TrackInternals {
  const internals = track as unknown as TrackInternals | null | undefined;
  if (typeof internals?.ffi_handle?.handle !== 'bigint') throw invalid('track', track, 'a Track of @livekit/rtc-node');
  return internals;
}

/** Has a stream, audio or video, ended with its track. Returns what undoes it, and keeps the track. Install first. */
export function register(track: TrackInternals, stream: StreamOnTrack): () => void {
  if (track.registerAudioStream) {
    track.registerAudioStream(stream);
    return () => track.unregisterAudioStream!(stream);
  }
  const { trackStreams } = install();
  trackStreams.add(track, stream);
  return () => trackStreams.remove(track, stream);
}
