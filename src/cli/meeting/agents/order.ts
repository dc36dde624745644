import type { Measured } from '../../shared/measured.js';
import type { Reading } from '../../shared/meters.js';
import type { Client } from '../messages.js';
import type { RunOptions } from '../run.js';

/** In the environment of a job: its {@link JobOrder} as JSON. */
export const ORDER = 'NARROWCAST_MEETING_JOB';

/** What a job is to do. */
export interface JobOrder {
  /** The file of agents' CommonJS module. */
  readonly module: string;
  /** The port on loopback where it reports, a JSON value a line. */
  readonly port: number;
  readonly options: RunOptions;
}

/** What a job is told. */
export type ToJob =
  /** Speak, be measured, and be blocked. `at` is when to begin, in ms since 1970. */
  | { readonly kind: 'begin'; readonly at: number }
  /** Speak no more. */
  | { readonly kind: 'stop' };

/** What a job says. */
export type FromJob =
  /** It hears all callers, with narrowcast's classes or rtc-node's own. */
  | { readonly kind: 'ready'; readonly client: Client }
  | { readonly kind: 'progress'; readonly frames: number; readonly reading: Reading }
  | {
      readonly kind: 'result';
      readonly measured: Measured;
      readonly heard: readonly Heard[];
      readonly spokenMs: number;
    }
  | { readonly kind: 'failed'; readonly reason: string };

/** What came to the speech-to-text of one caller's session while the job was measured. */
export interface Heard {
  /** Frames of 10 ms. */
  readonly frames: number;
  /** How much of the time it did not hear, in ms. */
  readonly missingMs: number;
}
