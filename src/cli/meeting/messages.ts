import type { RunOptions } from './run.js';
import type { Progress } from '../shared/live-table.js';
import type { MeetingResult } from './result.js';

/** What the command tells the process that holds the meeting on plain rtc-node. */
export type ToRun =
  /** The first message: load everything, open the files. */
  | { readonly kind: 'open'; readonly options: RunOptions }
  /** Both runs are ready. `at` is when to begin, in ms since 1970: both do in the same moment. */
  | { readonly kind: 'hold'; readonly at: number }
  /** End early. */
  | { readonly kind: 'stop' };

/** What that process answers. */
export type FromRun =
  | { readonly kind: 'opened' }
  /** About once a second. */
  | { readonly kind: 'progress'; readonly progress: Progress }
  /** Somebody interrupted that process: with this exit status, if it were on its own. */
  | { readonly kind: 'interrupted'; readonly status: number }
  /** The last message, unless it failed. */
  | { readonly kind: 'result'; readonly result: MeetingResult }
  /** The last message: why it can't go on. */
  | { readonly kind: 'failed'; readonly reason: string };
