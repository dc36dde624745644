import type { EventCounts } from './engine-watch.js';
import type { Reading, Sample } from './meters.js';

/** What was measured of something that was listened to. */
export interface Measured extends Reading {
  /** null where they were not counted. */
  readonly events: EventCounts | null;
  /**
   * The cost over time, about one sample a second in the first hour, and then fewer; the first is from the start. The
   * figures are those of all the time between the first whole second and the last.
   */
  readonly samples: readonly Sample[];
}
