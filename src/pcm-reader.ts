import { audioDoorbell, startWaiting, stopWaiting } from './doorbell.js';
import { fromNative } from './errors.js';
import { native, type Native } from './native.js';
import { pcmFormat, refuseTooLong } from './pcm-format.js';
import { invalid, isPlain, writable } from './validate.js';

/** What a stream delivers: narrowcast's AudioFrame, or rtc-node's. */
export type MakeFrame<F> = (
  data: Int16Array,
  sampleRate: number,
  channels: number,
  samplesPerChannel: number,
  userdata: Record<string, unknown>,
) => F;

/** How a stream's samples are read, and how many it may buffer. */
export interface PcmOptions {
  /** Hz. Default: 48000. */
  sampleRate?: number;
  /** Channels, interleaved. Default: 1. */
  numChannels?: number;
  /** Length of the frames, in ms: a whole number that makes a whole number of samples. Default: 10. */
  frameSizeMs?: number;
  /** How much may wait to be read, in ms. Then whole frames are dropped, the oldest first, and counted; the frame after
   * a gap says so in `userdata.droppedBefore`. Default: 10,000. The address space for it is reserved at once;
   * memory is taken as it fills. */
  bufferMs?: number;
}

/** What a stream counted. Can be read after it was closed, too. */
export interface AudioStreamStats {
  /** Frames that came in. */
  framesIn: number;
  /** Frames that were read. */
  framesOut: number;
  /** Frames that were lost because nobody read them in time. */
  framesDropped: number;
  /** What waits to be read, in ms. */
  bufferedMs: number;
}

/** What native code's reading functions return where the stream has ended, and all was read. */
const ENDED = native.AUDIO_ENDED;

interface Waiter<F> {
  /** It wants to know of a frame, and not to have it yet. */
  readonly looks: boolean;
  readonly resolve: (frame: F | null) => void;
  readonly reject: (reason: unknown) => void;
}

/** The reading side of a native PCM stream: frames without promises, and promises of frames. */
export class PcmReader<F> {
  readonly native: Native.NativeAudioStream;
  /** Names the stream to native code. */
  readonly #token: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples of all channels in a frame. */
  readonly frameSamples: number;
  /** Whether a pending read keeps the thread alive. */
  keepsAlive = false;
  readonly #makeFrame: MakeFrame<F>;
  readonly #waiters: Waiter<F>[] = [];
  /** A frame's memory that a read in vain left unused. */
  #spare: Int16Array | undefined;
  /** Called once, when the stream has ended and all was read, or was closed. */
  #onEnd: (() => void) | undefined;
  #cancelled = false;
  /** Whether the stream has ended and all was read, as far as the last read saw. */
  #exhausted = false;
  /** Whether the doorbell knows it. */
  #waiting = false;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: PcmOptions, makeFrame: MakeFrame<F>, onEnd?: () => void) {
    if (typeof options !== 'object' || options === null) throw invalid('options', options, 'an object');
    const format = pcmFormat(options, { frameSizeMs: 10, bufferMs: 10_000 });
    this.sampleRate = format.sampleRate;
    this.channels = format.channels;
    this.frameSamples = format.samplesPerChannel * format.channels;
    const frames = Math.ceil(format.bufferMs / format.frameSizeMs);
    refuseTooLong(format, frames * this.frameSamples);
    this.#makeFrame = makeFrame;
    this.#onEnd = onEnd;
    this.native = fromNative(
      () =>
        new native.NativeAudioStream(
          this.sampleRate,
          this.channels,
          this.frameSamples,
          frames * this.frameSamples,
          audioDoorbell,
        ),
    );
    this.#token = this.native.token;
  }

  /** The next frame, or null if none is there. */
  read(): F | null {
    return this.#read(false);
  }

  /** Reads what there is and what `target` has room for; returns the number of samples. */
  readInto(target: Int16Array): number {
    writable('target', target);
    if (this.#cancelled) return 0;
    if (isPlain(target)) return this.#samples(native.audioReadInto(this.#token, target));
    const copy = new Int16Array(target.length);
    const samples = this.#samples(native.audioReadInto(this.#token, copy));
    target.set(copy.subarray(0, samples));
    return samples;
  }

  /** Whether the stream has ended and all was read. */
  get done(): boolean {
    this.#exhausted ||= this.native.ended && (this.#cancelled || this.native.buffered === 0);
    return this.exhausted;
  }

  /** The same, as far as the last read saw. */
  get exhausted(): boolean {
    if (this.#exhausted) this.#ended();
    return this.#exhausted;
  }

  /**
   * What `map` makes of the next frame, as soon as it is there; of null, once the stream is done. Several calls are
   * served in order.
   */
  next<T>(map: (frame: F | null) => T): Promise<T> {
    if (this.#waiters.length > 0) return this.#wait(false, map);
    // Nobody is ahead, so what is there is this call's.
    try {
      const frame = this.#read(true);
      if (frame || this.exhausted) return Promise.resolve(map(frame));
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ looks: false, resolve: (frame) => resolve(map(frame)), reject });
      this.#startWaiting();
    });
  }

  /** Waits until a frame is there, or the end. The frame stays where it is: somebody else may take it meanwhile. */
  async readable(): Promise<void> {
    await this.#wait(true, () => {});
  }

  stats(): AudioStreamStats {
    const { framesIn, framesOut, framesDropped, bufferedSamples } = this.native.stats();
    const bufferedMs = (bufferedSamples / this.channels / this.sampleRate) * 1000;
    return { framesIn, framesOut, framesDropped, bufferedMs };
  }

  /** Ends the stream: what is buffered stays readable. */
  close(): void {
    this.native.close();
    this.#ended();
    this.#settle();
  }

  /** Ends the stream, and gives up what is buffered. */
  cancel(): void {
    this.#cancelled = true;
    this.native.abandon();
    this.close();
  }

  ready(): void {
    this.#waiting = false;
    this.#settle();
  }

  /** The next frame. If there is none, that rings the doorbell from now on if `wait` says so. */
  #read(wait: boolean): F | null {
    if (this.#cancelled) {
      this.#exhausted = true;
      return null;
    }
    let data = this.#spare ?? new Int16Array(this.frameSamples);
    const count = native.audioReadFrame(this.#token, data, wait);
    const samples = this.#samples(count);
    if (samples === 0) {
      this.#spare = data;
      return null;
    }
    this.#spare = undefined;
    // Only the last frame of a stream can be shorter. A frame covers its whole buffer: some readers take the buffer.
    if (samples < data.length) data = data.slice(0, samples);
    const userdata = count < 0 ? { droppedBefore: this.native.gap } : {};
    return this.#makeFrame(data, this.sampleRate, this.channels, samples / this.channels, userdata);
  }

  /** How many samples were read. */
  #samples(count: number): number {
    if (count === ENDED) this.#exhausted = true;
    return count === ENDED ? 0 : Math.abs(count);
  }

  /** After a read that found nothing, and has asked native code to ring. */
  #startWaiting(): void {
    this.#waiting = true;
    startWaiting(this.#token, this);
  }

  #wait<T>(looks: boolean, map: (frame: F | null) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ looks, resolve: (frame) => resolve(map(frame)), reject });
      this.#settle();
    });
  }

  #ended(): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    if (!onEnd) return;
    this.native.close();
    onEnd();
  }

  #settle(): void {
    for (;;) {
      // Not in line while it is served: what makes a frame may close the stream, which serves the others.
      const waiter = this.#waiters.shift();
      if (!waiter) {
        if (this.#waiting) stopWaiting(this.#token);
        this.#waiting = false;
        return;
      }
      let frame: F | null = null;
      let seen = false;
      try {
        if (waiter.looks) seen = this.#cancelled || native.audioReadable(this.#token);
        else frame = this.#read(true);
      } catch (error) {
        waiter.reject(error);
        continue;
      }
      if (!frame && !seen && !this.exhausted) {
        this.#waiters.unshift(waiter);
        return this.#startWaiting();
      }
      waiter.resolve(frame);
    }
  }
}
