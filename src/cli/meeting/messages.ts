import type { RunOptions } from './run.js';
import type { Progress } from '../shared/live-table.js';
import type { MeetingResult } from './result.js';
import type { VoiceSoFar } from './agent/voice.js';

/** Whose classes a process holds the meeting with. */
export type Client = 'narrowcast' | 'rtc-node';

/** How far a meeting is in another process. */
export interface SideProgress extends Progress {
  /** How the agent sounds, where there is one. */
  readonly voice?: VoiceSoFar | undefined;
}

/** What the command tells a process that holds the meeting. */
export type ToRun =
  /** The first message: load everything, open the files. */
  | { readonly kind: 'open'; readonly options: RunOptions; readonly client: Client }
  /** All runs are ready. `at` is when to begin, in ms since 1970: all do in the same moment. */
  | { readonly kind: 'hold'; readonly at: number }
  /** End early. */
  | { readonly kind: 'stop' };

/** What that process answers. */
export type FromRun =
  | { readonly kind: 'opened' }
  /** About once a second. */
  | { readonly kind: 'progress'; readonly progress: SideProgress }
  /** A signal interrupted that process. On its own, it would end with this exit status. */
  | { readonly kind: 'interrupted'; readonly status: number }
  /** The last message, unless it failed. */
  | { readonly kind: 'result'; readonly result: MeetingResult }
  /** The last message: why it can't go on. */
  | { readonly kind: 'failed'; readonly reason: string };
