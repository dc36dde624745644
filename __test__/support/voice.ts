// Sounds for tests of speech detection: a made-up voice, since no recording is in the repository, and noise.

/** Hz. */
export const VOICE_RATE = 16_000;

/** The same numbers each time, from -1 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
}

/** First three formants of vowels, in Hz. */
const VOWELS = [
  [730, 1090, 2440],
  [270, 2290, 3010],
  [530, 1840, 2480],
  [570, 840, 2410],
  [300, 870, 2240],
];

/**
 * Pulses of a varying pitch through the formants of changing vowels, four a second, with a hiss before each.
 *
 * @param peak the loudest sample
 */
export function voice(ms: number, peak = 12_000): Int16Array {
  const noise = random(7);
  const formants = VOWELS[0]!.map((hz) => ({ hz, last: 0, before: 0 }));
  const radius = Math.exp((-Math.PI * 80) / VOICE_RATE);
  let phase = 0;
  const raw = Float64Array.from({ length: (ms * VOICE_RATE) / 1000 }, (_, at) => {
    const time = at / VOICE_RATE;
    const vowel = VOWELS[(Math.floor(time * 4) * 3) % VOWELS.length]!;
    const within = (time * 4) % 1;
    phase += (125 + 20 * Math.sin(time * 3.8) + 2 * noise()) / VOICE_RATE;
    const pulse = phase >= 1 ? 1 : 0;
    phase %= 1;
    const hiss = within < 0.2;
    const source = (hiss ? 0 : Math.sin(within * Math.PI) * pulse) + (hiss ? 0.02 : 0.002) * noise();
    let sum = 0;
    for (const [i, formant] of formants.entries()) {
      formant.hz += (vowel[i]! - formant.hz) * 0.002;
      const turn = 2 * radius * Math.cos((2 * Math.PI * formant.hz) / VOICE_RATE);
      const next = (1 - radius) * source + turn * formant.last - radius * radius * formant.before;
      [formant.last, formant.before] = [next, formant.last];
      sum += next;
    }
    return sum;
  });
  const loudest = raw.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-9);
  return Int16Array.from(raw, (sample) => (sample / loudest) * peak);
}

/** Noise, white. */
export function hiss(ms: number, peak = 20): Int16Array {
  const noise = random(3);
  return Int16Array.from({ length: (ms * VOICE_RATE) / 1000 }, () => noise() * peak);
}

export function concat(...parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
