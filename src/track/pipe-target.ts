import { NarrowcastError } from '../errors.js';
import { invalid } from '../validate.js';

/** Where `AudioStreamTrack.pipeTo` plays: an `AudioSource` of `@livekit/rtc-node`. */
export interface PipeTarget {
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly numChannels: number;
  /** Length of its own queue, in ms; 0: it has none, which saves 30 ms. */
  readonly queueSize?: number;
  /** @internal */
  [PIPED_TRACK]?: PipedTrack | undefined;
}

/** What an interruption cut off. */
export interface Interruption {
  /** What the listener had heard of the utterance that was interrupted, in ms; 0 if nothing was being said. */
  readonly heardMs: number;
  /** What was written and will never be heard, in ms. */
  readonly discardedMs: number;
}

/** The track that is piped to a source of narrowcast's, in that source. @internal */
export const PIPED_TRACK: unique symbol = Symbol.for('narrowcast.pipedTrack') as never;

/** What a source knows of the track that is piped to it. @internal */
export interface PipedTrack {
  /** What waits to be heard, in ms. */
  readonly queuedMs: number;
  interrupt(): Interruption;
  waitForPlayout(): Promise<void>;
  /** Called when another track is to be piped to the source: aborts this one if it has nothing to play. */
  readonly makeWay?: () => void;
}

/** What the engine is given at a time, in ms. */
export const CHUNK_MS = 10;

/**
 * The engine's handle of a source that a track can be piped to.
 *
 * @param isSourcesOwn whether the track plays the frames of that source
 * @throws {NarrowcastError} `INVALID_ARGUMENT`; `CLOSED`
 */
export function checkSource(
  source: PipeTarget,
  track: { readonly sampleRate: number; readonly numChannels: number; readonly bufferMs: number },
  isSourcesOwn: boolean,
): bigint {
  const { ffiHandle, closed } = Object(source) as { ffiHandle?: { handle?: unknown }; closed?: unknown };
  const handle = ffiHandle?.handle;
  if (typeof handle !== 'bigint') throw invalid('source', source, 'an AudioSource of @livekit/rtc-node');
  if (closed === true) throw new NarrowcastError('CLOSED', 'the source is closed: pipe to an open one');
  const { sampleRate, numChannels } = source;
  if (sampleRate !== track.sampleRate || numChannels !== track.numChannels) {
    throw invalid(
      'source',
      `one of ${sampleRate} Hz with ${numChannels} channels`,
      `one of ${track.sampleRate} Hz with ${track.numChannels}, as the track has`,
    );
  }
  if (track.bufferMs < CHUNK_MS) {
    throw new NarrowcastError(
      'INVALID_ARGUMENT',
      `the track buffers ${track.bufferMs} ms, and is piped in chunks of ${CHUNK_MS}: make it with a larger bufferMs`,
    );
  }
  if (sampleRate % 100 !== 0 && !isSourcesOwn) throw invalid('source.sampleRate', sampleRate, 'a multiple of 100');
  return handle;
}
