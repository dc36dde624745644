import { SpeechDetector } from '../speech.js';
import { fraction, integer, optionsObject } from '../validate.js';

/** Options of a VAD: those of agents' own, with its names. Durations are in ms. */
export interface VadOptions {
  /** Speech without a break before `START_OF_SPEECH`. Default: 50. */
  minSpeechDuration?: number;
  /** Silence without a break before `END_OF_SPEECH`. Default: 250, the least that agents' turn detector takes. */
  minSilenceDuration?: number;
  /** What is in an event's frames of what was before the speech. Default: 500. */
  prefixPaddingDuration?: number;
  /** Longest speech that is kept for an event's frames. Default: 60,000. */
  maxBufferedSpeech?: number;
  /** Probability from which 16 ms are speech, from 0 to 1. Default: 0.65. */
  activationThreshold?: number;
  /** Probability down to which speech goes on. Default: `activationThreshold`. */
  deactivationThreshold?: number;
}

/** What agents' rtc-node has for a frame. */
export interface Frame {
  readonly data: Int16Array;
  readonly sampleRate: number;
  readonly channels: number;
  readonly samplesPerChannel: number;
}

/** The kinds of events, by the numbers that agents has for them. */
export interface EventTypes {
  /** Speech has started. */
  readonly START_OF_SPEECH: number;
  /** A probability is there. */
  readonly INFERENCE_DONE: number;
  /** Speech has ended. */
  readonly END_OF_SPEECH: number;
}

/** agents' `VADEvent`. */
export interface VadEvent {
  type: number;
  samplesIndex: number;
  timestamp: number;
  speechDuration: number;
  silenceDuration: number;
  frames: Frame[];
  probability: number;
  inferenceDuration: number;
  speaking: boolean;
  rawAccumulatedSilence: number;
  rawAccumulatedSpeech: number;
}

/** Of a step of the detector, which agents takes for the window of a VAD. */
export const STEP_MS = 16;
const STEP_SAMPLES = 256;

/** Checked, with the defaults of `before`. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function vadOptions(options: VadOptions, before?: Required<VadOptions>): Required<VadOptions> {
  optionsObject<VadOptions>('options', options, {
    minSpeechDuration: true,
    minSilenceDuration: true,
    prefixPaddingDuration: true,
    maxBufferedSpeech: true,
    activationThreshold: true,
    deactivationThreshold: true,
  });
  const threshold = (name: 'activationThreshold' | 'deactivationThreshold', usual: number) =>
    fraction(name, options[name] ?? usual);
  const duration = (name: Exclude<keyof VadOptions, `${string}Threshold`>, usual: number) =>
    integer(name, options[name] ?? before?.[name] ?? usual, 0, 600_000);
  const activationThreshold = threshold('activationThreshold', before?.activationThreshold ?? 0.65);
  // As agents has it: who changes the one alone keeps the other.
  const deactivationThreshold = threshold(
    'deactivationThreshold',
    before?.deactivationThreshold ?? activationThreshold,
  );
  return {
    minSpeechDuration: duration('minSpeechDuration', 50),
    minSilenceDuration: duration('minSilenceDuration', 250),
    prefixPaddingDuration: duration('prefixPaddingDuration', 500),
    maxBufferedSpeech: duration('maxBufferedSpeech', 60_000),
    activationThreshold,
    deactivationThreshold,
  };
}

/** Makes agents' events of frames: one `INFERENCE_DONE` for each frame that completes a step, or more of them. */
export class Utterances {
  options: Required<VadOptions>;
  readonly #types: EventTypes;
  readonly #emit: (event: VadEvent) => void;
  readonly #full: () => void;
  #detector: SpeechDetector | undefined;
  #last: Frame | undefined;
  /** Samples of the pre-roll, and of the speech behind it, and how many they are. */
  readonly #kept: Int16Array[] = [];
  #keptSamples = 0;
  #isFull = false;
  #steps = 0;
  #speaking = false;
  /** Ms that were spoken, or silent, since that changed. */
  #speechMs = 0;
  #silenceMs = 0;
  /** Ms in a row of what could change it. */
  readonly #runMs = { speech: 0, silence: 0 };

  /** @param full called when an utterance is longer than what is kept of it */
  constructor(options: Required<VadOptions>, types: EventTypes, emit: (event: VadEvent) => void, full: () => void) {
    this.options = options;
    this.#types = types;
    this.#emit = emit;
    this.#full = full;
  }

  push(frame: Frame): void {
    const { sampleRate, channels, data } = frame;
    if (sampleRate !== this.#last?.sampleRate || channels !== this.#last.channels) this.#listenTo(sampleRate, channels);
    this.#last = frame;
    const before = performance.now();
    const probabilities = this.#detector!.push(frame);
    const inferenceDuration = performance.now() - before;
    this.#keep(data);
    if (probabilities.length === 0) return;
    const was = this.#speaking;
    const changes: VadEvent[] = [];
    for (const probability of probabilities) {
      const change = this.#step(probability);
      if (change !== undefined) changes.push(this.#event(change, probability, inferenceDuration, [this.#speech()]));
      if (change === this.#types.END_OF_SPEECH) this.#begin();
    }
    const last = probabilities.at(-1)!;
    const { INFERENCE_DONE } = this.#types;
    this.#emit({ ...this.#event(INFERENCE_DONE, last, inferenceDuration, [frame]), speaking: was });
    for (const change of changes) this.#emit(change);
    if (!this.#speaking) this.#trim();
  }

  /** Forgets what was heard: the next frame begins a new segment. */
  reset(): void {
    this.#detector?.flush();
    this.#speaking = false;
    this.#steps = 0;
    this.#forget();
    this.#begin();
    this.#silenceMs = 0;
    this.#runMs.silence = 0;
  }

  /** No more frames come. Speech that this cuts off ends. */
  end(): void {
    if (this.#speaking) {
      this.#speaking = false;
      this.#emit(this.#event(this.#types.END_OF_SPEECH, 0, 0, [this.#speech()]));
    }
    this.close();
  }

  close(): void {
    this.#detector?.close();
    this.#detector = undefined;
    this.#last = undefined;
    this.#forget();
  }

  #forget(): void {
    this.#kept.length = 0;
    this.#keptSamples = 0;
  }

  #listenTo(sampleRate: number, numChannels: number): void {
    if (this.#last) this.end();
    this.#detector = new SpeechDetector({ sampleRate, numChannels });
    this.reset();
  }

  /** Returns the kind of event that a step is, if it changes something. */
  #step(probability: number): number | undefined {
    const { activationThreshold, deactivationThreshold, minSpeechDuration, minSilenceDuration } = this.options;
    const run = this.#runMs;
    this.#steps++;
    if (this.#speaking) this.#speechMs += STEP_MS;
    else this.#silenceMs += STEP_MS;
    if (probability >= activationThreshold || (this.#speaking && probability > deactivationThreshold)) {
      run.speech += STEP_MS;
      run.silence = 0;
      if (this.#speaking || run.speech < minSpeechDuration) return undefined;
      this.#speaking = true;
      this.#speechMs = run.speech;
      this.#silenceMs = 0;
      return this.#types.START_OF_SPEECH;
    }
    run.silence += STEP_MS;
    run.speech = 0;
    if (!this.#speaking || run.silence < minSilenceDuration) return undefined;
    this.#speaking = false;
    this.#silenceMs = run.silence;
    return this.#types.END_OF_SPEECH;
  }

  #event(type: number, probability: number, inferenceDuration: number, frames: Frame[]): VadEvent {
    const inference = type === this.#types.INFERENCE_DONE;
    const ended = type === this.#types.END_OF_SPEECH;
    return {
      type,
      samplesIndex: this.#steps * STEP_SAMPLES,
      timestamp: this.#steps * STEP_MS,
      speechDuration: ended ? Math.max(0, this.#speechMs - this.#runMs.silence) : this.#speechMs,
      silenceDuration: this.#silenceMs,
      frames,
      probability,
      inferenceDuration,
      speaking: this.#speaking,
      rawAccumulatedSilence: inference ? this.#runMs.silence : 0,
      rawAccumulatedSpeech: inference ? this.#runMs.speech : 0,
    };
  }

  /** What comes next is not part of the last utterance. */
  #begin(): void {
    this.#speechMs = 0;
    this.#runMs.speech = 0;
    // What came after that is no part of what is kept.
    if (this.#isFull) this.#forget();
    this.#isFull = false;
  }

  #samples(ms: number): number {
    const { sampleRate, channels } = this.#last!;
    return Math.trunc((ms * sampleRate) / 1000) * channels;
  }

  #keep(data: Int16Array): void {
    const { prefixPaddingDuration, maxBufferedSpeech } = this.options;
    const room = this.#samples(prefixPaddingDuration) + this.#samples(maxBufferedSpeech) - this.#keptSamples;
    if (room >= data.length) {
      this.#kept.push(data);
      this.#keptSamples += data.length;
    } else if (!this.#isFull) {
      this.#isFull = true;
      this.#full();
    }
  }

  /** Keeps as much as speech that may begin now needs before it. */
  #trim(): void {
    const needed = this.#samples(this.options.prefixPaddingDuration + this.#runMs.speech + STEP_MS);
    for (let first = this.#kept[0]; first && this.#keptSamples - first.length >= needed; first = this.#kept[0]) {
      this.#kept.shift();
      this.#keptSamples -= first.length;
    }
  }

  /** What is kept, in a frame of the class that came in. */
  #speech(): Frame {
    const { sampleRate, channels, constructor } = this.#last! as Frame & { constructor: unknown };
    const data = new Int16Array(this.#keptSamples);
    let at = 0;
    for (const part of this.#kept) {
      data.set(part, at);
      at += part.length;
    }
    type MakeFrame = new (data: Int16Array, rate: number, channels: number, samples: number) => Frame;
    return new (constructor as MakeFrame)(data, sampleRate, channels, data.length / channels);
  }
}
