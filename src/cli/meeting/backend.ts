import type { EventCounts } from '../shared/engine-watch.js';
import type { Participant } from './participants.js';

/**
 * One way to hold the meeting: narrowcast's, or another client's on the same engine. It opens tracks and streams,
 * plays, and counts; everything else about a meeting is the same for all.
 */
export interface Backend {
  /** Opens a track for each participant, and a stream on it. The engine sends silence until {@link play}. */
  join(participants: readonly Participant[]): Listening[];
  /**
   * Opens one more stream on the track of a participant, reads a frame, and lets go without a word: what a program does that
   * leaves a loop by an error, or goes on to another speaker. In the order in which they joined.
   */
  forget(participant: number): void;
  /**
   * Plays what every participant says, in real time, `samples` of it. Resolves when all was played, or what was under way
   * when {@link silence} was called; rejects where the engine refuses a piece.
   */
  play(samples: number): Promise<void>;
  /** Plays nothing more, but for what the engine has. */
  silence(): void;
  /** How many samples of each participant the engine took, in the order in which they joined. */
  played(): number[];
  /** What happened since it began to play; null where counting would be more work for the thread that is measured. */
  events(): EventCounts | null;
  /** Rejects when the engine can't go on. */
  readonly broken: Promise<never>;
  /** Closes everything that is still open, and lets the process end by itself. May be called at any point. */
  leave(): Promise<void>;
}

/** A stream of one participant's audio. */
export interface Listening {
  /** Its frames, mono, at the meeting's rate. Ends after {@link close}, when all that came before it was read. */
  readonly frames: AsyncIterable<{ readonly data: Int16Array }>;
  /** Frames that were lost because they were not read in time; null where nothing counts them. */
  dropped(): number | null;
  close(): void;
}
