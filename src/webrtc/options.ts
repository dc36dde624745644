import type { BlankTrack } from './blank-track.js';
import { TransceiverPoolError } from './errors.js';
import type { CodecLike, EncodingsOf, PeerConnectionLike, StreamsOf, TransceiverOf } from './standard.js';

/** Options of a TransceiverPool. */
export interface TransceiverPoolOptions {
  /** How many unused transceivers of one key are kept; what is released beyond is stopped. Default 4. */
  maxParkedPerKey?: number;
  /**
   * How memory comes back at release. `shrink`, the default, keeps the transceiver for the next publication: its
   * encoders are made tiny. `stop` gives it up for good; its m-line can be used again after the next negotiation.
   */
  free?: 'shrink' | 'stop';
  /** How long a call to the connection may take, in ms, before its transceiver is given up. Default 5000. */
  settleMs?: number;
  /**
   * Makes the video track that encoders are made tiny with: 16×16, once for each release. The pool calls its `paint`,
   * if it has one, for each frame that it needs, and then stops the track. Default: of a canvas of the page; without a
   * page nothing is made tiny.
   */
  blankVideoTrack?: () => BlankTrack;
  /** How long encoders get to become tiny, in ms. Default 50. */
  shrinkMs?: number;
  /**
   * When a released transceiver may be used again. `negotiated`, the default: once the other side has heard of the end
   * of the last publication. `immediate`: at once; the other side may then see one publication where two were meant.
   */
  reuse?: 'negotiated' | 'immediate';
}

/** Options of {@link TransceiverPool.acquire}; all but `profile` are those of `addTransceiver`. */
export interface AcquireOptions<PC extends PeerConnectionLike = PeerConnectionLike> {
  /** What the other side gets the track in. Default: no stream. */
  streams?: StreamsOf<PC>;
  /** Layers and their limits. A reused sender has the very same layers, with these limits and no older ones. */
  sendEncodings?: EncodingsOf<PC>;
  /** For `setCodecPreferences`. Only a transceiver with the same list is reused. */
  codecs?: readonly CodecLike[];
  /**
   * Whatever else sticks to a sender, by a name of your own: encoded streams can be attached only once, a transform
   * stays. Only a transceiver of the same profile is reused. Default: none.
   */
  profile?: string;
}

/** What {@link TransceiverPool.acquire} gives. */
export interface Lease<PC extends PeerConnectionLike = PeerConnectionLike> {
  /** Sends the track; it is the caller's until released. */
  transceiver: TransceiverOf<PC>;
  /** Whether it was used before. */
  reused: boolean;
  /** Whether nothing arrives at the other side before an offer and an answer. */
  needsNegotiation: boolean;
}

/** What {@link TransceiverPool.release} gives. */
export interface Released {
  /** Whether the other side doesn't know of the end before an offer and an answer. */
  needsNegotiation: boolean;
  /** How its memory came back; `none` for audio, which has next to none, and where shrinking is impossible. */
  freed: 'shrunk' | 'stopped' | 'none';
}

/** What a pool has, and what it has done so far. */
export interface TransceiverPoolStats {
  /** Being prepared for a track. */
  acquiring: number;
  /** With somebody who has not released them. */
  leased: number;
  /** Giving their memory back. */
  releasing: number;
  /** Waiting for the next track. */
  parked: number;
  /** Made by `addTransceiver`. */
  created: number;
  /** Handed out again. */
  reused: number;
  /** Made tiny. */
  shrunk: number;
  /** Stopped by the pool: too many of them, never negotiated, given up, `free: 'stop'`, or parked at `dispose`. */
  stopped: number;
  /** Given up because preparing or releasing them failed; they are in `stopped`, too. */
  failed: number;
  /** Parked ones that somebody else took, with `addTrack` for example, or stopped. */
  lost: number;
}

export type Settings = Required<Omit<TransceiverPoolOptions, 'blankVideoTrack'>>;

const DEFAULTS: Settings = {
  maxParkedPerKey: 4,
  free: 'shrink',
  settleMs: 5000,
  shrinkMs: 50,
  reuse: 'negotiated',
};

/** @throws TransceiverPoolError `invalid-argument` */
export function settings(options: unknown): Settings {
  const given = object('options', options);
  const all = { ...DEFAULTS, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
  const { maxParkedPerKey, free, settleMs, shrinkMs, reuse } = all;
  if (typeof maxParkedPerKey !== 'number' || !(maxParkedPerKey >= 0))
    throw invalid('maxParkedPerKey', maxParkedPerKey, 'a number from 0');
  if (!isTime(settleMs) || settleMs === 0) throw invalid('settleMs', settleMs, 'ms above 0');
  if (!isTime(shrinkMs)) throw invalid('shrinkMs', shrinkMs, 'ms from 0');
  if (!['shrink', 'stop'].includes(free)) throw invalid('free', free, "'shrink' or 'stop'");
  if (!['negotiated', 'immediate'].includes(reuse)) throw invalid('reuse', reuse, "'negotiated' or 'immediate'");
  const blank = given['blankVideoTrack'];
  if (blank !== undefined && typeof blank !== 'function') throw invalid('blankVideoTrack', blank, 'a function');
  return all;
}

/** Complains of what `addTransceiver` would not: wrong types that would only show later, in a reuse. */
export function checkAcquire(track: unknown, options: unknown): void {
  const { kind, readyState } = object('track', track);
  if (kind !== 'audio' && kind !== 'video') throw invalid('track.kind', kind, "'audio' or 'video'");
  if (readyState === 'ended') throw ended();
  const { streams, sendEncodings, codecs, profile } = object('options', options);
  for (const [name, list] of Object.entries({ streams, sendEncodings, codecs })) {
    if (list === undefined) continue;
    if (!Array.isArray(list)) throw invalid(name, list, 'an array');
    for (const each of list) {
      const { mimeType } = object(`an element of ${name}`, each);
      if (list === codecs && typeof mimeType !== 'string') throw invalid('mimeType of a codec', mimeType, 'a string');
    }
  }
  if (profile !== undefined && typeof profile !== 'string') throw invalid('profile', profile, 'a string');
}

export const ended = (): TransceiverPoolError =>
  new TransceiverPoolError('track-ended', 'the track has ended: publish a live one');

export function invalid(what: string, value: unknown, expected: string): TransceiverPoolError {
  return new TransceiverPoolError('invalid-argument', `${what} is ${String(value)}: pass ${expected}`);
}

function object(what: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw invalid(what, value, 'an object');
  return value as Record<string, unknown>;
}

// setTimeout turns what is longer than 2^31 ms into nothing.
const isTime = (ms: unknown): ms is number => typeof ms === 'number' && ms >= 0 && ms < 2 ** 31;
