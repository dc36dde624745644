import type { PcmReader } from '../pcm-reader.js';

// What is said of each object that is alive, see alive.ts. Functions of a module, which close over no object. They know of the
// objects only what they tell: their classes use these functions.

/** An object that counts. */
interface Counting<Stats> {
  stats(): Stats;
}

/** Of an `AudioStream`. */
export function describeStream<F>(reader: PcmReader<F>) {
  const { sampleRate, channels, format, keepsAlive } = reader;
  const stats = reader.stats();
  return {
    fedBy: keepsAlive ? ('engine' as const) : ('program' as const),
    sampleRate,
    channels,
    frameMs: (format.frameSamples / channels / sampleRate) * 1000,
    ...stats,
    /** Whether a reader waits for a frame. */
    awaited: reader.waiters.pending,
    /** Whether no more frames come: the rest waits to be read. */
    ended: reader.native.ended,
    /** How long its reader has been away; 0: it has read all that came. */
    unreadMs: Math.round(stats.bufferedMs),
  };
}

/** Of a `VideoStream`. */
export function describeVideo<Stats extends { readonly framesBuffered: number }>(
  reader: Counting<Stats> & { readonly waiters: { readonly pending: boolean } },
) {
  const stats = reader.stats();
  // A frame that waits has come just now, at least: since when the reader is away, only an earlier look can tell.
  return { ...stats, awaited: reader.waiters.pending, unreadMs: stats.framesBuffered > 0 ? 1 : 0 };
}

/** Of an `AudioSource`. */
export function describeSource<Stats>(
  source: Counting<Stats> & { sampleRate: number; numChannels: number; queueSize: number },
) {
  const { sampleRate, numChannels: channels, queueSize } = source;
  return { sampleRate, channels, queueSize, ...source.stats() };
}

/** Of an `AudioStreamTrack`. */
export function describeTrack<Stats>(
  track: Counting<Stats> & { sampleRate: number; numChannels: number; frameSizeMs: number; paused: boolean },
  piped: boolean,
) {
  const { sampleRate, numChannels: channels, frameSizeMs: frameMs, paused } = track;
  return { sampleRate, channels, frameMs, piped, paused, ...track.stats() };
}

/** Of a `Subscription`. */
export function describeSubscription({ size, dropped, closed }: { size: number; dropped: number; closed: boolean }) {
  return { queued: size, dropped, closed };
}

/** Of a listener of rtc-node's client. */
export function describeListener() {
  return {};
}
