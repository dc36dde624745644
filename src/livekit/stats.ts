import type { FfiQueueStats } from '../ffi-queue.js';

/** What `Engine.stats` counts, for the whole process. */
export interface EngineStats {
  /** Events that the engine sent. */
  received: number;
  /** Answers to what narrowcast's own classes and native threads asked: no other listener hears of them. */
  answered: number;
  /** Events of a kind that the installed package does not describe: dropped. */
  unknown: number;
  /** Messages that were no valid protobuf: dropped. */
  malformed: number;
  /** Panics caught in narrowcast's own native code: each is a defect, please report it. */
  panics: number;
  /** Times that another thread had taken the engine's events away; see the event `stolen`. */
  stolen: number;
  /** Audio streams of narrowcast that the engine feeds right now. */
  streams: number;
  /** Frames copied into the ring of their stream, natively. */
  frames: number;
  /** Frames of closed streams, released natively. */
  framesReleased: number;
  /** Frames that did not have the format their stream had asked for: dropped. */
  framesMalformed: number;
  /** Events that came before their stream was registered, and waited. */
  held: number;
  /** Of these, those for which there was no room. */
  heldDropped: number;
  /** Video streams of narrowcast that the engine feeds right now. */
  videoStreams: number;
  /** Frames that came for them. */
  videoFrames: number;
  /** Frames of closed video streams, released natively. */
  videoFramesReleased: number;
  /**
   * How often narrowcast woke this process's JavaScript threads, for events and for frames. One wake costs a thread as much as
   * dozens of frames do, and brings all that is there.
   */
  wakes: number;
  /** Of these, wakes of the thread that asks. */
  threadWakes: number;
  /** Times that the thread that asks left a wake unanswered for more than 100 ms: it was blocked. */
  stalls: number;
  /** The longest of these, in ms. */
  longestStallMs: number;
  /** Everything but the frames of narrowcast's own streams and the answers to its own requests: what
   * `Engine.queue` carried. */
  events: FfiQueueStats;
}

/** What `AudioSource.stats` counts. */
export interface AudioSourceStats {
  /** Frames that were taken: they were played, wait to be played, or were cleared. */
  framesOut: number;
  /** Frames that the engine refused. Their `captureFrame` rejected; where they had been taken before, the next one did. */
  framesRefused: number;
  /** Frames for a source without a queue that the engine had not answered for when narrowcast was uninstalled: their
   * `captureFrame` rejected, and they may have been played all the same. */
  framesUnanswered: number;
  /** Gaps that listeners heard although frames were there: a busy machine let the native thread come after the engine's queue had
   * run dry. Not known of a source without a queue. */
  lateGaps: number;
  /** How long these were, all together, in ms. */
  lateMs: number;
  /** What waits to be played, in ms. */
  queuedMs: number;
}

/** What `VideoStream.stats` counts. */
export interface VideoStreamStats {
  /** Frames that came in. */
  framesIn: number;
  /** Frames that were read. */
  framesOut: number;
  /** Frames that were not read in time, or not before the stream was cancelled: released natively. */
  framesDropped: number;
  /** Frames that wait to be read. */
  framesBuffered: number;
}
