// As much of the standard as the pool uses, in types of its own: it works with a browser's RTCPeerConnection and with
// the ones for Node, and a program that has no DOM types still compiles.

/** A MediaStreamTrack. */
export interface TrackLike {
  readonly kind: string;
  readonly readyState?: string;
}

/** An RTCRtpEncodingParameters. */
export interface EncodingLike {
  rid?: string;
  active?: boolean;
  scaleResolutionDownBy?: number;
}

/** An RTCRtpSendParameters. */
export interface ParametersLike {
  encodings: EncodingLike[];
  degradationPreference?: string | undefined;
}

/** An RTCRtpReceiver. */
export interface ReceiverLike {
  readonly track?: TrackLike | null;
}

/** An RTCSessionDescription. */
export interface DescriptionLike {
  readonly sdp?: string;
}

/** An RTCRtpSender. */
export interface SenderLike {
  readonly track?: TrackLike | null;
  replaceTrack(track: any): Promise<void>;
  getParameters(): any;
  setParameters(parameters: any): unknown;
  setStreams?(...streams: any[]): void;
}

/** An RTCRtpTransceiver. */
export interface TransceiverLike {
  /** Of its m-line; null without one. */
  readonly mid?: string | null | undefined;
  readonly sender: SenderLike;
  /** Tells which kind of track is received, also before there is a track to send. */
  readonly receiver?: ReceiverLike;
  readonly direction: string;
  readonly currentDirection?: string | null | undefined;
  stop(): unknown;
  setCodecPreferences?(codecs: any): void;
}

/** An RTCRtpTransceiverInit. */
export interface InitLike {
  direction?: string;
  streams?: readonly { readonly id: string }[];
  sendEncodings?: readonly EncodingLike[];
}

/** An RTCPeerConnection, of a browser or of a library for Node. */
export interface PeerConnectionLike {
  readonly signalingState: string;
  /** The pending one, or else the current one. */
  readonly localDescription?: DescriptionLike | null | undefined;
  readonly currentLocalDescription?: DescriptionLike | null | undefined;
  addTransceiver(track: any, init?: InitLike): TransceiverLike;
  getTransceivers(): TransceiverLike[];
}

/** What a connection's `addTransceiver` returns: in a browser an RTCRtpTransceiver. */
export type TransceiverOf<PC extends PeerConnectionLike> = ReturnType<PC['addTransceiver']>;

/** In a browser a MediaStreamTrack. */
export type TrackOf<PC extends PeerConnectionLike> = NonNullable<TransceiverOf<PC>['sender']['track']>;

type Init<PC extends PeerConnectionLike> = NonNullable<Parameters<PC['addTransceiver']>[1]>;

/** In a browser an array of MediaStreams. */
export type StreamsOf<PC extends PeerConnectionLike> =
  Init<PC> extends { streams?: infer Streams } ? NonNullable<Streams> : readonly { readonly id: string }[];

/** In a browser an array of RTCRtpEncodingParameters. */
export type EncodingsOf<PC extends PeerConnectionLike> =
  Init<PC> extends { sendEncodings?: infer Encodings } ? NonNullable<Encodings> : readonly EncodingLike[];

/** An RTCRtpCodec, as `RTCRtpSender.getCapabilities` lists them. */
export interface CodecLike {
  readonly mimeType: string;
  readonly clockRate: number;
  readonly channels?: number;
  readonly sdpFmtpLine?: string;
}

/** Whether a transceiver in this direction sends. */
export const sends = (direction: string | null | undefined): boolean =>
  direction === 'sendonly' || direction === 'sendrecv';

/** Whether it was stopped, by the pool or by another caller: it stays so for good. */
export function isStopped(transceiver: TransceiverLike): boolean {
  const { direction, currentDirection, stopped, stopping } = transceiver as TransceiverLike & {
    stopped?: boolean;
    stopping?: boolean;
  };
  // The flags are what older browsers and werift have.
  return direction === 'stopped' || currentDirection === 'stopped' || stopped === true || stopping === true;
}

/** Lets it send, or not; whether it receives stays as it is. */
export function setSending(transceiver: TransceiverLike, sending: boolean): void {
  const receives = /recv/.test(transceiver.direction);
  const direction = sending ? (receives ? 'sendrecv' : 'sendonly') : receives ? 'recvonly' : 'inactive';
  const { setDirection } = transceiver as { setDirection?: (direction: string) => void };
  if (setDirection)
    setDirection.call(transceiver, direction); // werift
  else (transceiver as { direction: string }).direction = direction;
}
