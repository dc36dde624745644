// Speech to try detectors on: said by espeak-ng, a program of the system's, in several voices and languages, with noise of
// several kinds. Where it is speech is known from the samples before the noise is added. Nothing of it is in the repository.

import { spawnSync } from 'node:child_process';
import { AudioFrame, AudioResampler } from 'narrowcast';

/** Hz. */
export const RATE = 16_000;
/** Samples of a step, 16 ms: what truth is told for. */
export const STEP = 256;

/** What is said by whom, at how many words a minute. */
const SAID: readonly (readonly [voice: string, speed: number, ...texts: string[]])[] = [
  ['en-us', 160, 'Hello, can you hear me?', 'I would like to change my appointment to Thursday, please.', 'No.'],
  [
    'en-gb+f3',
    180,
    'Yes, go on.',
    'The order number is seven four nine, two two one.',
    'That is not what I meant, sorry.',
  ],
  ['en-us+m7', 130, 'What time do you open on Sundays?', 'Thanks a lot, goodbye.', 'Um, let me think.'],
  [
    'de+f2',
    170,
    'Guten Tag, ich hätte gern eine Auskunft.',
    'Nein, danke.',
    'Wann fährt der nächste Zug nach Hamburg?',
  ],
  [
    'fr+f4',
    160,
    'Bonjour, je voudrais parler à quelqu’un.',
    'Oui, bien sûr.',
    'Il est quelle heure, s’il vous plaît ?',
  ],
  ['es+m3', 190, 'Buenos días, ¿en qué puedo ayudarle?', 'Sí.', 'Quisiera una mesa para cuatro personas.'],
  ['it+f1', 170, 'Pronto, chi parla?', 'Vorrei prenotare una camera per due notti.', 'Va bene.'],
  ['hi', 150, 'नमस्ते, आप कैसे हैं?', 'मुझे मदद चाहिए।', 'हाँ।'],
];

/** A track of utterances with silence between them. */
export interface Spoken {
  readonly pcm: Int16Array;
  /** For each step, whether it is speech. */
  readonly truth: Uint8Array;
  /** Where utterances begin and end, in samples. */
  readonly utterances: readonly (readonly [begin: number, end: number])[];
  /** RMS of what is speech. */
  readonly rms: number;
}

/** The version of espeak-ng; undefined where there is none. */
export function espeakVersion(): string | undefined {
  const { status, stdout } = spawnSync('espeak-ng', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /[\d.]+/.exec(stdout)?.[0] : undefined;
}

/** All of it, in one track: a second or more before each utterance. */
export function spoken(): Spoken {
  const parts = SAID.flatMap(([voice, speed, ...texts]) => texts.map((text) => trimmed(say(voice, speed, text))));
  const pauses = parts.map((_, i) => (20 + ((i * 7) % 13)) * RATE * 0.05);
  const length = parts.reduce((sum, part, i) => sum + part.length + pauses[i]!, 2 * RATE);
  const pcm = new Int16Array(length - (length % (2 * STEP)));
  const utterances: [number, number][] = [];
  let at = 0;
  for (const [i, part] of parts.entries()) {
    at += pauses[i]!;
    pcm.set(part, at);
    utterances.push([at, at + part.length]);
    at += part.length;
  }
  const { truth, rms } = judge(pcm);
  // They begin with the first step that is loud enough to be one.
  const heard = utterances.map(([begin, end]) => [truth.indexOf(1, Math.floor(begin / STEP)) * STEP, end] as const);
  return { pcm, truth, utterances: heard, rms };
}

function say(voice: string, speed: number, text: string): Int16Array {
  const { status, stdout, stderr } = spawnSync('espeak-ng', ['-v', voice, '-s', String(speed), '--stdout', text], {
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`espeak-ng -v ${voice}: ${stderr}`);
  // A WAVE file whose length is not in its head.
  const rate = stdout.readUInt32LE(24);
  const pcm = Int16Array.from({ length: (stdout.length - 44) >> 1 }, (_, i) => stdout.readInt16LE(44 + 2 * i));
  const resampler = new AudioResampler(rate, RATE);
  const frames = [...resampler.push(new AudioFrame(pcm, rate, 1, pcm.length)), ...resampler.flush()];
  resampler.close();
  return Int16Array.from(frames.flatMap(({ data }) => [...data]));
}

/** Without what is silent before and after it: below a 300th of its peak. */
function trimmed(pcm: Int16Array): Int16Array {
  const least = pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 300;
  const first = pcm.findIndex((sample) => Math.abs(sample) > least);
  const last = pcm.findLastIndex((sample) => Math.abs(sample) > least);
  return pcm.subarray(first, last + 1);
}

/** Which steps are speech: louder than 40 dB below the loudest, and the gaps of up to 200 ms between such ones. */
function judge(pcm: Int16Array): { truth: Uint8Array; rms: number } {
  const energies = Float64Array.from({ length: pcm.length / STEP }, (_, step) => energy(pcm, step * STEP));
  const least = energies.reduce((most, each) => Math.max(most, each), 0) / 10_000;
  const truth = Uint8Array.from(energies, (each) => Number(each > least));
  const longest = Math.floor(3200 / STEP);
  for (let step = 0; step < truth.length; step++) {
    if (truth[step] === 1 || truth[step - 1] !== 1) continue;
    const next = truth.indexOf(1, step);
    if (next > 0 && next - step <= longest) truth.fill(1, step, next);
  }
  const loud = energies.filter((_, step) => truth[step] === 1);
  return { truth, rms: Math.sqrt(loud.reduce((sum, each) => sum + each, 0) / loud.length / STEP) };
}

function energy(pcm: Int16Array, from: number): number {
  let sum = 0;
  for (let i = from; i < from + STEP; i++) sum += pcm[i]! ** 2;
  return sum;
}

/** Kinds of noise, each with an RMS of about 1. */
export const NOISES: Readonly<Record<string, (samples: number) => Float64Array>> = {
  white: (samples) => normal(samples, (next) => next()),
  pink: (samples) => {
    // Paul Kellet's filter.
    const poles = [0.99886, 0.99332, 0.969, 0.8665, 0.55, -0.7616];
    const gains = [0.0555179, 0.0750759, 0.153852, 0.3104856, 0.5329522, -0.016898];
    const state = new Float64Array(6);
    return normal(samples, (next) => {
      const white = next();
      let sum = 0.5362 * white;
      for (let i = 0; i < 6; i++) sum += state[i] = poles[i]! * state[i]! + gains[i]! * white;
      return sum;
    });
  },
  /** A fan: below 300 Hz mostly, with mains hum. */
  fan: (samples) => {
    let low = 0;
    let at = 0;
    return normal(samples, (next) => {
      low += (next() - low) * 0.08;
      const hum = Math.sin((2 * Math.PI * 50 * at) / RATE) + 0.5 * Math.sin((2 * Math.PI * 150 * at++) / RATE);
      return low + 0.05 * hum;
    });
  },
  /** Traffic: pink noise that swells and fades within seconds. */
  traffic: (samples) => {
    const pink = NOISES['pink']!(samples);
    return pink.map((sample, at) => sample * (0.6 + 0.4 * Math.sin(at / RATE) * Math.sin((at / RATE) * 0.37)) * 1.5);
  },
};

function normal(samples: number, make: (next: () => number) => number): Float64Array {
  let state = 12_345;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
  const noise = Float64Array.from({ length: samples }, () => make(next));
  const rms = Math.sqrt(noise.reduce((sum, each) => sum + each ** 2, 0) / samples);
  return noise.map((each) => each / rms);
}

/** `spoken` with noise, so many dB below its speech. */
export function withNoise({ pcm, rms }: Spoken, noise: Float64Array, snr: number): Int16Array {
  const gain = rms / 10 ** (snr / 20);
  return pcm.map((sample, i) => Math.max(-32_768, Math.min(32_767, Math.round(sample + gain * noise[i]!))));
}
