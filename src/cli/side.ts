import type { Participant } from './participants.js';

/**
 * One way to hold the meeting: narrowcast's, or another client's on the same engine. It opens tracks and streams,
 * plays, and counts; everything else about a meeting is the same for all.
 */
export interface Side {
  /**
   * Whether the engine takes what is played in its order for sure. Where the player doesn't hear the engine's answers,
   * two chunks may change places when the machine held the player up: that is no fault of whoever listens.
   */
  readonly ordered: boolean;
  /**
   * Plays as in the meeting, for so many participants and with nobody listening, until the function is called that this
   * returns: what that costs is not the cost of listening. Comes before the first {@link join}.
   */
  rehearse(participants: number): () => void;
  /** Opens a track for a participant and a stream on it. All join before anything is played. */
  join(participant: Participant): Listening;
  /**
   * Opens one more stream on the track of a participant, reads a frame, and lets go without a word: what a program does that
   * leaves a loop by an error, or goes on to another speaker. In the order in which they joined.
   */
  forget(participant: number): void;
  /** Starts to play what every participant says, in real time, `chunks` of 10 ms. */
  play(chunks: number): void;
  /** What became of each participant's chunks, in the order in which they joined. */
  played(): Played[];
  /** Stops playing: when this returns, no more is played. */
  silence(): void;
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
  /** Frames that were lost because nobody read them in time; null where nothing counts them. */
  dropped(): number | null;
  /** Samples that wait to be read, as far as that is known. */
  buffered(): number;
  close(): void;
}

/** In chunks of 10 ms. */
export interface Played {
  /** Handed to the engine. */
  readonly sent: number;
  /** Taken by the engine. */
  readonly captured: number;
  /** Refused by the engine. */
  readonly failed: number;
}

/** The engine's events, all kinds together, in this process. */
export interface EventCounts {
  /** Sent by the engine. */
  readonly published: number;
  /**
   * Went to whoever they were for: audio frames copied into their stream, answers to what native code had asked, and
   * events that JavaScript read from a queue.
   */
  readonly delivered: number;
  /** Nobody wanted them: dropped natively, unseen by JavaScript. */
  readonly unwanted: number;
  /** Somebody wanted them, and they were lost: a queue was full, or they could not be read. */
  readonly dropped: number;
  /** How often native code woke the JavaScript thread. */
  readonly wakes: number;
}
