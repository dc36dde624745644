import type { Voice } from './agent/voice.js';
import type { Machine } from '../shared/machine.js';
import type { Measured } from '../shared/measured.js';

/** What `--json` writes for each backend: what was heard, and what it cost. */
export interface MeetingResult extends Measured {
  readonly participants: readonly ParticipantResult[];
  /** How the agent was heard, in a meeting with one. */
  readonly voice?: Voice;
}

/** What became of one participant's voice. */
export interface ParticipantResult {
  readonly identity: string;
  /** Samples that the engine took to play. */
  readonly samplesPlayed: number;
  /** Frames read, with the silence before and after what was played. */
  readonly framesReceived: number;
  /** Frames lost because they were not read in time; null where nothing counts them. */
  readonly framesDropped: number | null;
  /** Samples that were played, and are not in the recording, unchanged and in their place. */
  readonly samplesLost: number;
  /** Whether the recording, read back from the disk, is bit for bit what was played, and complete, between silence. */
  readonly intact: boolean;
}

/** The meeting, held by both backends. */
export interface Sides {
  readonly ours: MeetingResult;
  /** The same meeting on plain rtc-node; null without a comparison. */
  readonly peer: MeetingResult | null;
}

/** What `--json` writes. */
export interface MeetingFigures extends Sides {
  readonly meeting: MeetingShape;
  readonly machine: Machine;
}

/** What was asked for: with other numbers of these the figures are others. */
export interface MeetingShape {
  readonly participants: number;
  /** Length, in s. */
  readonly seconds: number;
  /** Hz. */
  readonly sampleRate: number;
  readonly frameMs: number;
  /** How long the JavaScript thread was blocked each second, in ms. */
  readonly stall: number;
  /** How many streams were opened and forgotten each second. */
  readonly forget: number;
  /** Whether no participant spoke. */
  readonly quiet?: boolean;
}
