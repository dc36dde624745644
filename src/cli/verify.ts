/** Samples that must agree for two places to be taken for the same one: 1.5 ms of 16 kHz. */
const WINDOW = 24;

/** Places looked at while searching, over a whole comparison: bounds the time for recordings that are all wrong. */
const SEARCH_BUDGET = 50_000_000;

/** How a recording compares with what was played. All in samples. */
export interface Comparison {
  /** Played. */
  readonly expected: number;
  /** Played, and not in the recording at its place: missing, or changed. */
  readonly lost: number;
  /** In the recording, and not played there: doubled, or changed. */
  readonly surplus: number;
  /** Whether the recording is what was played: bit for bit, all of it, and nothing else. */
  readonly intact: boolean;
}

/**
 * Compares a recording with what was played: `expected` samples of `loop`, over and over. Where they differ it looks
 * for the nearest place where they agree again, so that one lost frame counts as one frame and not as all that follow.
 */
export function compare(loop: Int16Array, expected: number, recorded: Int16Array): Comparison {
  let budget = SEARCH_BUDGET;
  const agrees = (played: number, at: number): boolean => {
    const window = Math.min(WINDOW, expected - played, recorded.length - at);
    if (window <= 0) return false;
    for (let i = 0; i < window; i++) {
      if (loop[(played + i) % loop.length] !== recorded[at + i]) return false;
    }
    return true;
  };

  /** How far to go on in either until they agree again. */
  const nearest = (played: number, at: number): { played: number; recorded: number } => {
    for (let by = 1; by <= loop.length && budget > 0; by++, budget--) {
      if (agrees(played + by, at)) return { played: by, recorded: 0 }; // missing
      if (agrees(played, at + by)) return { played: 0, recorded: by }; // doubled
      if (agrees(played + by, at + by)) return { played: by, recorded: by }; // changed
    }
    return { played: 1, recorded: 1 };
  };

  let matched = 0;
  let played = 0;
  let at = 0;
  while (played < expected && at < recorded.length) {
    if (loop[played % loop.length] === recorded[at]) {
      matched++;
      played++;
      at++;
      continue;
    }
    const skip = nearest(played, at);
    played += skip.played;
    at += skip.recorded;
  }
  const lost = expected - matched;
  const surplus = recorded.length - matched;
  return { expected, lost, surplus, intact: lost === 0 && surplus === 0 };
}
