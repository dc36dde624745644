import { threadId } from 'node:worker_threads';
import type { AudioSourceStats, EngineStats, VideoStreamStats } from '../livekit/stats.js';
import type { AudioStreamStats } from '../pcm-reader.js';
import type { AudioStreamTrackStats } from '../track/stats.js';
import type { HandleClass, HandleCounts } from './handles.js';
import { stallCounts, type Stall, type StallCounts } from './stalls.js';
import { alive, aliveCounts, type Inspected, type InspectedKind, type KindCounts } from './alive.js';

export type { HandleClass, HandleCounts, Inspected, InspectedKind, KindCounts, Stall, StallCounts };

/** An `AudioStream`. */
export interface InspectedStream extends Inspected, AudioStreamStats {
  /** `'engine'`: a LiveKit track; `'program'`: the stream's `write()`. */
  fedBy: 'engine' | 'program';
  /** Hz. */
  sampleRate: number;
  /** Channels. */
  channels: number;
  /** Length of a frame, in ms. */
  frameMs: number;
  /** Whether a reader waits for a frame. */
  awaited: boolean;
  /** Whether no more frames come: the rest waits to be read. */
  ended: boolean;
  /** How long its reader has been away; 0: it has read all that came. */
  unreadMs: number;
}

/** A `VideoStream`. */
export interface InspectedVideoStream extends Inspected, VideoStreamStats {
  /** Whether a reader waits for a frame. */
  awaited: boolean;
  /** How long its reader has been away, as far as earlier calls of `inspect()` tell; 0: it has read all that came. */
  unreadMs: number;
}

/** An `AudioSource` of narrowcast. */
export interface InspectedSource extends Inspected, AudioSourceStats {
  /** Hz. */
  sampleRate: number;
  /** Channels. */
  channels: number;
  /** How much may wait to be played, in ms. */
  queueSize: number;
}

/** An `AudioStreamTrack`. */
export interface InspectedTrack extends Inspected, AudioStreamTrackStats {
  /** Hz. */
  sampleRate: number;
  /** Channels. */
  channels: number;
  /** Length of a frame, in ms. */
  frameMs: number;
  /** Whether a native thread plays it into a source. */
  piped: boolean;
  /** Whether it plays silence, see `AudioStreamTrack.pause()`. */
  paused: boolean;
}

/** A `Subscription`, of `engine.queue` or of an `FfiQueue`. */
export interface InspectedSubscription extends Inspected {
  /** Events that wait to be read. */
  queued: number;
  /** Events that were lost because they were not read in time. */
  dropped: number;
  /** Whether no more events come: it was not told so by `close()`. */
  closed: boolean;
}

/** A room of rtc-node. */
export interface InspectedRoom extends Omit<Inspected, 'id'> {
  /** Empty until it is open. */
  name: string;
  /** Whether the engine has said that it is open. */
  state: 'connecting' | 'open';
  /** The sids of the remote tracks that are subscribed to. */
  tracks: string[];
}

/** A request of rtc-node that the engine has not answered. */
export interface PendingAnswer {
  /** The kind of the request, as far as that is known: the one that was made last before the wait began. */
  asked: string;
  /** Since the wait began. */
  ageMs: number;
}

/** What a thread's client knows. @internal */
export interface InspectedClient {
  rooms: InspectedRoom[];
  pending: PendingAnswer[];
  requests: Record<string, number>;
  events: Record<string, number>;
}

/** What `Engine.inspect()` looks at besides. */
export interface InspectOptions {
  /**
   * Also count the objects that hold native handles, see {@link Inspection.handles}. This stops the thread for a garbage
   * collection for each class, some 15 in all. Default: false.
   */
  handles?: boolean;
}

/** What `Engine.inspect()` returns. All but `engine` is of the thread that asks. */
export interface Inspection {
  /** The process. */
  pid: number;
  /** Node's `threadId`. */
  thread: number;
  /** Rooms that are open, or are being connected. */
  rooms: InspectedRoom[];
  /** `AudioStream`s that have not ended. */
  streams: InspectedStream[];
  /** `VideoStream`s that have not ended. */
  videoStreams: InspectedVideoStream[];
  /** `AudioSource`s of narrowcast that were not closed. */
  sources: InspectedSource[];
  /** `AudioStreamTrack`s that were not stopped. */
  tracks: InspectedTrack[];
  /** Subscriptions of `engine.queue` and of each `FfiQueue` that were not closed. */
  subscriptions: InspectedSubscription[];
  /** Listeners of `ffi_event` at rtc-node's client, but for those of rtc-node's rooms. */
  listeners: Inspected[];
  /** How many objects of each kind were opened, closed, and collected without having been closed. */
  counts: Record<InspectedKind, KindCounts>;
  /** What waits for an answer of the engine. */
  pending: {
    /** Requests of rtc-node's client, each with what was asked for, as far as that is known. */
    client: PendingAnswer[];
    /** Requests of narrowcast's own classes: how long each has waited, in ms. */
    ownMs: number[];
  };
  /** Times that this thread left a wake unanswered for more than 100 ms. */
  stalls: StallCounts;
  /** Requests that rtc-node has made, by kind. */
  requests: Record<string, number>;
  /** Events that rtc-node was handed, by kind. */
  events: Record<string, number>;
  /** What `Engine.stats()` returns: of all threads. */
  engine: EngineStats;
  /** What holds native handles of the engine, by class. Only if it was asked for, and Node is 20.13 or newer. */
  handles?: HandleCounts;
}

export function inspection(
  now: number,
  { rooms, pending, requests, events }: InspectedClient,
  own: readonly number[],
  engine: EngineStats,
): Inspection {
  return {
    pid: process.pid,
    thread: threadId,
    rooms,
    streams: alive('streams', now),
    videoStreams: alive('videoStreams', now),
    sources: alive('sources', now),
    tracks: alive('tracks', now),
    subscriptions: alive('subscriptions', now),
    listeners: alive('listeners', now),
    counts: aliveCounts(),
    pending: { client: pending, ownMs: [...own] },
    stalls: stallCounts(),
    requests,
    events,
    engine,
  };
}
