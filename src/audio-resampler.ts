import { AudioFrame } from './audio-frame.js';
import { NarrowcastError, fromNative } from './errors.js';
import { native, type Native } from './native.js';
import { AudioResamplerQuality, filterOptions, type AudioResamplerOptions } from './resampler-options.js';
import { boolean, channelCount, integer, invalid, optionsObject, rateInHz, readable, refuseLost } from './validate.js';

export { AudioResamplerQuality, filterOptions, type AudioResamplerOptions };

/** What a frame has, narrowcast's or rtc-node's. */
export interface AudioFrameLike extends Pick<AudioFrame, 'data' | 'sampleRate' | 'channels' | 'samplesPerChannel'> {
  /** Whatever belongs to the frame; passed on with it. */
  readonly userdata?: Record<string, unknown>;
}

/** Samples: 16-bit integers, or floating point with full scale at ±1. */
export type Samples = Int16Array | Float32Array;

const REFUSAL = native.NativePushRefusal;

/** Under this name, a class derived from {@link AudioResampler} has the class of the frames that it gives. @internal */
export const FRAMES: unique symbol = Symbol('narrowcast.frames');

/**
 * Under this name, a class derived from {@link AudioResampler} has the least that it converts at a time, in ms: what is pushed waits
 * until it is as much. Not at the qualities below medium. @internal
 */
export const GATHERED_MS: unique symbol = Symbol('narrowcast.gatheredMs');

/** A class of frames. @internal */
export type MakeFrame = new (
  data: Int16Array,
  sampleRate: number,
  channels: number,
  samplesPerChannel: number,
  userdata?: Record<string, unknown>,
) => AudioFrameLike;

/** Most samples that an array can have. */
const MAX_SAMPLES = 2 ** 32;

/** Where native code writes what becomes a frame. One for the thread: no other code sees it between two calls. */
let scratch = new Int16Array(4096);
/** Largest scratch that is kept. */
const MAX_SCRATCH = 2 ** 17;

/**
 * Converts audio from one sample rate to another, by libsoxr: what rtc-node's AudioResampler does, with its constructor
 * and methods, several times as fast, and with less than half the latency.
 *
 * - Between equal rates nothing native is made, and {@link push} returns the very frame that it got.
 * - `n` samples of a channel become `n * outputRate / inputRate`, rounded half up, once it is flushed; and the same
 *   samples give the same output, however they were cut into frames.
 * - Samples are read where they are: a frame whose `data` is a view into a larger buffer is converted as such.
 *
 * Forgotten resamplers are collected, but {@link close} frees libsoxr's memory (some 100 kB) at once.
 *
 * @example
 * ```ts
 * const resampler = new AudioResampler(48_000, 16_000);
 * for await (const frame of stream) for (const resampled of resampler.push(frame)) send(resampled);
 * for (const resampled of resampler.flush()) send(resampled);
 * resampler.close();
 * ```
 */
export class AudioResampler {
  /** Undefined: frames are of the class that was pushed. @internal */
  static get [FRAMES](): MakeFrame | undefined {
    return undefined;
  }
  /** @internal */
  static get [GATHERED_MS](): number {
    return 0;
  }
  readonly #inputRate: number;
  readonly #outputRate: number;
  readonly #channels: number;
  readonly #heldBack: number = 0;
  readonly #latencyMs: number = 0;
  /** Undefined between equal rates. */
  readonly #native: Native.NativeResampler | undefined;
  readonly #push: ((input: unknown, output: unknown) => number) | undefined;
  #closed = false;
  /** Where what was pushed waits, and how many samples of it do: fewer than it has room for. */
  #gathered: Int16Array | undefined;
  #waiting = 0;
  /** The class of the last frame, and the class to make frames of. */
  #seen: unknown = AudioFrame;
  #makeFrame: MakeFrame;
  readonly #givenClass: boolean;

  /**
   * @param inputRate Hz, up to 768,000
   * @param outputRate Hz; neither rate more than 256 times the other
   * @param channels up to 64, interleaved
   * @throws {NarrowcastError} `INVALID_ARGUMENT`
   */
  constructor(
    inputRate: number,
    outputRate: number,
    channels: number = 1,
    quality: AudioResamplerQuality = AudioResamplerQuality.MEDIUM,
    options: AudioResamplerOptions = {},
  ) {
    const { [FRAMES]: givenClass, [GATHERED_MS]: gatheredMs } = new.target;
    this.#givenClass = givenClass !== undefined;
    this.#makeFrame = givenClass ?? AudioFrame;
    this.#inputRate = rateInHz('inputRate', inputRate);
    this.#outputRate = rateInHz('outputRate', outputRate);
    this.#channels = channelCount('channels', channels);
    integer('quality', quality, AudioResamplerQuality.QUICK, AudioResamplerQuality.VERY_HIGH);
    optionsObject<AudioResamplerOptions>('options', options, { latency: true, dither: true });
    const { latency = 'default', dither = false } = options;
    if (latency !== 'default' && latency !== 'low') throw invalid('latency', latency, "'default' or 'low'");
    boolean('dither', dither);
    if (inputRate === outputRate) return;
    this.#native = fromNative(
      () => new native.NativeResampler(inputRate, outputRate, channels, quality, latency === 'low', dither),
    );
    this.#push = this.#native.pusher();
    this.#heldBack = this.#native.heldBack;
    this.#latencyMs = this.#native.latencyMs;
    if (gatheredMs === 0 || quality < AudioResamplerQuality.MEDIUM) return;
    this.#gathered = new Int16Array(Math.ceil((inputRate * gatheredMs) / 1000) * channels);
    this.#latencyMs += Math.max(0, gatheredMs - 10);
  }

  /** Hz. */
  get inputRate(): number {
    return this.#inputRate;
  }

  /** Hz. */
  get outputRate(): number {
    return this.#outputRate;
  }

  /** Channels, interleaved. */
  get channels(): number {
    return this.#channels;
  }

  /** Whether the rates are equal: frames are returned as they are. */
  get passthrough(): boolean {
    return this.#native === undefined;
  }

  /** How much of what went in has not come out after a push of 10 ms, at worst, in ms: measured with this filter. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /**
   * Takes a frame, and returns what it completes: a frame of the same class with the same `userdata` (the very object),
   * or nothing if everything is held back. The result's length varies. Between equal rates it is the very frame.
   *
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`, also for a frame of another rate or other channels: make a
   *   resampler for these, or use `resampleStream` of `narrowcast`
   */
  push<F extends AudioFrameLike>(frame: F): F[] {
    if (this.#closed || frame?.sampleRate !== this.#inputRate || frame.channels !== this.#channels) this.#refuse(frame);
    const push = this.#push;
    if (push === undefined) return [frame];

    let { data } = frame;
    if (!(data instanceof Int16Array && data.buffer instanceof ArrayBuffer && data.length > 0)) {
      data = readable('frame.data', data, Int16Array);
      if (data.length === 0) return [];
    }
    if (this.#gathered && data.length % this.#channels === 0) {
      data = this.#gather(this.#gathered, data);
      if (data.length === 0) return [];
    }
    const room = this.#room(data.length);
    let output = scratch;
    if (room > output.length) {
      if (room > MAX_SAMPLES) throw invalid('frame.data.length', data.length, 'fewer samples at a time');
      output = new Int16Array(room);
      if (room <= MAX_SCRATCH) scratch = output;
    }
    const samples = this.#done(push(data, output), 'frame.data', data, output);
    if (samples === 0) return [];
    const { constructor } = frame as object;
    if (constructor !== this.#seen && !this.#givenClass) this.#makeFramesLike(frame);
    // A copy, which covers its whole buffer: some readers take the buffer.
    return [this.#frame(output.slice(0, samples), frame.userdata) as F];
  }

  /**
   * Takes all of `input`, and writes what it completes to the front of `output`. Allocates nothing. Integers and floating
   * point can't be mixed in one stream: {@link flush} in between.
   *
   * @param input samples of all channels, interleaved
   * @param output an array of the same type, with room for `maxOutput(input.length)` samples, in other memory
   * @returns how many samples were written
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`, and nothing was consumed
   */
  pushInto(input: Int16Array, output: Int16Array): number;
  pushInto(input: Float32Array, output: Float32Array): number;
  pushInto(input: Samples, output: Samples): number {
    if (this.#closed) this.#refuseClosed();
    if (this.#waiting > 0) this.#refuseGathered();
    // Native code looks at the types, and for itself at how long the arrays are now.
    if (!(input?.buffer instanceof ArrayBuffer && output?.buffer instanceof ArrayBuffer)) {
      return this.#pushCopy(input, output);
    }
    const push = this.#push;
    return this.#done(push ? push(input, output) : this.#passOn(input, output), 'input', input, output);
  }

  /**
   * The most samples that a push of this many can return, over all channels. It does not depend on what was pushed before:
   * an output of this size is always large enough.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`
   */
  maxOutput(inputSamples: number): number {
    return this.#room(integer('inputSamples', inputSamples, 0, MAX_SAMPLES));
  }

  /**
   * Ends the stream, and returns the rest of it: a frame of the class that was pushed last, or nothing. The next push
   * begins another stream. What was pushed as floating point is rounded to integers here; {@link flushInto} keeps it.
   *
   * @throws {NarrowcastError} `CLOSED`
   */
  flush(): AudioFrame[] {
    if (this.#closed) this.#refuseClosed();
    if (this.#native === undefined) return [];
    const before = this.#convertGathered();
    const rest = new Int16Array(this.#native.remaining);
    fromNative(() => this.#native!.flush(rest));
    const samples = before.length + rest.length;
    if (samples === 0) return [];
    const data = before.length === 0 ? rest : new Int16Array(samples);
    if (data !== rest) {
      data.set(before);
      data.set(rest, before.length);
    }
    return [this.#frame(data) as AudioFrame];
  }

  /**
   * As {@link flush}, into an array of the type that was pushed. `maxOutput(1)` samples are room enough for every
   * channel count.
   *
   * @returns how many samples were written
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`, and the stream has not ended
   */
  flushInto(output: Samples): number {
    if (this.#closed) this.#refuseClosed();
    if (this.#waiting > 0) this.#refuseGathered();
    if (!isSamples(output)) throw invalid('output', output, 'an Int16Array or a Float32Array');
    refuseLost('output', output);
    const resampler = this.#native;
    if (resampler === undefined) return 0;
    const { remaining } = resampler;
    if (remaining > output.length) {
      throw invalid('output.length', output.length, `room for the ${remaining} samples that remain`);
    }
    if (remaining > 0 && resampler.isFloat !== output instanceof Float32Array) {
      throw invalid(
        'output',
        output,
        `one of the type that was pushed, ${resampler.isFloat ? 'Float32Array' : 'Int16Array'}`,
      );
    }
    // Written to a copy: shared and resizable memory is not for native code.
    const rest = resampler.isFloat ? new Float32Array(remaining) : new Int16Array(remaining);
    fromNative(() => (rest instanceof Float32Array ? resampler.flushFloat(rest) : resampler.flush(rest)));
    output.set(rest);
    return remaining;
  }

  /** Frees what libsoxr holds. What was not flushed is lost. Twice: nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#native) fromNative(() => this.#native!.close());
  }

  /** What is to be converted now: what waited and `data`, or nothing while both together are too little. */
  #gather(gathered: Int16Array, data: Int16Array): Int16Array {
    const samples = this.#waiting + data.length;
    if (samples < gathered.length) {
      gathered.set(data, this.#waiting);
      this.#waiting = samples;
      return gathered.subarray(0, 0);
    }
    if (this.#waiting === 0) return data;
    const all = new Int16Array(samples);
    all.set(gathered.subarray(0, this.#waiting));
    all.set(data, this.#waiting);
    this.#waiting = 0;
    return all;
  }

  /** Converts what waits, at the end of the stream. */
  #convertGathered(): Int16Array {
    if (!this.#gathered || this.#waiting === 0) return new Int16Array();
    const input = this.#gathered.subarray(0, this.#waiting);
    this.#waiting = 0;
    const output = new Int16Array(this.#room(input.length));
    return output.subarray(0, this.#done(this.#push!(input, output), 'frame.data', input, output));
  }

  #refuseGathered(): never {
    throw new NarrowcastError('INVALID_ARGUMENT', 'samples of push() wait to be converted: call flush() first');
  }

  #frame(data: Int16Array, userdata?: Record<string, unknown>): AudioFrameLike {
    const channels = this.#channels;
    return new this.#makeFrame(data, this.#outputRate, channels, data.length / channels, userdata);
  }

  /** Native code has the same formula: `max_output` in crates/audio/src/resampler.rs. */
  #room(samples: number): number {
    if (this.#native === undefined || samples === 0) return samples;
    const frames = Math.ceil(samples / this.#channels);
    const share = Math.floor((2 * frames * this.#outputRate + this.#inputRate) / (2 * this.#inputRate));
    return (share + this.#heldBack) * this.#channels;
  }

  /** What a push returned, unless it refused. */
  #done(result: number, what: string, input: Samples, output: Samples): number {
    return result > 0 ? result : this.#checked(result, what, input, output);
  }

  #checked(result: number, what: string, input: Samples, output: Samples): number {
    if (result < 0 || input.length === 0) {
      for (const [name, array] of [
        [what, input],
        ['output', output],
      ] as const) {
        if (isSamples(array)) refuseLost(name, array);
      }
    }
    switch (result) {
      case REFUSAL.Closed:
        return this.#refuseClosed();
      case REFUSAL.Types:
        if (!isSamples(input)) throw invalid(what, input, 'an Int16Array or a Float32Array');
        throw invalid('output', output, `one of the input's type, ${input.constructor.name}`);
      case REFUSAL.TooSmall:
        throw invalid(
          'output.length',
          output.length,
          `room for maxOutput(${input.length}), which is ${this.#room(input.length)}`,
        );
      case REFUSAL.Uneven:
        throw invalid(`${what}.length`, input.length, `a multiple of the ${this.#channels} channels`);
      case REFUSAL.Overlap:
        throw invalid('output', output, 'an array whose memory is not part of the input');
      case REFUSAL.OtherTypeBefore:
        throw invalid('input', input, 'the type of array that the stream began with, or flush first');
      default:
        return result;
    }
  }

  /** {@link pushInto} for memory that other threads may change during a native call, and for what is no memory at all. */
  #pushCopy(input: Samples, output: Samples): number {
    if (!isSamples(input)) throw invalid('input', input, 'an Int16Array or a Float32Array');
    const type = input instanceof Float32Array ? Float32Array : Int16Array;
    const copy = readable<Samples>('input', input, type as typeof Int16Array);
    if (!(output instanceof type)) throw invalid('output', output, `one of the input's type, ${type.name}`);
    refuseLost('output', output);
    if (overlap(input, output)) this.#checked(REFUSAL.Overlap, 'input', input, output);
    const room = this.#room(copy.length);
    if (output.length < room) this.#checked(REFUSAL.TooSmall, 'input', input, output);
    const push = this.#push;
    const written = new type(room);
    const samples = this.#done(push ? push(copy, written) : this.#passOn(copy, written), 'input', copy, written);
    output.set(written.subarray(0, samples));
    return samples;
  }

  /** What native code would do between equal rates. */
  #passOn(input: Samples, output: Samples): number {
    if (!isSamples(input) || !isSamples(output) || input instanceof Int16Array !== output instanceof Int16Array) {
      return REFUSAL.Types;
    }
    if (overlap(input, output)) return REFUSAL.Overlap;
    if (input.length % this.#channels !== 0) return REFUSAL.Uneven;
    if (output.length < input.length) return REFUSAL.TooSmall;
    output.set(input);
    return input.length;
  }

  #refuse(frame: AudioFrameLike): void {
    if (this.#closed) this.#refuseClosed();
    if (typeof frame !== 'object' || frame === null) throw invalid('frame', frame, 'an AudioFrame');
    throw new NarrowcastError(
      'INVALID_ARGUMENT',
      `the frame has ${frame.sampleRate} Hz and ${frame.channels} channels, and this resampler is for ` +
        `${this.#inputRate} Hz and ${this.#channels}: make one for each kind of frame, or use resampleStream`,
    );
  }

  #refuseClosed(): never {
    throw new NarrowcastError('CLOSED', 'the resampler is closed: make another one');
  }

  /** Frames come out in the class they go in, if that is an AudioFrame: narrowcast's, one of rtc-node's, or derived from these. */
  #makeFramesLike(frame: AudioFrameLike): void {
    this.#seen = frame.constructor;
    this.#makeFrame = AudioFrame;
    for (let each: unknown = frame.constructor; typeof each === 'function'; each = Object.getPrototypeOf(each)) {
      const { prototype } = each as { prototype?: object };
      if (prototype && Object.hasOwn(each, 'create') && Object.hasOwn(prototype, 'userdata')) {
        this.#makeFrame = each as unknown as MakeFrame;
        return;
      }
    }
  }
}

function isSamples(value: unknown): value is Samples {
  return value instanceof Int16Array || value instanceof Float32Array;
}

function overlap(a: Samples, b: Samples): boolean {
  return (
    a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength
  );
}
