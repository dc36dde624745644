import type { EventEmitter } from 'node:events';
import * as rtc from '@livekit/rtc-node';
import { CapturePump } from '../../src/livekit/capture-pump.js';
import { install } from '../../src/livekit/index.js';
import { encodeEvent } from './messages.js';

/** A track of the engine's own in this process, and what plays into it: no server, no network. */
export interface Played {
  readonly source: rtc.AudioSource;
  readonly track: rtc.LocalAudioTrack;
  readonly pcm: Int16Array;
}

/** Opens `count` tracks at `sampleRate`, each with samples of its own. Install narrowcast first. */
export function openTracks(count: number, sampleRate = 16_000): Played[] {
  return Array.from({ length: count }, (_, number) => {
    const source = new rtc.AudioSource(sampleRate, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack(`track ${number}`, source);
    return { source, track, pcm: counting(sampleRate, number) };
  });
}

/** One second of samples that differ from one to the next, and from one track to another. */
function counting(sampleRate: number, number: number): Int16Array {
  return new Int16Array(sampleRate).map((_, i) => ((i * 7 + number * 1000) % 60_000) - 30_000);
}

/**
 * Plays `chunks` chunks of 10 ms into each track, in real time.
 *
 * @param answersTo async ids under which JavaScript hears the engine's answers, by the track's position
 */
export function play(tracks: readonly Played[], chunks: number, answersTo?: (at: number) => bigint): CapturePump {
  return new CapturePump(
    tracks.map(({ source, pcm }, at) => ({
      handle: source.ffiHandle.handle,
      sampleRate: source.sampleRate,
      channels: 1,
      pcm,
      chunks,
      ...(answersTo && { answersTo: answersTo(at) }),
    })),
  );
}

/** Lets `track` be unsubscribed: what rtc-node's room calls then, or in versions before 0.13.32 the engine's own event. */
export function unsubscribe(track: rtc.Track): void {
  const { closeAudioStreams } = track as unknown as { closeAudioStreams?(): void }; // private in its types
  if (closeAudioStreams) return closeAudioStreams.call(track);
  const { queue } = install();
  const client = (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance!;
  client.on('ffi_event', () => {}); // the room
  const trackUnsubscribed = { participantIdentity: 'other', trackSid: track.sid };
  queue.put('roomEvent', encodeEvent({ roomEvent: { roomHandle: 1n, trackUnsubscribed } }), 1n);
}

/** Waits until `condition` holds, looking again after other work; fails after `limitMs`. */
export async function until(condition: () => boolean, what: string, limitMs = 30_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Blocks this thread, as a busy agent does. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
