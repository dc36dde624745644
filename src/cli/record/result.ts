import type { Machine } from '../shared/machine.js';
import type { Measured } from '../shared/measured.js';

/** What `narrowcast record --json` writes. */
export interface RecordFigures {
  readonly recording: RecordShape;
  readonly result: RecordResult;
  readonly machine: Machine;
}

/** What was recorded. */
interface RecordShape {
  readonly room: string;
  /** Length of every file, in s. */
  readonly seconds: number;
  /** Hz. */
  readonly sampleRate: number;
  /** What ended it, as a sentence's beginning: `the room was deleted`. */
  readonly end: string;
}

/** What came of it, and what it cost. */
export interface RecordResult extends Measured {
  readonly voices: readonly RecordedVoice[];
}

/** What is in one file. */
export interface RecordedVoice {
  readonly identity: string;
  /** What a participant says, or the audio of the screen that is shared. */
  readonly source: 'voice' | 'screen';
  readonly file: string;
  /** When it was heard first, in s since the recording began: before that the file is silent. */
  readonly begin: number;
  /** How long it was heard, in s, pauses in speech included: the rest of the file is silence that was put in. */
  readonly heard: number;
  /** Frames read, of 10 ms. */
  readonly framesReceived: number;
  /** Frames lost because the disk or this process was too slow: silence is in their place. */
  readonly framesDropped: number;
}
