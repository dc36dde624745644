import type { EventEmitter } from 'node:events';
import type { ReadableStream } from 'node:stream/web';
import type { AudioFrame, Track } from '@livekit/rtc-node';

/** A stream of a track's frames, 16 kHz mono. */
export type Frames = ReadableStream<AudioFrame>;

/** What is between the engine and JavaScript: narrowcast, or rtc-node's own client. */
export interface Client {
  open(track: Track): Frames;
  /** Who listens to the engine's events, streams not counted that native code feeds. */
  listeners(): number;
  /** Streams that the engine feeds. */
  streams(): number;
  /** Events of the engine that came so far. */
  events(): number;
  /** What a stream counted; undefined where streams don't count. */
  count(stream: Frames): Counts | undefined;
  /** How many handles of each kind the engine still knows. It forgets them when asked. */
  handles(): { frames: number; streams: number };
  /** What should never happen and did, in words. */
  faults(): string[];
}

/** Frames of a stream. */
export interface Counts {
  readonly framesIn: number;
  readonly framesOut: number;
  readonly framesDropped: number;
  readonly framesBuffered: number;
}

/** What rtc-node listens to, in either process. */
export function ffiClient(): EventEmitter & { request(request: unknown): unknown } {
  return (globalThis as unknown as { _ffiClientInstance: ReturnType<typeof ffiClient> })._ffiClientInstance;
}
