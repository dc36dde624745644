/** Samples that must agree for two places to be taken for the same one: 1.5 ms of 16 kHz. */
const WINDOW = 24;

/** Places looked up, over a whole comparison: bounds the time for recordings that are all wrong. */
const LOOKUPS = 2_000_000;

/** How a recording compares with what was played. All in samples. */
export interface Comparison {
  /** Played. */
  readonly expected: number;
  /** Played, and not in the recording at its place: missing, changed, or out of order. */
  readonly lost: number;
  /** In the recording, and not played there: doubled, changed, or out of order. */
  readonly surplus: number;
  /** Whether the recording is what was played: bit for bit, all of it, and nothing else. */
  readonly intact: boolean;
}

/**
 * Compares a recording with what was played: `expected` samples of `loop`, over and over. Where they differ it looks
 * for the nearest place where they agree again, so that one lost frame counts as one frame and not as all that follow.
 */
export function compare(loop: Int16Array, expected: number, recorded: Int16Array): Comparison {
  let places: Places | undefined;
  let lookups = LOOKUPS;

  /** How many samples of either to skip until they agree again: as few as possible, together. */
  const nearest = (played: number, at: number): { played: number; recorded: number } => {
    places ??= new Places(loop);
    let best = { played: 1, recorded: 1 }; // if they never do: sample against sample
    let least = loop.length;
    for (let by = 0; by < least && at + by + WINDOW <= recorded.length && lookups > 0; by++, lookups--) {
      const ahead = places.ahead(recorded, at + by, played % loop.length);
      if (ahead >= expected - played || ahead + by >= least) continue;
      least = ahead + by;
      best = { played: ahead, recorded: by };
    }
    return best;
  };

  let matched = 0;
  let played = 0;
  let at = 0;
  while (played < expected && at < recorded.length) {
    if (loop[played % loop.length] === recorded[at]) {
      matched++;
      played++;
      at++;
    } else {
      const skip = nearest(played, at);
      played += skip.played;
      at += skip.recorded;
    }
  }
  const lost = expected - matched;
  const surplus = recorded.length - matched;
  return { expected, lost, surplus, intact: lost === 0 && surplus === 0 };
}

/** Where in a loop each of its windows is. */
class Places {
  readonly #length: number;
  /** Ascending. Only silence, and what else repeats, has more than one. */
  readonly #places = new Map<string, number[]>();

  constructor(loop: Int16Array) {
    this.#length = loop.length;
    const around = new Int16Array(loop.length + WINDOW);
    around.set(loop);
    for (let i = 0; i < WINDOW; i++) around[loop.length + i] = loop[i % loop.length]!;
    for (let place = 0; place < loop.length; place++) {
      const key = keyOf(around, place);
      const places = this.#places.get(key);
      if (places) places.push(place);
      else this.#places.set(key, [place]);
    }
  }

  /** How far behind `from` the window of `samples` at `at` comes next; Infinity if it never does. */
  ahead(samples: Int16Array, at: number, from: number): number {
    const places = this.#places.get(keyOf(samples, at));
    if (!places) return Infinity;
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle]! < from) low = middle + 1;
      else high = middle;
    }
    return low < places.length ? places[low]! - from : places[0]! + this.#length - from;
  }
}

function keyOf(samples: Int16Array, at: number): string {
  return Buffer.from(samples.buffer, samples.byteOffset + at * 2, WINDOW * 2).toString('latin1');
}
