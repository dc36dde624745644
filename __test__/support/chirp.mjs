// Utterances that tell by themselves how far they got: the pitch rises evenly, and no codec changes it.

/** Hz. */
export const RATE = 48_000;

const AMPLITUDE = 12_000;

/** The samples of an utterance. */
export function chirp({ hz, hzPerMs, ms }) {
  return Int16Array.from({ length: (ms * RATE) / 1000 }, (_, i) => {
    const seconds = i / RATE;
    return Math.round(AMPLITUDE * Math.sin(2 * Math.PI * (hz + (hzPerMs * 1000 * seconds) / 2) * seconds));
  });
}

/** What is looked at to tell a pitch, and how far apart two looks are, in samples: 15 and 5 ms. */
const WINDOW = (RATE * 15) / 1000;
const HOP = (RATE * 5) / 1000;

const loudness = (pcm, from, to) => {
  let energy = 0;
  for (let i = from; i < to; i++) energy += pcm[i] ** 2;
  return Math.sqrt(energy / Math.max(1, to - from));
};

/** Loud enough to be the utterance, and not what a codec adds at its ends. */
const LOUD = (AMPLITUDE / Math.SQRT2) * 0.4;

/** Mean pitch of a window, in Hz, by its zero crossings. */
function pitch(pcm, from) {
  let [first, last, count] = [-1, -1, 0];
  for (let i = from + 1; i < from + WINDOW; i++) {
    if (pcm[i - 1] < 0 !== pcm[i] < 0) {
      last = i - 1 + pcm[i - 1] / (pcm[i - 1] - pcm[i]);
      if (count++ === 0) first = last;
    }
  }
  return count < 2 ? 0 : ((count - 1) * RATE) / 2 / (last - first);
}

/** How long each part is whose loudness tells where sound begins and ends, in samples: 2.5 ms. */
const BLOCK = RATE / 400;

const msOf = (samples) => (samples / RATE) * 1000;

/** How far the sound goes on from the middle of a look, in ms; to the right or the left. */
function toEdge(pcm, at, step) {
  for (let from = at; ; from += step * BLOCK) {
    const block = [from, from + step * BLOCK].toSorted((one, other) => one - other);
    if (block[0] < 0 || block[1] > pcm.length || loudness(pcm, ...block) < LOUD) return msOf(Math.abs(from - at));
    // Another sound follows: the next look had some of it.
    if (Math.abs(from - at) > WINDOW) return msOf(WINDOW / 2 + HOP / 2);
  }
}

/** A silence that is no accident of a codec, in samples. */
const GAP = RATE / 100;

/** The longest silence, in ms; how many there are of at least 10 ms, and how long these are in all. */
function silences(pcm, from, to) {
  let [longest, run, gaps, all] = [0, 0, 0, 0];
  for (let at = from; at + BLOCK <= to; at += BLOCK) {
    run = loudness(pcm, at, at + BLOCK) < LOUD / 2 ? run + BLOCK : 0;
    longest = Math.max(longest, run);
    if (run === GAP) gaps++;
    if (run >= GAP) all += run === GAP ? GAP : BLOCK;
  }
  return { silenceMs: msOf(longest), gaps, gapMs: msOf(all) };
}

/** What was heard of an utterance in `pcm`; nothing, if none of it was. */
export function heardOf({ hz, hzPerMs, ms }, pcm) {
  const all = [];
  for (let at = 0; at + WINDOW <= pcm.length; at += HOP) {
    if (loudness(pcm, at, at + WINDOW) < LOUD) continue;
    all.push({ at: at + WINDOW / 2, position: (pitch(pcm, at) - hz) / hzPerMs });
  }
  // A look at the end of one utterance and the start of another shows neither's pitch.
  const follows = (one, other) =>
    one && other && Math.abs(other.position - one.position - msOf(other.at - one.at)) < 2 && other.at - one.at === HOP;
  const looks = all.filter(
    (look, i) => look.position > 0 && look.position < ms && (follows(all[i - 1], look) || follows(look, all[i + 1])),
  );
  if (looks.length === 0) return undefined;
  const [first, last] = [looks[0], looks.at(-1)];
  let missingMs = 0;
  for (const [i, { position }] of looks.entries()) {
    if (i > 0) missingMs = Math.max(missingMs, position - looks[i - 1].position - msOf(HOP));
  }
  return {
    fromMs: first.position - toEdge(pcm, first.at, -1),
    toMs: last.position + toEdge(pcm, last.at, 1),
    missingMs,
    ...silences(pcm, first.at, last.at),
  };
}
