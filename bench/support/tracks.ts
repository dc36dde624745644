import type { LoadPump } from '../../__test__/support/load.mjs';

export { openTracks, play } from '../../__test__/support/meeting.js';

/** Hz. */
export const SAMPLE_RATE = 16_000;

/** More chunks than any measurement plays. */
export const ENDLESS = 1e9;

/** Chunks played so far, in all tracks. */
export function played(pump: LoadPump): number {
  return pump.stats().reduce((sum, { sent }) => sum + sent, 0);
}
