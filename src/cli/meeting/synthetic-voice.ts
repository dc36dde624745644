/** Resonances of five vowels, in Hz: the averages for men in Peterson and Barney, 1952. */
const VOWELS = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240],
] as const;

/** Bandwidths of the resonances, in Hz. */
const BANDWIDTHS = [80, 100, 140] as const;

/** Strengths of the resonances: speech falls by some 12 dB an octave. */
const STRENGTHS = [1, 0.5, 0.25] as const;

/** How often pitch and resonances change, in Hz. */
const CONTROL_RATE = 200;

/** Loudest sample: 5 dB below full scale, where people talk. */
const PEAK = 18_000;

/** Noise floor, in steps of 16-bit PCM. It makes every stretch of the signal unlike every other, pauses included. */
const FLOOR = 24;

/** A stretch of voice, in samples. */
interface Syllable {
  readonly start: number;
  readonly end: number;
  readonly vowel: readonly number[];
  readonly loudness: number;
  /** Pitch within its phrase, as a factor: phrases begin high and end low. */
  readonly pitch: number;
}

/**
 * What participant number `index` says: a voice-like signal, 16-bit mono, in whole chunks of 10 ms and 6 s or more
 * long. Each number has its own pitch, timbre, rhythm and length; the same number gives the same samples on every
 * machine.
 *
 * It is a pulse train like that of the vocal cords, through the resonances of a vocal tract, with noise, in syllables
 * and phrases. It isn't meant to be understood; it has the levels, pauses and spectrum that meters, gates and codecs
 * expect of a voice, and never repeats within its length, so that a lost, doubled or shifted stretch is seen.
 *
 * @param sampleRate Hz, a multiple of 100
 */
export function synthesizeVoice(index: number, sampleRate: number): Int16Array {
  const random = randomNumbers(index + 1);
  const length = (600 + 13 * (index % 23)) * (sampleRate / 100);
  const basePitch = 85 * 2 ** ((index * 0.618) % 1.4); // Hz; the golden ratio spreads neighbours apart
  const tract = 0.88 + 0.3 * ((index * 0.382) % 1); // longer and shorter throats than the average man's
  const syllables = speak(length, sampleRate, random);

  const voice = new Float64Array(length);
  const tractResonances = BANDWIDTHS.map((bandwidth, at) => new Resonance(bandwidth, STRENGTHS[at]!, sampleRate));
  const [first, second, third] = tractResonances as [Resonance, Resonance, Resonance];
  const controlStep = Math.round(sampleRate / CONTROL_RATE);
  const attack = 0.02 * sampleRate;
  const release = 0.045 * sampleRate;
  let current = 0;
  let phase = 0;
  let phaseStep = 0;
  let loudest = 0;
  for (let i = 0; i < length; i++) {
    if (current < syllables.length - 1 && i >= syllables[current]!.end) current++;
    const syllable = syllables[current]!;
    if (i % controlStep === 0) {
      const drift = 1 + 0.05 * Math.sin((2 * Math.PI * 0.23 * i) / sampleRate + index) + 0.01 * (random() - 0.5);
      phaseStep = (basePitch * syllable.pitch * drift) / sampleRate;
      for (const [at, resonance] of tractResonances.entries()) resonance.tune(syllable.vowel[at]! * tract);
    }
    let source = 0;
    if (i >= syllable.start && i < syllable.end) {
      const envelope = smooth((i - syllable.start) / attack) * smooth((syllable.end - i) / release);
      source = syllable.loudness * envelope * (pulse(phase) + 0.15 * (random() - 0.5));
    }
    phase += phaseStep;
    if (phase >= 1) phase -= 1;
    const sample = first.pass(source) + second.pass(source) + third.pass(source);
    voice[i] = sample;
    loudest = Math.max(loudest, Math.abs(sample));
  }

  const pcm = new Int16Array(length);
  const gain = PEAK / loudest;
  for (let i = 0; i < length; i++) pcm[i] = Math.round(voice[i]! * gain + FLOOR * 2 * (random() - 0.5));
  return pcm;
}

/** One resonance of a vocal tract: a filter with two poles. */
class Resonance {
  readonly #radius: number;
  readonly #gain: number;
  readonly #sampleRate: number;
  #a = 0;
  readonly #b: number;
  #last = 0;
  #beforeLast = 0;

  constructor(bandwidth: number, strength: number, sampleRate: number) {
    this.#radius = Math.exp((-Math.PI * bandwidth) / sampleRate);
    this.#gain = (1 - this.#radius) * strength;
    this.#b = -this.#radius * this.#radius;
    this.#sampleRate = sampleRate;
  }

  /** @param frequency Hz */
  tune(frequency: number): void {
    this.#a = 2 * this.#radius * Math.cos((2 * Math.PI * frequency) / this.#sampleRate);
  }

  pass(sample: number): number {
    const passed = this.#gain * sample + this.#a * this.#last + this.#b * this.#beforeLast;
    this.#beforeLast = this.#last;
    this.#last = passed;
    return passed;
  }
}

/** Phrases of a few syllables, with pauses between them; the first and the last pause are at the ends. */
function speak(length: number, sampleRate: number, random: () => number): Syllable[] {
  const samples = (from: number, to: number) => Math.round((from + (to - from) * random()) * sampleRate);
  const syllables: Syllable[] = [];
  let at = samples(0.05, 0.2);
  for (;;) {
    const count = 3 + Math.floor(random() * 7);
    for (let i = 0; i < count; i++) {
      const end = at + samples(0.11, 0.27);
      if (end > length - 0.1 * sampleRate) return syllables;
      syllables.push({
        start: at,
        end,
        vowel: VOWELS[Math.floor(random() * VOWELS.length)]!,
        loudness: 0.5 + 0.5 * random(),
        pitch: 1.12 - (0.24 * i) / count,
      });
      at = end + samples(0.01, 0.06);
    }
    at += samples(0.2, 0.55);
  }
}

/** The flow through the vocal cords, differentiated, over one period: it opens slowly and closes abruptly. */
function pulse(phase: number): number {
  if (phase < 0.4) return 6 * (phase / 0.4) * (1 - phase / 0.4);
  if (phase < 0.56) return (-5 * (phase - 0.4)) / 0.16;
  return 0;
}

/** From 0 to 1 without a corner. */
function smooth(part: number): number {
  return part >= 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * part);
}

/** Numbers from 0 up to 1 that only the seed determines: Marsaglia's xorshift with 32 bits. */
function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed, 0x9e37_79b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
