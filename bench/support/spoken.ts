// Speech to try detectors on: said by espeak-ng, a program of the system's, in several voices and languages, with noise of
// several kinds. Where it is speech is known from the samples before the noise is added. Nothing of it is in the repository.

import { spawnSync } from 'node:child_process';
import { AudioFrame, AudioResampler } from 'narrowcast';

/** Hz. */
export const RATE = 16_000;
/** Samples of a step, 16 ms: what truth is told for. */
export const STEP = 256;

/** What is said by whom, at how many words a minute. */
type Said = readonly (readonly [voice: string, speed: number, ...texts: string[]])[];

/** Which part of the data: defaults were chosen on `tuning` and `more`, and figures that are published are those of `report`. */
export type Half = (typeof HALVES)[number];
export const HALVES = ['tuning', 'more', 'report'] as const;

/** No text or noise is in two parts, and no language but English, whose speakers differ. */
const SAID: Readonly<Record<Half, Said>> = {
  tuning: [
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
  ],
  more: [
    ['en-gb-x-rp+f2', 170, 'Thanks for calling.', 'Four people, please.', 'She is not here.', 'How are you?'],
    ['en-us+m2', 165, 'Hi there.', 'Sure, that works.', 'Five o clock is fine.', 'Send it to my office.'],
    ['en-029+m3', 160, 'Please hold the line.', 'Three tickets for Saturday.', 'Who is this?', 'Okay.'],
    ['en-gb-x-gbclan+f4', 180, 'Can I help you?', 'Think about it.', 'Hello?', 'Very well.'],
    ['da+m4', 165, 'Hej, hvem er det?', 'Jeg vil gerne bestille et bord.', 'Tak.', 'Farvel og tak.'],
    ['cs+f3', 170, 'Dobrý den, co si přejete?', 'Chtěl bych objednat stůl.', 'Ano.', 'Prosím počkejte.'],
    ['hu+m6', 165, 'Jó napot kívánok.', 'Hol van a rendelésem?', 'Igen.', 'Köszönöm szépen.'],
    ['ro+f5', 170, 'Bună ziua, cine este?', 'Vreau să fac o rezervare.', 'Da.', 'Mulțumesc frumos.'],
    ['hr+m1', 170, 'Dobar dan, izvolite.', 'Htio bih naručiti stol.', 'Hvala.', 'Koliko to košta?'],
    ['ca+f1', 170, 'Bon dia, qui parla?', 'Voldria reservar una taula.', 'Sí.', 'Fins després.'],
    ['af+m5', 165, 'Goeie môre, wie praat?', 'Ek wil graag bespreek.', 'Ja.', 'Baie dankie.'],
    ['cy+f2', 165, 'Bore da, pwy sydd yno?', 'Hoffwn archebu bwrdd.', 'Ie.', 'Diolch yn fawr.'],
    ['et+m8', 165, 'Tere, kes räägib?', 'Soovin lauda broneerida.', 'Jah.', 'Suur tänu.'],
    ['lv+f4', 165, 'Sveiki, kas runā?', 'Es vēlos pasūtīt galdu.', 'Jā.', 'Paldies jums.'],
    ['bg+m2', 165, 'Добър ден, кой е?', 'Искам да запазя маса.', 'Да.', 'Благодаря ви.'],
    ['vi+f3', 165, 'Xin chào, ai đấy?', 'Tôi muốn đặt bàn.', 'Vâng.', 'Cảm ơn nhiều.'],
  ],
  report: [
    [
      'en-gb-scotland+m4',
      165,
      'Stop there, please.',
      'She said the parcel was shipped on Friday.',
      'Fine, thanks.',
      'Hold on a second.',
    ],
    [
      'en-us-nyc+f5',
      175,
      'Speaking.',
      'Could you spell that for me, letter by letter?',
      'Perfect.',
      'How much does it cost?',
    ],
    ['pt-br+f2', 170, 'Alô, quem fala?', 'Queria remarcar a minha consulta.', 'Não, obrigado.', 'Pode repetir?'],
    [
      'nl+m2',
      165,
      'Goedemorgen, met de receptie.',
      'Ik wil graag een afspraak maken.',
      'Klopt.',
      'Waar kan ik parkeren?',
    ],
    ['pl+f3', 170, 'Dzień dobry, w czym mogę pomóc?', 'Tak.', 'Chciałbym złożyć zamówienie.', 'Proszę poczekać.'],
    ['ru+m6', 165, 'Здравствуйте, я вас слушаю.', 'Нет.', 'Скажите, пожалуйста, который час?', 'Спасибо, до свидания.'],
    ['tr+f4', 175, 'Merhaba, nasıl yardımcı olabilirim?', 'Evet.', 'Siparişim nerede?', 'Hayır, teşekkürler.'],
    ['sv+m5', 160, 'Hej, vem är det?', 'Jag skulle vilja boka ett bord.', 'Ja, gärna.', 'Vad kostar det?'],
    ['el+f1', 170, 'Γεια σας, ποιος είναι;', 'Όχι.', 'Θα ήθελα ένα εισιτήριο.', 'Ευχαριστώ πολύ.'],
    ['id+m8', 165, 'Halo, dengan siapa saya bicara?', 'Bisa.', 'Saya mau pesan kamar.', 'Terima kasih banyak.'],
    ['sw+f5', 165, 'Habari, naweza kukusaidia?', 'Ndiyo.', 'Ninataka kubadilisha tarehe.', 'Asante sana.'],
    ['fi+m1', 170, 'Hei, kuka siellä?', 'Haluaisin varata ajan.', 'Selvä.', 'Kiitos, näkemiin.'],
  ],
};

/** A track of utterances with silence between them. */
export interface Spoken {
  readonly pcm: Int16Array;
  /** For each step, whether it is speech. */
  readonly truth: Uint8Array;
  /** Where utterances begin and end, in samples: each begins with its {@link firstSound}. */
  readonly utterances: readonly (readonly [begin: number, end: number])[];
  /** RMS of what is speech. */
  readonly rms: number;
}

/** The version of espeak-ng; undefined where there is none. */
export function espeakVersion(): string | undefined {
  const { status, stdout } = spawnSync('espeak-ng', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /[\d.]+/.exec(stdout)?.[0] : undefined;
}

/** All of a half, in one track: a second or more before each utterance. */
export function spoken(half: Half = 'tuning'): Spoken {
  const parts = SAID[half].flatMap(([voice, speed, ...texts]) => texts.map((text) => trimmed(say(voice, speed, text))));
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
  const { truth, rms, least } = judge(pcm);
  const heard = utterances.map(([begin, end]) => [firstSound(pcm, begin, least), end] as const);
  return { pcm, truth, utterances: heard, rms };
}

/** Samples from one look for the first sound to the next: 4 ms. */
const LOOK = 64;

/**
 * The first sound from `from` on: 16 ms that are louder than 40 dB below the loudest of the track, looked for every 4 ms. It
 * begins with the last 4 ms of these, for the 16 ms before did not have it.
 */
function firstSound(pcm: Int16Array, from: number, least: number): number {
  let at = from - STEP;
  while (at + STEP < pcm.length && energy(pcm, at) <= least) at += LOOK;
  return at + STEP - LOOK;
}

/** Edges of the ear's critical bands, in Hz (Zwicker). */
const BANDS = [
  100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700,
];

/**
 * Where each utterance can be heard first in this noise, in samples: from its first sound on, the first 16 ms in which the speech
 * has at least the noise's energy in one critical band of the ear at least, and of these the last 4 ms. The noise's is the mean of
 * half a second around it.
 */
export function hearableFrom({ pcm, utterances, rms }: Spoken, noise: Float64Array, snr: number): number[] {
  const gain = rms / 10 ** (snr / 20);
  const around = (at: number) => {
    const sum = new Float64Array(BANDS.length - 1);
    for (let n = -8; n < 8; n++) {
      const energies = inBands(noise, Math.min(Math.max(0, at + 2 * n * STEP), noise.length - STEP));
      for (const [band, each] of energies.entries()) sum[band]! += (each * gain ** 2) / 16;
    }
    return sum;
  };
  return utterances.map(([begin, end]) => {
    const masks = around(begin);
    for (let at = begin + LOOK - STEP; at < end - STEP; at += LOOK) {
      if (inBands(pcm, at).some((each, band) => each >= masks[band]!)) return at + STEP - LOOK;
    }
    return begin;
  });
}

const turns = Array.from({ length: STEP }, (_, at) => (2 * Math.PI * at) / STEP);
const [COS, SIN, HANN] = [turns.map(Math.cos), turns.map(Math.sin), turns.map((turn) => 0.5 - 0.5 * Math.cos(turn))];

/** Energy of 16 ms in each of {@link BANDS}, by a discrete Fourier transform. */
function inBands(pcm: ArrayLike<number>, from: number): Float64Array {
  const energies = new Float64Array(BANDS.length - 1);
  const samples = HANN.map((weight, at) => weight * pcm[from + at]!);
  let band = 0;
  for (let bin = 2; bin < STEP / 2; bin++) {
    const hz = (bin * RATE) / STEP;
    while (hz >= BANDS[band + 1]!) band++;
    if (band >= energies.length) break;
    let [re, im] = [0, 0];
    for (const [at, sample] of samples.entries()) {
      re += sample * COS[(at * bin) % STEP]!;
      im += sample * SIN[(at * bin) % STEP]!;
    }
    energies[band]! += re ** 2 + im ** 2;
  }
  return energies;
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
function judge(pcm: Int16Array): { truth: Uint8Array; rms: number; least: number } {
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
  return { truth, least, rms: Math.sqrt(loud.reduce((sum, each) => sum + each, 0) / loud.length / STEP) };
}

function energy(pcm: Int16Array, from: number): number {
  let sum = 0;
  for (let i = from; i < from + STEP; i++) sum += pcm[i]! ** 2;
  return sum;
}

/** Kinds of noise, each with an RMS of about 1. */
type Noises = Readonly<Record<string, (samples: number) => Float64Array>>;

const pink = (samples: number) => {
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
};

/** Of each half, its own. */
export const NOISES: Readonly<Record<Half, Noises>> = {
  tuning: {
    white: (samples) => normal(samples, (next) => next()),
    pink,
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
    traffic: (samples) =>
      pink(samples).map(
        (sample, at) => sample * (0.6 + 0.4 * Math.sin(at / RATE) * Math.sin((at / RATE) * 0.37)) * 1.5,
      ),
  },
  more: {
    /** Lower than pink noise. */
    rumble: (samples) => {
      let low = 0;
      return pink(samples).map((sample) => (low = low * 0.9 + sample) / 2.5);
    },
    /** Rises with the frequency: air from a nozzle. */
    hiss: (samples) => {
      let last = 0;
      return normal(samples, (next) => {
        const before = last;
        last = next();
        return last - 0.7 * before;
      });
    },
    /** A transformer, and air that comes and goes. */
    transformer: (samples) => {
      let [low, at] = [0, 0];
      return normal(samples, (next) => {
        low += (next() - low) * 0.3;
        const turn = (2 * Math.PI * at++) / RATE;
        return low * (0.8 + 0.3 * Math.sin(turn / 3)) + 0.06 * Math.sin(100 * turn) + 0.03 * Math.sin(300 * turn);
      });
    },
  },
  report: {
    /** Wind at a microphone: brown noise. */
    wind: (samples) => {
      let low = 0;
      return normal(samples, (next) => (low = low * 0.995 + next()));
    },
    /** A car: harmonics of an engine whose speed changes, and the road. */
    car: (samples) => {
      let [low, phase, at] = [0, 0, 0];
      return normal(samples, (next) => {
        low += (next() - low) * 0.15;
        phase += (2 * Math.PI * (28 + 6 * Math.sin((at++ / RATE) * 0.7))) / RATE;
        let engine = 0;
        for (let n = 1; n <= 6; n++) engine += Math.sin(n * phase) / n;
        return low + 0.1 * engine;
      });
    },
    /** An office's ventilation: 200 to 2,000 Hz. */
    air: (samples) => {
      let [low, lower] = [0, 0];
      return normal(samples, (next) => {
        low += (next() - low) * 0.55;
        lower += (low - lower) * 0.075;
        return low - lower;
      });
    },
    /** Rain on a window: a hiss, and drops. */
    rain: (samples) => {
      let [drop, ring] = [0, 0];
      return normal(samples, (next) => {
        if (next() > 0.997) drop = 1 + next();
        drop *= 0.97;
        ring = -0.5 * ring + drop * next();
        return 0.15 * next() + ring;
      });
    },
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
