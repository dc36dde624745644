import { EventEmitter } from 'node:events';
import { fromNative, NarrowcastError } from './errors.js';
import { native, type Native } from './native.js';
import { PcmArguments, type Pcm } from './pcm-argument.js';
import { reportError } from './report-error.js';
import { channelCount, fraction, integer, invalid, optionsObject, rateInHz, type OptionNames } from './validate.js';

/** What is speech, and when it has started and ended. */
export interface SpeechOptions {
  /** Probability from which a step of 16 ms is speech, from 0 to 1. Default: 0.65. */
  threshold?: number;
  /**
   * How long speech must last without a break before it has started, in ms, in steps of 16. Default: until the probability
   * has risen clearly above that of the noise before, which takes 16 ms for a clear onset, or 48 ms of a higher threshold: 0.8 for
   * 0.65.
   */
  minSpeechMs?: number;
  /** How long silence must last without a break before speech has ended, in ms, in steps of 16. Default: 550. */
  minSilenceMs?: number;
}

/** What an `AudioStream` does about speech; see its option `speech`. */
export interface SpeechStreamOptions extends SpeechOptions {
  /**
   * What can be read.
   *
   * - `'all'`: everything, as without this option, and at once. A frame's `userdata.speech` says whether there is speech in it:
   *   from the frame after the one in which that was decided.
   * - `'speech'`: each utterance, from `preRollMs` before it until `minSilenceMs` after it, in whole frames. Otherwise there is
   *   no frame, and no wake. `userdata.position` says where an utterance was; what was withheld is no gap, and counts as
   *   `stats().framesWithheld`.
   *
   * Default: `'all'`.
   */
  deliver?: 'all' | 'speech';
  /** How much is delivered of what was before speech, in ms, with `deliver: 'speech'`: at most `bufferMs`. Default: 300. */
  preRollMs?: number;
}

/** How loud 10 ms of sound are, in dBFS: 0 is full scale, negative infinity is nothing but zeros. */
export interface AudioLevel {
  /** The loudest sample of any channel. */
  peak: number;
  /** Root of the mean square over all channels: -3 for a sine of full scale. */
  rms: number;
}

/** Where speech started or ended. */
export interface SpeechChange {
  /** Samples of a channel since the first: where the speech began, or ended. That was before the event came. */
  position: number;
  /** The same in ms. */
  ms: number;
  /** How loud the speech was so far, its pauses left out: the RMS in dBFS. A sine of full scale has -3. */
  level: number;
}

/** Events of a {@link SpeechEmitter}. */
export interface SpeechEvents {
  /** Speech has started: `minSpeechMs` of it were there, or its onset was clear. */
  speechstart: [change: SpeechChange];
  /** Speech has ended: `minSilenceMs` of silence followed it, or it was cut off by the end of the audio. */
  speechend: [change: SpeechChange];
}

/**
 * What tells of speech: an EventEmitter, as rtc-node's rooms are. It emits `speechstart` and `speechend`, in turns. An error
 * that a listener throws is an uncaught exception, and the other listeners are called all the same.
 */
export class SpeechEmitter extends EventEmitter<SpeechEvents> {
  #speaking = false;

  /** Whether speech goes on: `speechstart` came, and no `speechend` yet. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /** @internal */
  protected tell(changes: readonly Native.NativeSpeechChange[], sampleRate: number): void {
    for (const { speaking, position, level } of changes) {
      this.#speaking = speaking;
      const name = speaking ? 'speechstart' : 'speechend';
      for (const listener of this.rawListeners(name)) {
        try {
          listener.call(this, { position, ms: (position / sampleRate) * 1000, level });
        } catch (error) {
          reportError(error);
        }
      }
    }
  }
}

/** Options of {@link SpeechDetector}. */
export interface SpeechDetectorOptions extends SpeechOptions {
  /** Hz, of what is pushed: at least 63. Another rate than 16,000 is converted natively. Default: 48000. */
  sampleRate?: number;
  /** Channels, interleaved. Their mean is judged. Default: 1. */
  numChannels?: number;
}

const SPEECH_OPTIONS: OptionNames<SpeechOptions> = { threshold: true, minSpeechMs: true, minSilenceMs: true };

/** Checked options, with their defaults. @internal */
function speechSettings(what: string, options: SpeechOptions): Pick<Native.NativeSpeechSettings, keyof SpeechOptions> {
  const { threshold = 0.65, minSpeechMs, minSilenceMs = 550 } = options;
  fraction(`${what}threshold`, threshold);
  if (minSpeechMs !== undefined) integer(`${what}minSpeechMs`, minSpeechMs, 0, 60_000);
  integer(`${what}minSilenceMs`, minSilenceMs, 0, 60_000);
  return { threshold, minSilenceMs, ...(minSpeechMs !== undefined && { minSpeechMs }) };
}

/** The checked options of a stream, as native code takes them. @internal */
export function streamSpeech(
  options: SpeechStreamOptions,
  sampleRate: number,
  bufferMs: number,
): Native.NativeSpeechSettings {
  optionsObject<SpeechStreamOptions>('speech', options, { ...SPEECH_OPTIONS, deliver: true, preRollMs: true });
  const { deliver = 'all', preRollMs = Math.min(300, bufferMs) } = options;
  if (deliver !== 'all' && deliver !== 'speech') throw invalid('speech.deliver', deliver, "'all' or 'speech'");
  integer('speech.preRollMs', preRollMs, 0, bufferMs);
  if (sampleRate < LEAST_RATE) throw invalid('sampleRate', sampleRate, `at least ${LEAST_RATE} with speech`);
  return { ...speechSettings('speech.', options), ...(deliver === 'speech' && { preRollMs }) };
}

/** Hz: what can be resampled to 16,000. */
const LEAST_RATE = 63;
const REFUSAL = native.NativeSpeechRefusal;
/** Samples in a step, and their rate in Hz. */
const STEP = 256;
const STEP_RATE = 16_000;

/**
 * Tells speech from everything else in PCM of one's own: a small neural network, run natively on 16 ms at a time. It takes
 * some 6 µs for that, in the thread that calls {@link push}.
 *
 * An `AudioStream` does the same where its frames arrive, off the JavaScript thread: see its option `speech`.
 *
 * @example
 * ```ts
 * const detector = new SpeechDetector({ sampleRate: 48_000 });
 * detector.on('speechstart', ({ ms }) => console.log(`speech since ${ms} ms`));
 * detector.on('speechend', ({ ms, level }) => console.log(`until ${ms} ms, at ${level} dBFS`));
 * for await (const frame of stream) detector.push(frame);
 * detector.close();
 * ```
 */
export class SpeechDetector extends SpeechEmitter {
  readonly #sampleRate: number;
  readonly #channels: number;
  readonly #pcm: PcmArguments;
  readonly #native: Native.NativeSpeechDetector;
  readonly #push: (pcm: unknown, probabilities: unknown) => number;
  readonly #heldBack: number;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: SpeechDetectorOptions = {}) {
    super();
    optionsObject<SpeechDetectorOptions>('options', options, {
      ...SPEECH_OPTIONS,
      sampleRate: true,
      numChannels: true,
    });
    const { threshold, minSpeechMs, minSilenceMs } = speechSettings('', options);
    this.#sampleRate = rateInHz('sampleRate', options.sampleRate ?? 48_000, LEAST_RATE);
    this.#channels = channelCount('numChannels', options.numChannels ?? 1);
    this.#pcm = new PcmArguments(this.#sampleRate, this.#channels);
    this.#native = fromNative(
      () => new native.NativeSpeechDetector(this.#sampleRate, this.#channels, threshold, minSilenceMs, minSpeechMs),
    );
    this.#push = this.#native.pusher();
    this.#heldBack = this.#native.heldBack;
  }

  /**
   * Listens to samples, of any number. Emits what they start and end before it returns.
   *
   * @param pcm interleaved samples; or their bytes, little-endian, cut anywhere; or a frame of either, which must have the
   *   detector's rate and channels
   * @returns the probability of speech for each step of 16 ms that they complete, from 0 to 1: the network's, corrected for
   *   the noise. For most frames of 10 ms there is one, or none. A step ends up to 10 ms before the samples that complete it,
   *   where they are resampled
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`
   */
  push(pcm: Int16Array | Uint8Array | (Omit<Pcm, 'data'> & { readonly data: Int16Array | Uint8Array })): Float32Array {
    const read = this.#pcm.readOwn(pcm);
    const { data } = read;
    const frames = data.length / this.#channels;
    const most = Math.ceil(((frames * STEP_RATE) / this.#sampleRate + this.#heldBack + 1) / STEP);
    const probabilities = new Float32Array(most);
    const result = this.#push(data, probabilities);
    if (result === REFUSAL.Closed) throw new NarrowcastError('CLOSED', 'the detector is closed: make another one');
    this.#pcm.keep(read);
    if (result & 1) this.tell(this.#native.takeChanges(), this.#sampleRate);
    return probabilities.slice(0, result >> 1);
  }

  /**
   * Ends what is heard: `speechend` comes if speech goes on. What is pushed next is heard as if by a new detector, from
   * position 0.
   */
  flush(): void {
    this.#pcm.forget();
    this.#native.end();
    this.tell(this.#native.takeChanges(), this.#sampleRate);
  }

  /** Ends what is heard, as {@link flush} does, and frees what the detector holds natively. Twice: nothing. */
  close(): void {
    this.#native.end();
    const changes = this.#native.takeChanges();
    this.#native.close();
    this.tell(changes, this.#sampleRate);
  }
}
