import { AsyncResource } from 'node:async_hooks';
import { AudioFrame } from './audio-frame.js';
import { FRAMES, type AudioFrameLike, type MakeFrame } from './audio-resampler.js';
import { NarrowcastError } from './errors.js';
import { MixerInput, type MixerStream } from './mixer-input.js';
import { native } from './native.js';
import type { Pcm, PcmData } from './pcm-argument.js';
import { warnOfFailure } from './report-error.js';
import { afterTurn, delivered, mayDeliver } from './turn-budget.js';
import {
  asyncIterable,
  channelCount,
  integer,
  invalid,
  optionsObject,
  rateInHz,
  type OptionNames,
} from './validate.js';
import { END, NOTHING, Waiters } from './waiters.js';

export type { MixerStream };

/** Options of {@link AudioMixer}. */
export interface AudioMixerOptions {
  /** Samples of each channel in a mixed frame. Default, and 0: those of 100 ms. */
  blocksize?: number;
  /** How long a stream that gives nothing is waited for, in ms, without the time in which the thread was blocked.
   * Default: 100. */
  streamTimeoutMs?: number;
  /** Mixed frames that may wait to be read; then nothing is read of the streams. Default: 100. */
  capacity?: number;
}

const MIXER_OPTIONS: OptionNames<AudioMixerOptions> = { blocksize: true, streamTimeoutMs: true, capacity: true };

/** What a mixer counted. */
export interface AudioMixerStats {
  /** Streams that are mixed now. */
  streams: number;
  /** Of all streams, those that ended because they threw, or gave what is no audio. */
  streamsFailed: number;
  /** Frames that were mixed. */
  framesOut: number;
  /** Of these, frames that wait to be read. */
  framesBuffered: number;
  /** How many times a stream was late. */
  timeouts: number;
  /** Silence in place of streams that were late, in ms, over all of them: so much later is what they said mixed. */
  lateMs: number;
  /** Samples, of all channels, that were too loud together for 16 bits, and were limited. */
  samplesLimited: number;
  /** Samples of the streams, of all channels, that were NaN: they are silence. */
  samplesInvalid: number;
}

/** Ticks in the time that a stream is waited for. */
const TICKS = 5;

/** Longest time between two ticks, in ms. */
const LONGEST_TICK_MS = 50;

/**
 * The sum of several streams: rtc-node's `AudioMixer`, with its constructor and methods, which loses no sample.
 *
 * - A frame is mixed as soon as each stream has given its part of it. A stream that gives nothing for `streamTimeoutMs` is
 *   late: frames go on without it, and what it gives later is mixed into later frames. Each of them still waits for it for half
 *   of its own length, so that streams which are faster than any clock don't run away from it. Where no stream gives
 *   anything, there is no frame.
 * - Time in which the thread was blocked is not counted, and what the streams were given meanwhile is mixed.
 * - The sum is exact. What is too loud for 16 bits is limited to what they can hold, and counted.
 * - Streams of other rates are resampled at medium quality; one channel goes to each of several, and several become one by
 *   their average.
 * - An `AudioStream` of narrowcast's is read natively, without a promise for each frame. From any other stream one frame is
 *   read ahead at most.
 *
 * It ends when all its streams have ended, after {@link endInput} when none is left, and with {@link aclose}.
 *
 * @example
 * ```ts
 * const mixer = new AudioMixer(48_000, 1, { blocksize: 480 });
 * mixer.addStream(music);
 * mixer.addStream(speech);
 * for await (const frame of mixer) await source.captureFrame(frame);
 * ```
 */
export class AudioMixer<F extends AudioFrameLike = AudioFrame> {
  /** The class of the frames that it gives. @internal */
  static get [FRAMES](): MakeFrame {
    return AudioFrame;
  }
  readonly #makeFrame: MakeFrame;
  readonly #sampleRate: number;
  readonly #channels: number;
  /** Samples of all channels in a frame, and its length in ms. */
  readonly #block: number;
  readonly #blockMs: number;
  readonly #timeoutMs: number;
  readonly #tickMs: number;
  readonly #capacity: number;
  readonly #inputs = new Map<MixerStream, MixerInput>();
  readonly #sum: Int32Array;
  readonly #scratch: Int16Array;
  readonly #queue: AudioFrameLike[] = [];
  readonly #waiters: Waiters<AudioFrameLike>;
  /** As rtc-node's, streams run in the context in which the mixer was made: whatever goes on from here does. */
  readonly #run = AsyncResource.bind(() => this.#mixAll());
  #ending = false;
  #over = false;
  #scheduled = false;
  #paused = false;
  /** Whether it waits for its streams, and not for a reader. */
  #waiting = false;
  /** Streams that it waits for, without those that are late. */
  #missing = 0;
  #lastTurn = -1;
  #tick: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #pace: NodeJS.Timeout | undefined;
  /** When a frame was mixed last without a stream that was late. */
  #mixedAt = -Infinity;
  #failed = 0;
  #framesOut = 0;
  #timeouts = 0;
  #silent = 0;
  #limited = 0;
  #invalid = 0;

  /**
   * @param sampleRate Hz
   * @param numChannels of the mixed frames, interleaved
   * @throws {NarrowcastError} `INVALID_ARGUMENT`
   */
  constructor(sampleRate: number, numChannels: number, options: AudioMixerOptions = {}) {
    this.#makeFrame = new.target[FRAMES];
    this.#sampleRate = rateInHz('sampleRate', sampleRate);
    this.#channels = channelCount('numChannels', numChannels);
    optionsObject<AudioMixerOptions>('options', options, MIXER_OPTIONS);
    const { blocksize = 0, streamTimeoutMs = 100, capacity = 100 } = options;
    const samples = integer('blocksize', blocksize, 0, 2 ** 20) || Math.max(1, Math.floor(sampleRate / 10));
    if (typeof streamTimeoutMs !== 'number' || !(streamTimeoutMs >= 0)) {
      throw invalid('streamTimeoutMs', streamTimeoutMs, 'a number of ms');
    }
    this.#capacity = capacity === Infinity ? capacity : integer('capacity', capacity, 1, Number.MAX_SAFE_INTEGER);
    this.#block = samples * numChannels;
    this.#blockMs = (samples * 1000) / sampleRate;
    this.#timeoutMs = streamTimeoutMs;
    this.#tickMs = Math.max(1, Math.min(LONGEST_TICK_MS, streamTimeoutMs / TICKS));
    this.#sum = new Int32Array(this.#block);
    this.#scratch = new Int16Array(this.#block);
    this.#waiters = new Waiters<AudioFrameLike>({
      poll: () => this.#next(),
      readable: () => this.#queue.length > 0 || this.#over,
      listen: () => {},
      unlisten: () => {},
    });
  }

  /**
   * Adds a stream. One that is there already is not added again.
   *
   * @param stream frames, or other PCM; an `AudioStream` is locked while it is mixed
   * @throws {NarrowcastError} `CLOSED` when the mixer has ended, or was told that no more comes; `LOCKED` if an `AudioStream`
   *   is being read; `INVALID_ARGUMENT`
   */
  addStream(stream: MixerStream): void {
    if (this.#ending) throw new NarrowcastError('CLOSED', 'the mixer takes no more streams: make another one');
    asyncIterable('stream', stream, 'an AudioStream, or another async iterable of frames');
    if (this.#inputs.has(stream)) return;
    const mix = { sampleRate: this.#sampleRate, channels: this.#channels, sum: this.#sum, scratch: this.#scratch };
    this.#inputs.set(stream, new MixerInput(stream, mix, (...pulled) => this.#pulled(...pulled)));
    this.#soon();
  }

  /** Takes a stream out. What was read of it is not mixed any more, but for its part of the frame that is being made. */
  removeStream(stream: MixerStream): void {
    const input = this.#inputs.get(stream);
    if (!input) return;
    this.#forget(input);
    this.#soon();
  }

  /** No more streams come: the mixer ends with the last one that it has. */
  endInput(): void {
    this.#ending = true;
    this.#soon();
  }

  /** Ends the mixer now. Frames that are mixed already can still be read. Streams are left as they are. Twice: nothing. */
  async aclose(): Promise<void> {
    this.#end();
  }

  /** Reads mixed frames. Several readers share them. */
  [Symbol.asyncIterator](): Pick<AsyncIterator<F, undefined, undefined>, 'next'> {
    return {
      next: () =>
        this.#waiters.next((frame): IteratorResult<F, undefined> =>
          frame === END ? { done: true, value: undefined } : { done: false, value: frame as F },
        ),
    };
  }

  /** What was counted so far; can be read after the end, too. */
  stats(): AudioMixerStats {
    return {
      streams: this.#inputs.size,
      streamsFailed: this.#failed,
      framesOut: this.#framesOut,
      framesBuffered: this.#queue.length,
      timeouts: this.#timeouts,
      lateMs: (this.#silent / this.#channels / this.#sampleRate) * 1000,
      samplesLimited: this.#limited,
      samplesInvalid: this.#invalid,
    };
  }

  #next(): AudioFrameLike | typeof NOTHING | typeof END {
    const frame = this.#queue.shift();
    if (frame === undefined) return this.#over ? END : NOTHING;
    if (!this.#waiting) this.#soon();
    return frame;
  }

  /** Mixes when what runs now has come to its end: streams that are added together begin together. */
  #soon(): void {
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  /** Mixes all that can be mixed. */
  #mixAll(): void {
    this.#waiting = false;
    while (!this.#over && !this.#paused && this.#queue.length < this.#capacity) {
      // Streams may be faster than any clock, and so may be the mixer's reader.
      if (!mayDeliver(this.#lastTurn)) {
        this.#paused = true;
        afterTurn(() => {
          this.#paused = false;
          this.#run();
        });
        return;
      }
      if (!this.#fill()) return this.#wait();
      this.#mix();
      this.#lastTurn = delivered();
    }
  }

  /** Adds what there is to the sum. Returns whether it is a frame. */
  #fill(): boolean {
    const before = this.#inputs.size;
    let [isWhole, hasAny, hasLate] = [true, false, false];
    for (const input of this.#inputs.values()) {
      this.#take(input);
      if (input.gone) continue;
      hasAny ||= input.filled > 0;
      if (input.isFull || input.ended) continue;
      if (input.late) hasLate = true;
      else isWhole = false;
    }
    if (this.#inputs.size === 0) {
      if (this.#ending || before > 0) this.#end();
      return false;
    }
    return isWhole && hasAny && !(hasLate && this.#paceMs() > 0);
  }

  /** How long the next frame waits for a stream that is late, in ms. */
  #paceMs(): number {
    return this.#mixedAt + Math.min(this.#blockMs / 2, this.#timeoutMs) - performance.now();
  }

  #take(input: MixerInput): void {
    try {
      input.take();
    } catch (error) {
      this.#fail(input, error);
    }
    if (input.ended && input.filled === 0) this.#forget(input);
  }

  #pulled(input: MixerInput, result: IteratorResult<Pcm | PcmData, unknown> | undefined, error?: unknown): void {
    input.pending = false;
    if (input.gone) return;
    const wasLate = input.late;
    input.got();
    try {
      if (!result) throw error;
      if (result.done) input.finish();
      else this.#invalid += input.add(result.value);
    } catch (error) {
      this.#fail(input, error);
    }
    if (!this.#waiting) return;
    if (input.ended || input.isFull) {
      if (!wasLate) this.#missing--;
      if (this.#missing <= 0) this.#mixAll();
    } else if (mayDeliver()) {
      if (wasLate) this.#missing++;
      delivered();
      this.#take(input);
    } else {
      afterTurn(this.#run);
    }
  }

  /** A stream that fails has ended, and the others go on, as with rtc-node. */
  #fail(input: MixerInput, error: unknown): void {
    input.fail();
    this.#failed++;
    warnOfFailure('a stream of an AudioMixer has failed, and is not mixed any more', error);
  }

  #forget(input: MixerInput): void {
    this.#inputs.delete(input.stream);
    input.release();
  }

  #mix(): void {
    const data = new Int16Array(this.#block);
    this.#limited += native.mixTake(this.#sum, data);
    for (const input of this.#inputs.values()) {
      if (input.late) {
        this.#mixedAt = performance.now();
        this.#silent += this.#block - input.filled;
      }
      input.filled = 0;
    }
    this.#framesOut++;
    this.#queue.push(new this.#makeFrame(data, this.#sampleRate, this.#channels, this.#block / this.#channels));
    this.#waiters.ready();
  }

  /** Goes on when a stream has something, or was waited for long enough. */
  #wait(): void {
    if (this.#over || this.#inputs.size === 0) return;
    this.#waiting = true;
    this.#missing = 0;
    let first: MixerInput | undefined;
    for (const input of this.#inputs.values()) {
      if (input.late || input.ended || input.isFull) continue;
      this.#missing++;
      if (input.reader) first ??= input;
    }
    // One wake is enough: by then the others have come, too.
    if (first) this.#listen(first);
    else if (this.#missing === 0) for (const input of this.#inputs.values()) this.#listen(input);
    // As rtc-node's, a mixer that has streams keeps the process alive.
    if (this.#tick === undefined) this.#tickIn(this.#missing > 0 ? this.#tickMs : LONGEST_TICK_MS);
    if (this.#missing > 0) return;
    // All that is there is there: it goes out at its pace, or there is nothing.
    clearTimeout(this.#pace);
    const pace = this.#paceMs();
    if (pace > 0) this.#pace = setTimeout(this.#run, pace);
  }

  #listen(input: MixerInput): void {
    if (!input.reader || input.pending || input.ended || input.isFull) return;
    input.pending = true;
    void input.reader.waiters.readable().then(() => {
      input.pending = false;
      this.#mixAll();
    }, input.threw);
  }

  /** Counts how long streams were waited for: of a time in which the thread was blocked, no more than a tick. */
  #ticked(): void {
    this.#tick = undefined;
    if (!this.#waiting || this.#over) return;
    const elapsed = Math.min(performance.now() - this.#tickedAt, this.#tickMs);
    let [isOver, hasInTime] = [false, false];
    for (const input of this.#inputs.values()) {
      if (input.late || input.ended || input.isFull) continue;
      input.waitedMs = input.waitedMs === undefined ? 0 : input.waitedMs + elapsed;
      isOver ||= input.waitedMs >= this.#timeoutMs;
      hasInTime = true;
    }
    this.#tickIn(hasInTime ? this.#tickMs : LONGEST_TICK_MS);
    // What came while the thread was blocked has its turn first.
    if (isOver) setImmediate(() => this.#giveUp());
  }

  #tickIn(ms: number): void {
    this.#tickedAt = performance.now();
    this.#tick = setTimeout(() => this.#ticked(), ms);
  }

  #giveUp(): void {
    for (const input of this.#inputs.values()) {
      this.#take(input);
      if (input.ended || input.isFull || !((input.waitedMs ?? -1) >= this.#timeoutMs)) continue;
      input.late = true;
      input.waitedMs = undefined;
      this.#timeouts++;
    }
    this.#run();
  }

  #end(): void {
    if (this.#over) return;
    this.#ending = this.#over = true;
    for (const input of this.#inputs.values()) this.#forget(input);
    clearTimeout(this.#tick);
    clearTimeout(this.#pace);
    this.#waiters.ended();
  }
}
