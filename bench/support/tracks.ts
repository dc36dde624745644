import type { AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import { loadBindings } from '../../src/livekit/bindings.js';
import { CapturePump } from '../../src/livekit/capture-pump.js';

export const SAMPLE_RATE = 16_000;

/** A track in LiveKit's engine, without a server. Has to be held: its streams end when it is collected. */
export interface Track {
  readonly source: AudioSource;
  readonly track: LocalAudioTrack;
}

export function openTracks(count: number): Track[] {
  const { rtc } = loadBindings();
  return Array.from({ length: count }, (_, at) => {
    // Without a queue of its own a source hands on what it gets at once.
    const source = new rtc.AudioSource(SAMPLE_RATE, 1, 0);
    return { source, track: rtc.LocalAudioTrack.createAudioTrack(`track-${at}`, source) };
  });
}

/** The native handle of a track, for another thread. */
export function handleOf({ track }: Track): bigint {
  return (track as unknown as { ffi_handle: { handle: bigint } }).ffi_handle.handle;
}

/**
 * Plays a tone in every track from a native thread, 100 chunks a second each, until it is stopped.
 *
 * @param answersTo async ids under which JavaScript hears the engine's answer to each chunk, by the track's position
 */
export function play(tracks: readonly Track[], answersTo?: (at: number) => bigint): CapturePump {
  const pcm = Int16Array.from({ length: SAMPLE_RATE }, (_, at) => 8000 * Math.sin(at / 10));
  return new CapturePump(
    tracks.map(({ source }, at) => ({
      handle: (source as unknown as { ffiHandle: { handle: bigint } }).ffiHandle.handle,
      sampleRate: SAMPLE_RATE,
      channels: 1,
      pcm,
      chunks: 1e9,
      ...(answersTo && { answersTo: answersTo(at) }),
    })),
  );
}

/** Chunks played so far, in all tracks. */
export function played(pump: CapturePump): number {
  return pump.stats().reduce((sum, { sent }) => sum + sent, 0);
}
