import type { BlankTrack } from './blank-track.js';
import { nearest } from '../nearest.js';
import { TransceiverPoolError } from './errors.js';
import type { CodecLike, EncodingsOf, PeerConnectionLike, StreamsOf, TransceiverOf } from './standard.js';

/** Options of {@link releaseSender}, and of a pool's releases. */
export interface ReleaseOptions {
  /**
   * How memory comes back. `shrink`, the default: at once, for the encoders are made tiny before the transceiver is
   * stopped. `stop`: with the next negotiation; the call waits for nothing.
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
}

/** Options of a TransceiverPool. */
export interface TransceiverPoolOptions extends ReleaseOptions {
  /**
   * What a publication gets. `none`, the default: a new sender, on the m-line of a stopped one. It is right in front of
   * any receiver. `sender`: the very sender of a publication that ended, once the other side has heard of the end, with
   * the same kind, codecs, layers and profile. Its packets carry no MID and RID once a receiver has acknowledged its SSRCs,
   * and its m-line names the first track that it sent: ask for it only where the receiver binds by neither.
   */
  reuse?: 'none' | 'sender';
  /** With `reuse: 'sender'`, how many unused senders of one key are kept; what is released beyond is stopped. Default 4. */
  maxParkedPerKey?: number;
}

/** Options of {@link TransceiverPool.acquire}; all but `profile` are those of `addTransceiver`. */
export interface AcquireOptions<PC extends PeerConnectionLike = PeerConnectionLike> {
  /** What the other side gets the track in. Default: no stream. */
  streams?: StreamsOf<PC>;
  /** Layers and their limits. A reused sender has the very same layers, with these limits and none of the last publication. */
  sendEncodings?: EncodingsOf<PC>;
  /** For `setCodecPreferences`. Only a transceiver with the same list is reused. */
  codecs?: readonly CodecLike[];
  /**
   * Anything else that stays with a sender, by a name of your own: encoded streams can be attached only once, and a
   * transform stays. A sender is reused only for the same profile. Default: none.
   */
  profile?: string;
}

/** What {@link TransceiverPool.acquire} gives. */
export interface Lease<PC extends PeerConnectionLike = PeerConnectionLike> {
  /** Sends the track; it is the caller's until released. */
  transceiver: TransceiverOf<PC>;
  /** Whether it was used before; only with `reuse: 'sender'`. */
  reused: boolean;
  /** Whether nothing arrives at the other side before an offer and an answer: always so, with a new sender or an old one. */
  needsNegotiation: boolean;
}

/** What {@link TransceiverPool.release} and {@link releaseSender} give. */
export interface Released {
  /**
   * Whether an offer and an answer are missing until the other side knows of the end, and until another transceiver can
   * get the m-line of a stopped one.
   */
  needsNegotiation: boolean;
  /**
   * How its memory comes back. `shrunk`: it is back. `stopped`: with the next negotiation. `none`: it was kept, and is
   * audio, which has next to none, or can't be made tiny.
   */
  freed: 'shrunk' | 'stopped' | 'none';
}

/** What a pool has, and what it has done so far. */
export interface TransceiverPoolStats {
  /** Being prepared for a track. */
  acquiring: number;
  /** With a caller that has not released them. */
  leased: number;
  /** Giving their memory back. */
  releasing: number;
  /** Waiting for the next track, with `reuse: 'sender'`. */
  parked: number;
  /** Released, and kept for good: the first m-line of the BUNDLE group, which must not be stopped. 0 or 1. */
  anchors: number;
  /** Stopped, while the other side does not know it: another transceiver gets the m-line after the next negotiation. */
  stopping: number;
  /** Made by `addTransceiver`. */
  created: number;
  /** Handed out again, with `reuse: 'sender'`. */
  reused: number;
  /** Made tiny. */
  shrunk: number;
  /** Stopped by the pool. */
  stopped: number;
  /** Given up because preparing or releasing them failed; they are in `stopped` or `anchors`, too. */
  failed: number;
  /** Stopped by another caller, or taken when parked, with `addTrack` for example. */
  lost: number;
  /** Offers of this side that were taken back before an answer. Not seen in libraries without events. */
  lostNegotiations: number;
}

export type Settings = Required<Omit<TransceiverPoolOptions, 'blankVideoTrack'>>;

const DEFAULTS: Settings = {
  maxParkedPerKey: 4,
  free: 'shrink',
  settleMs: 5000,
  shrinkMs: 50,
  reuse: 'none',
};

/** @throws TransceiverPoolError `invalid-argument` */
export function settings(options: unknown): Settings {
  const given = object('options', options);
  checkNames('options', given, [...Object.keys(DEFAULTS), 'blankVideoTrack']);
  const all = { ...DEFAULTS, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
  const { maxParkedPerKey, free, settleMs, shrinkMs, reuse } = all;
  if (typeof maxParkedPerKey !== 'number' || !(maxParkedPerKey >= 0))
    throw invalid('maxParkedPerKey', maxParkedPerKey, 'a number from 0');
  if (!isTime(settleMs) || settleMs === 0) throw invalid('settleMs', settleMs, 'ms above 0');
  if (!isTime(shrinkMs)) throw invalid('shrinkMs', shrinkMs, 'ms from 0');
  if (!['shrink', 'stop'].includes(free)) throw invalid('free', free, "'shrink' or 'stop'");
  if (!['none', 'sender'].includes(reuse)) throw invalid('reuse', reuse, "'none' or 'sender'");
  if (reuse === 'sender' && free === 'stop') throw invalid('free', free, "'shrink': a stopped sender can't be reused");
  const blank = given['blankVideoTrack'];
  if (blank !== undefined && typeof blank !== 'function') throw invalid('blankVideoTrack', blank, 'a function');
  return all;
}

/** Complains of what `addTransceiver` would not: wrong types that would only show later, in a reuse. */
export function checkAcquire(track: unknown, options: unknown): void {
  const { kind, readyState } = object('track', track);
  if (kind !== 'audio' && kind !== 'video') throw invalid('track.kind', kind, "'audio' or 'video'");
  if (readyState === 'ended') throw ended();
  const given = object('options', options);
  checkNames('options', given, ['streams', 'sendEncodings', 'codecs', 'profile']);
  const { streams, sendEncodings, codecs, profile } = given;
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
  const shown = Array.isArray(value) ? 'an array' : String(value);
  return new TransceiverPoolError('invalid-argument', `${what} is ${shown}: pass ${expected}`);
}

/** A misspelled option would be a default that the caller did not choose. */
function checkNames(what: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    const advice = meant === undefined ? `leave it out (known: ${known.join(', ')})` : `did you mean ${meant}?`;
    throw new TransceiverPoolError('invalid-argument', `${what}.${name} is not known: ${advice}`);
  }
}

function object(what: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Symbol.iterator in value) throw invalid(what, value, 'an object');
  return value as Record<string, unknown>;
}

// setTimeout turns what is longer than 2^31 ms into nothing.
const isTime = (ms: unknown): ms is number => typeof ms === 'number' && ms >= 0 && ms < 2 ** 31;
