// For browsers: imports nothing native and nothing of Node, and touches no DOM until it is used.
export type { BlankTrack } from './blank-track.js';
export { TransceiverPoolError, type TransceiverPoolErrorCode } from './errors.js';
export type {
  AcquireOptions,
  Lease,
  Released,
  ReleaseOptions,
  TransceiverPoolOptions,
  TransceiverPoolStats,
} from './options.js';
export { releaseSender } from './release-sender.js';
export type {
  CodecLike,
  DescriptionLike,
  EncodingLike,
  EncodingsOf,
  InitLike,
  PeerConnectionLike,
  ReceiverLike,
  SenderLike,
  StreamsOf,
  TrackLike,
  TrackOf,
  TransceiverLike,
  TransceiverOf,
} from './standard.js';
export { TransceiverPool } from './transceiver-pool.js';
