// What Node calls in the pages. Apart from them, because they are compiled with the DOM's types and this is not.

import type { Released, TransceiverPoolOptions, TransceiverPoolStats } from '../../src/webrtc/index.js';

export type Kind = 'audio' | 'video';

/**
 * How a page publishes: through a pool, or by `addTransceiver` each time, and how it unpublishes then: by `removeTrack`
 * (`plain`), by `transceiver.stop()` alone, or by `releaseSender`.
 */
export type Way = 'pool' | 'plain' | 'stop' | 'releaseSender';

/** What a page publishes, and how. */
export interface Setup {
  readonly way: Way;
  readonly options?: TransceiverPoolOptions;
  /** Whether a data channel is negotiated first, so that another m-line than the media's is the BUNDLE group's first. */
  readonly anchored: boolean;
  /** Of video. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Names of video's simulcast layers, from the smallest; none: no simulcast. */
  readonly layers: readonly string[];
  /** Whether the layers of each publication have the names of the one before. Default: only with `reuse: 'sender'`. */
  readonly sameRids?: boolean;
  /** As in `video/VP8`. Default: as the browser likes. */
  readonly codec?: string;
  /** Whether one track is published again and again; otherwise each is stopped when unpublished. */
  readonly keepTracks: boolean;
}

/** A screen share as the benchmark and the demo publish it. */
export const SCREEN_SHARE: Setup = {
  way: 'pool',
  anchored: true,
  width: 1280,
  height: 720,
  framesPerSecond: 15,
  layers: ['q', 'h', 'f'],
  keepTracks: false,
};

/** What is sent of each layer, by its name; '' without simulcast. */
export type Sent = Record<string, { frames: number; bytes: number }>;

export interface SenderCalls {
  open(setup: Setup): Promise<void>;
  /** Publishes a track, and negotiates if that is needed. Resolves to whether a transceiver was used again. */
  publish(kind: Kind): Promise<boolean>;
  /** Unpublishes it, and negotiates. Resolves to how the memory was freed. */
  unpublish(kind: Kind): Promise<Released['freed']>;
  /** Of the track that is published. */
  sent(kind: Kind): Promise<Sent>;
  /** Transceivers of the connection, m-lines and bytes of its last offer. */
  counts(): { transceivers: number; sections: number; sdpBytes: number };
  stats(): TransceiverPoolStats | undefined;
  /** What the pool finds to be different from what it believes. */
  check(): string[];
  /** ICE user fragments that each m-line's last description has, by its kind. */
  ufrags(): string[];
  /** Which of these the browser can send. */
  codecs(wanted: readonly string[]): string[];
  close(): void;
  /** Uses that much memory, in MB, until it is called with 0. */
  grow(mb: number): void;
}

export interface ReceiverCalls {
  open(): void;
  /** The answer to an offer. */
  answer(offer: string): Promise<string>;
  /** What has arrived of each section that receives now: frames decoded, or packets of audio, which is not played. */
  received(): Promise<Record<string, number>>;
  close(): void;
}

/** As a page's calls look from Node. */
export type Remote<Calls> = {
  [Name in keyof Calls]: Calls[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** Of what {@link TransceiverPoolStats} counts. */
export type PoolState = 'acquiring' | 'leased' | 'releasing' | 'parked' | 'anchors' | 'stopping';

/** Each tries the pool on something that a browser is known to do, and says what came of it. */
export interface TrapCalls {
  /** An answer without simulcast. */
  narrowed(): Promise<{ simulcastReused: boolean; singleReused: boolean; encodings: (boolean | undefined)[] }>;
  /** Parameters, codecs and streams of the last publication. */
  leftovers(): Promise<{
    reused: boolean;
    before: object;
    after: object;
    degradationPreference: string | undefined;
    codecs: number;
    oldStream: boolean;
    newStream: boolean;
  }>;
  /** addTrack, after a release without a negotiation. */
  neverSent(): Promise<{ freed: string; taken: boolean }>;
  /** addTrack, while a transceiver is parked. */
  parkedAndAddTrack(): Promise<{ taken: boolean; reused: boolean }>;
  /** stop() from outside, of a parked transceiver and of one that is lent. */
  stopped(): Promise<{ reused: boolean; freed: string; lost: number; leased: number; left: number }>;
  /** Three publications of video with `free: 'stop'`, beside one of audio. */
  stopFrees(): Promise<{ sections: number; transceivers: number }>;
  /** m-lines, and stops that await a negotiation, where offers are taken back or fail. */
  recycled(): Promise<{ sections: number[]; stopping: number[]; lostNegotiations: number; check: string[] }>;
  /** Keeps a pool that is disposed, and nothing else of its connection; {@link isGone} once garbage was collected. */
  disposed(): Promise<void>;
  isGone(): boolean;
  /** Codes: the same track twice, an ended one, a foreign transceiver, a double release, bad layers, closed. */
  refused(): Promise<string[]>;
  /** close() of the connection, with something of the pool in each state, and an offer pending or not. */
  closedIn(
    state: PoolState,
    offered: boolean,
  ): Promise<{ before: number; code: string; after: number; check: string[] }>;
  /** On a connection that sends and receives already. */
  besideOthers(): Promise<{ untouched: boolean; foreign: string; sections: number[]; anchors: number }>;
  /** Codes: a second pool on a connection, one after the first was disposed, and one more. */
  twoPools(): Promise<string[]>;
  /** An offer that is taken back. */
  rolledBack(): Promise<{ released: boolean; same: boolean; direction: string | null }>;
  /** Encoded streams, which can be attached once. */
  encodedStreams(): Promise<{ plainReused: boolean; encryptedReused: boolean; again: string }>;
  /** A blank track of the caller's own. */
  ownBlank(): Promise<string[]>;
}
