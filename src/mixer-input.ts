import { native } from './native.js';
import { PcmArguments, type Pcm, type PcmData } from './pcm-argument.js';
import { PcmConverter } from './pcm-converter.js';
import { PcmReadable, readerOf } from './pcm-readable.js';
import type { PcmReader } from './pcm-reader.js';
import { END } from './waiters.js';

/** What is mixed: an `AudioStream`, or frames of any rate from anywhere else. */
export interface MixerStream {
  /** Gives the frames, one after the other. */
  [Symbol.asyncIterator](): Pick<AsyncIterator<Pcm | PcmData, unknown, undefined>, 'next'>;
}

/** The frame that is being mixed, and the kind of its samples. */
interface Mix {
  readonly sampleRate: number;
  readonly channels: number;
  /** As many samples of all channels as a frame has. */
  readonly sum: Int32Array;
  /** Where samples are between a native stream and the sum. */
  readonly scratch: Int16Array;
}

/** One stream of a mixer. */
export class MixerInput {
  readonly stream: MixerStream;
  readonly #mix: Mix;
  readonly #pcm: PcmArguments;
  readonly #converter: PcmConverter;
  /** Reads a stream of narrowcast's, which {@link #lock} locks for others. */
  readonly reader: PcmReader<unknown> | undefined;
  readonly #lock: { releaseLock(): void } | undefined;
  #iterator: ReturnType<MixerStream[typeof Symbol.asyncIterator]> | undefined;
  /** What was read and is not mixed, from the sample at `#at` of the first array on. */
  readonly #rest: Int16Array[] = [];
  #at = 0;
  /** Samples of it in the sum. */
  filled = 0;
  /** Whether a promise is pending that tells of more. */
  pending = false;
  /** Whether nothing more comes. */
  ended = false;
  /** Whether it does not belong to the mixer any more. */
  gone = false;
  /** Whether it gave nothing for as long as it is waited for. */
  late = false;
  /** Called with what its iterator gives, or throws. */
  readonly #pulled: (result: IteratorResult<Pcm | PcmData, unknown>) => void;
  readonly threw: (error: unknown) => void;
  /** How long it was waited for, in ms; undefined until the first tick since it gave something. */
  waitedMs: number | undefined;

  constructor(
    stream: MixerStream,
    mix: Mix,
    pulled: (input: MixerInput, result: IteratorResult<Pcm | PcmData, unknown> | undefined, error?: unknown) => void,
  ) {
    this.stream = stream;
    this.#mix = mix;
    this.#pulled = (result) => pulled(this, result);
    this.threw = (error) => pulled(this, undefined, error);
    this.#pcm = new PcmArguments(mix.sampleRate, mix.channels);
    this.#converter = new PcmConverter(mix.sampleRate, mix.channels);
    if (stream instanceof PcmReadable) {
      this.reader = readerOf(stream);
      this.#lock = stream.getReader();
    }
  }

  /** Whether it has given its part of the next frame. */
  get isFull(): boolean {
    return this.filled === this.#mix.sum.length;
  }

  /** It has given something, or has ended. */
  got(): void {
    this.late = false;
    this.waitedMs = undefined;
  }

  /** Adds what it has to the sum, as far as that belongs to the next frame. */
  take(): void {
    this.#addRest();
    if (this.ended || this.isFull) return;
    if (this.reader) this.#read(this.reader);
    else this.#pull();
  }

  /** Adds what its iterator gave. Returns how many of the samples were NaN. */
  add(value: Pcm | PcmData): number {
    const read = this.#pcm.read(value);
    this.#pcm.keep(read);
    const { invalid } = this.#converter;
    this.#rest.push(...this.#converter.push(read));
    this.#addRest();
    return this.#converter.invalid - invalid;
  }

  /** Nothing more comes of it. */
  finish(): void {
    this.ended = true;
    this.#rest.push(...this.#converter.flush());
    this.#addRest();
  }

  /** It has failed: what was read of it is not mixed. */
  fail(): void {
    this.ended = true;
    this.#rest.length = 0;
  }

  /** It does not belong to the mixer any more. */
  release(): void {
    this.gone = true;
    this.#converter.flush();
    this.#lock?.releaseLock();
  }

  #read(reader: PcmReader<unknown>): void {
    const { sum, scratch, ...mix } = this.#mix;
    const { sampleRate, channels } = reader;
    const isAlike = sampleRate === mix.sampleRate && channels === mix.channels;
    while (!this.isFull) {
      const room = isAlike && this.filled > 0 ? scratch.subarray(this.filled) : scratch;
      const samples = reader.readInto(room);
      if (samples === 0) return;
      this.got();
      if (samples === END) {
        (this.stream as PcmReadable<unknown>).close();
        return this.finish();
      }
      if (isAlike) {
        native.mixAdd(sum, this.filled, room, 0, samples);
        this.filled += samples;
      } else {
        this.#rest.push(...this.#converter.push({ data: room.subarray(0, samples), sampleRate, channels }));
        this.#addRest();
      }
    }
  }

  /** Asks for a frame, unless it was asked already: what it says is never lost, however late it is. */
  #pull(): void {
    if (this.pending) return;
    this.pending = true;
    this.#iterator ??= this.stream[Symbol.asyncIterator]();
    void Promise.resolve(this.#iterator.next()).then(this.#pulled, this.threw);
  }

  /** Adds what was read and not mixed. */
  #addRest(): void {
    const { sum } = this.#mix;
    for (let data = this.#rest[0]; data && !this.isFull; data = this.#rest[0]) {
      const samples = Math.min(data.length - this.#at, sum.length - this.filled);
      native.mixAdd(sum, this.filled, data, this.#at, samples);
      this.filled += samples;
      this.#at += samples;
      if (this.#at < data.length) return;
      this.#rest.shift();
      this.#at = 0;
    }
  }
}
