// What Node calls in the page of a participant of a LiveKit room.

import type { ReleaseOptions, TransceiverPoolStats } from '../../src/webrtc/index.js';
import type { Way } from './calls.js';

/** What is published. */
export interface Shape {
  readonly source: 'camera' | 'screen_share' | 'microphone' | 'screen_share_audio';
  /** Of video. */
  readonly width?: number;
  readonly height?: number;
  /** Of simulcast; 1: none. VP9 and AV1 have spatial layers in one stream instead. */
  readonly layers?: 1 | 2 | 3;
  readonly codec?: 'vp8' | 'h264' | 'vp9' | 'av1';
  /** Whether VP8 is sent, too, to participants that don't decode `codec`. */
  readonly backup?: boolean;
  /** What the picture is filled with, so that the watcher can tell whose it is. */
  readonly color?: string;
}

export const isAudio = ({ source }: Shape): boolean => source === 'microphone' || source === 'screen_share_audio';

export interface Joining {
  readonly way: Way;
  readonly options?: ReleaseOptions;
  /** livekit-client's default is one connection to publish and to subscribe. */
  readonly singlePeerConnection?: boolean;
  readonly dynacast?: boolean;
  /** End to end, with a key that all participants of these tests share. */
  readonly encrypted?: boolean;
  /** Whether timers of the page run once a second at most, as in a tab that is in the background. */
  readonly background?: boolean;
  /** What the server lets it publish. Default: everything. */
  readonly mayPublish?: readonly Shape['source'][];
  /** A codec that this participant does not decode, as in `video/VP9`. */
  readonly lacks?: string;
}

/** A track of another participant. */
export interface Seen {
  readonly source: string;
  readonly sid: string;
  /** Decoded; of audio samples. */
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** Of the middle of the picture; none before the first one. */
  readonly color: readonly number[] | undefined;
  /** Total of audio, so silence can be told. */
  readonly energy: number;
  readonly encrypted: boolean;
}

export interface ParticipantCalls {
  connect(url: string, token: string, joining: Joining): Promise<void>;
  /** Resolves to the publication's sid; publications have a name of the test's own. */
  publish(name: string, shape: Shape): Promise<string>;
  /** `keep`: the track goes on, and is published again by the next publish of that name. */
  unpublish(name: string): Promise<void>;
  /** Tracks of others that there are now. */
  seen(): Promise<Seen[]>;
  /** Has the server send what is seen, or not. The subscriptions stay. */
  enable(on: boolean): void;
  /**
   * The longest gap of the audio that is heard, in ms: what the receiver had to make up for missing packets without a pause of
   * 100 ms between. So it is at least the longest gap.
   */
  longestGap(): number;
  /** How many tracks of others have begun and ended so far. */
  subscriptions(): { begun: number; ended: number };
  /** Of the connection that publishes. */
  counts(): { transceivers: number; sending: number; sections: number; sdpBytes: number };
  /** ICE user fragments of the connection that publishes, now. */
  ufrags(): string[];
  stats(): TransceiverPoolStats | undefined;
  check(): string[];
  /** Codecs of what is sent, and how many layers are active. */
  sent(): Promise<{ codecs: string[]; active: number }>;
  /** Of livekit-client's ways to lose a connection. */
  simulate(scenario: 'signal-reconnect' | 'full-reconnect' | 'resume-reconnect'): Promise<void>;
  state(): string;
  /** The quality that is asked for of all that is seen: 0 to 2. */
  quality(quality: number): void;
  /**
   * From now on something is lost, or nothing any more: the server's answers to publications, its answers to offers, what these
   * say of simulcast, or this side's offers.
   */
  withhold(which: 'nothing' | 'publications' | 'descriptions' | 'simulcast' | 'offers'): void;
  /** Unpublishes as livekit-client does while a connection has failed, which then goes on. */
  unpublishWhileFailed(name: string): Promise<void>;
  /** Leaves the room, and forgets it. */
  leave(): Promise<void>;
  /** How many of the rooms that were left are still there, of their connections and of their pools; once garbage was collected, what something keeps. */
  left(): { rooms: number; connections: number; pools: number };
  /** Uses that much memory, in MB, until it is called with 0. */
  grow(mb: number): void;
}
