import { fromNative, NarrowcastError } from '../errors.js';
import type { SampleFormat } from '../g711.js';
import { native } from '../native.js';
import { PcmArguments, refuseChannels, type Pcm, type PcmData, type ReadPcm } from '../pcm-argument.js';
import { Utterance, type SayOptions, type Speaker } from '../utterance.js';
import { boolean, channelCount, optionsObject, rateInHz } from '../validate.js';
import type { NativeTrack } from './native-track.js';
import type { Playback } from './playback.js';

/** Writes to a track: plainly, or an utterance at a time. */
export class Writer {
  readonly #track: NativeTrack;
  readonly #playback: Playback;
  /** Reads what is written plainly. */
  readonly #pcm: PcmArguments;
  /** Those that are not over; and the one that is written to. */
  readonly #utterances = new Set<Utterance>();
  #open: Utterance | undefined;
  readonly #speaker: Speaker;

  constructor(playback: Playback) {
    const { track } = playback;
    const { token, sampleRate, numChannels, bufferMs } = track;
    this.#track = track;
    this.#playback = playback;
    this.#pcm = new PcmArguments(sampleRate, numChannels);
    const half = Math.floor((bufferMs * sampleRate) / 2000) * numChannels;
    this.#speaker = {
      append: (pcm, final) => this.#append(pcm, final),
      heardMs: (number) => track.ms(native.trackHeard(token, number)),
      writtenMs: () => track.ms(native.trackWritten(token)),
      whenHeard: (resolve, reject) => playback.whenHeard(resolve, reject),
      room: () => new Promise((resolve, reject) => playback.whenQueuedIs(half, resolve, reject)),
      blockMs: bufferMs / 4,
      ended: (utterance) => {
        if (this.#open === utterance) this.#open = undefined;
      },
      forget: (utterance) => {
        if (this.#open === utterance) this.#open = undefined;
        this.#utterances.delete(utterance);
        native.trackForget(token, utterance.number);
      },
    };
  }

  /** Whether an utterance is not over yet. */
  get isSpeaking(): boolean {
    return this.#utterances.size > 0;
  }

  /** See `AudioStreamTrack.write`. */
  write(pcm: Pcm | PcmData, options?: { final?: boolean; format?: SampleFormat }): void {
    const read = this.#pcm.read(pcm, options?.format);
    if (options !== undefined) optionsObject('options', options, { final: true, format: true });
    const final = options?.final ?? false;
    boolean('final', final);
    if (this.#open) {
      throw new NarrowcastError('LOCKED', 'an utterance of say() is open: write to it, or end it first');
    }
    this.#append(read, final);
    if (final) this.#pcm.forget();
    else this.#pcm.keep(read);
  }

  /** See `AudioStreamTrack.say`. */
  say(options: SayOptions): Utterance {
    optionsObject<SayOptions>('options', options, { sampleRate: true, numChannels: true, format: true });
    const { numChannels } = this.#track;
    const sampleRate = rateInHz('sampleRate', options.sampleRate ?? this.#track.sampleRate);
    const channels = channelCount('numChannels', options.numChannels ?? numChannels);
    refuseChannels('numChannels', channels, numChannels);
    this.#track.refuseEnded();
    this.#open?.end();
    this.#pcm.forget();
    const number = fromNative(() => native.trackBegin(this.#track.token));
    const utterance = new Utterance(this.#speaker, number, new PcmArguments(sampleRate, channels, options.format));
    this.#open = utterance;
    this.#utterances.add(utterance);
    return utterance;
  }

  /** What was written is not played any more. */
  interrupted(reason: unknown): void {
    this.#pcm.forget();
    for (const utterance of this.#utterances) utterance.interrupted(reason);
  }

  #append({ data, sampleRate, channels }: ReadPcm, final: boolean): void {
    const { token } = this.#track;
    refuseChannels('channels', channels, this.#track.numChannels);
    this.#track.refuseEnded();
    fromNative(() =>
      data instanceof Float32Array
        ? native.trackWriteFloat(token, data, sampleRate, channels, final)
        : native.trackWrite(token, data, sampleRate, channels, final),
    );
    this.#playback.wrote((data.length / channels / sampleRate) * 1000, final);
  }
}
