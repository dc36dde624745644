import type { Reading } from './meters.js';
import type { EventCounts } from './side.js';

/** What `--json` writes: what was heard, and what it cost. */
export interface MeetingResult extends Reading {
  readonly participants: readonly ParticipantResult[];
  readonly events: EventCounts;
}

/** What became of one participant's voice. */
export interface ParticipantResult {
  readonly identity: string;
  /** Frames of the meeting's frame length in what was played; the last may be a shorter one. */
  readonly framesExpected: number;
  /** Frames read. */
  readonly framesReceived: number;
  /** Frames lost because they were not read in time. */
  readonly framesDropped: number;
  /** Samples that were played, and are not in the recording, unchanged and in their place. */
  readonly samplesLost: number;
  /** Whether the recording, read back from the disk, is bit for bit what was played, and complete. */
  readonly intact: boolean;
}
