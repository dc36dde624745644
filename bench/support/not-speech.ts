// What a speech detector must not take for speech: silence, steady noise, noise that begins at once, music, a telephone's ring.

import { NOISES, RATE, type Half } from './spoken.js';

const SECONDS = 60;
const SAMPLES = SECONDS * RATE;

/** Tracks of a minute, by their kind. Loudness is an RMS in dBFS. */
export function notSpeech(half: Half): Readonly<Record<string, readonly Int16Array[]>> {
  const noises = Object.values(NOISES[half]).map((make) => make(SAMPLES));
  const steady = noises.flatMap((noise) => [-60, -45, -30, -20].map((db) => toPcm(noise, db)));
  // Two seconds of quiet, two of noise.
  const sudden = noises.flatMap((noise) =>
    [-45, -30, -20].map((db) =>
      toPcm(noise, db).map((sample, at) => (at % (4 * RATE) < 2 * RATE ? sample % 4 : sample)),
    ),
  );
  const seed = { tuning: 11, more: 23, report: 99 }[half];
  const music = [plucked, organ, band].flatMap((play) => [-40, -24].map((db) => toPcm(level(play(seed)), db)));
  return { silence: [new Int16Array(SAMPLES)], steady, sudden, music, ring: [toPcm(level(ring()), -24)] };
}

function toPcm(sound: Float64Array, db: number): Int16Array {
  const gain = 32_768 * 10 ** (db / 20);
  return Int16Array.from(sound, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * gain))));
}

function level(sound: Float64Array): Float64Array {
  const rms = Math.sqrt(sound.reduce((sum, sample) => sum + sample ** 2, 0) / sound.length);
  return sound.map((sample) => sample / rms);
}

/** Numbers from 0 to 1, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

const SCALE = [0, 2, 4, 5, 7, 9, 11, 12];

/** Adds a note: harmonics of `hz`, as loud as `harmonics` says, times `envelope` of the seconds since it began. */
function note(
  sound: Float64Array,
  from: number,
  seconds: number,
  hz: number,
  harmonics: readonly number[],
  envelope: (t: number) => number,
): void {
  const end = Math.min(sound.length, Math.floor((from + seconds) * RATE));
  for (let at = Math.floor(from * RATE); at < end; at++) {
    const t = at / RATE - from;
    for (const [n, gain] of harmonics.entries()) {
      sound[at]! += gain * envelope(t) * Math.sin(2 * Math.PI * hz * (n + 1) * t);
    }
  }
}

function plucked(seed: number): Float64Array {
  const [sound, next] = [new Float64Array(SAMPLES), numbers(seed)];
  for (let at = 0; at < SECONDS; at += 0.25) {
    const hz = 220 * 2 ** (SCALE[Math.floor(next() * 8)]! / 12);
    if (next() > 0.3) note(sound, at, 0.8, hz, [1, 0.6, 0.4, 0.25, 0.15, 0.1], (t) => Math.exp(-5 * t));
  }
  return sound;
}

function organ(seed: number): Float64Array {
  const [sound, next] = [new Float64Array(SAMPLES), numbers(seed)];
  for (let at = 0; at < SECONDS; at++) {
    const hz = 262 * 2 ** (SCALE[Math.floor(next() * 8)]! / 12);
    for (const each of [hz, 1.5 * hz])
      note(sound, at, 0.95, each, [1, 0.8, 0, 0.5, 0, 0.3], (t) => Math.min(1, 20 * t));
  }
  return sound;
}

/** Bass, drums and cymbals. */
function band(seed: number): Float64Array {
  const [sound, next] = [new Float64Array(SAMPLES), numbers(seed)];
  const hiss = (from: number, seconds: number, gain: number, decay: number) => {
    const end = Math.min(SAMPLES, Math.floor((from + seconds) * RATE));
    for (let at = Math.floor(from * RATE); at < end; at++) {
      sound[at]! += gain * Math.exp(-decay * (at / RATE - from)) * (2 * next() - 1);
    }
  };
  for (let beat = 0; beat < 2 * SECONDS; beat++) {
    const at = beat / 2;
    note(sound, at, 0.5, 55 * 2 ** (SCALE[Math.floor(next() * 8)]! / 12), [0.8, 0.6, 0.4, 0.2], () => 1);
    if (beat % 2 === 0) note(sound, at, 0.3, 60, [3], (t) => Math.exp(-20 * t));
    else hiss(at, 0.3, 1.5, 25);
    for (let n = 0; n < 4; n++) hiss(at + n / 8, 0.06, 0.4, 80);
  }
  return sound;
}

function ring(): Float64Array {
  const sound = new Float64Array(SAMPLES);
  for (let at = 0; at < SECONDS; at += 4) for (const hz of [440, 480]) note(sound, at, 1.5, hz, [1], () => 1);
  return sound;
}
