import { audioDoorbell, startWaiting, stopWaiting, type Waiting } from './doorbell.js';
import { fromNative } from './errors.js';
import { native, type Native } from './native.js';
import { pcmFormat, refuseTooLong } from './pcm-format.js';
import { invalid, isPlain, writable } from './validate.js';
import { END, NOTHING, Waiters, type Consumer, type Source } from './waiters.js';

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
  /** Frames that were lost because they were not read in time. */
  framesDropped: number;
  /** What waits to be read, in ms. */
  bufferedMs: number;
}

/** What native code's reading functions return where the stream has ended, and all was read. */
const ENDED = native.AUDIO_ENDED;

/** What {@link PcmReader.readInto} tells beside the number of samples. */
export interface ReadReport {
  /** Set by the read: frames that were lost before the samples that it returned. */
  droppedBefore: number;
}

/** The reading side of a native PCM stream: makes frames of samples. */
export class PcmReader<F> implements Source<F> {
  readonly native: Native.NativeAudioStream;
  /** Names the stream to native code. */
  readonly #token: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples of all channels in a frame. */
  readonly frameSamples: number;
  /** Whether a pending read keeps the thread alive. */
  keepsAlive = false;
  /** The pending reads. */
  readonly waiters: Waiters<F> = new Waiters(this);
  readonly #makeFrame: MakeFrame<F>;
  /** A frame's memory that a read in vain left unused. */
  #spare: Int16Array | undefined;
  /** Lost frames that no reader was told of. */
  #untold = 0;
  /** Called once, when the stream has ended and all was read, or was closed. */
  #onEnd: (() => void) | undefined;
  #cancelled = false;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: PcmOptions, makeFrame: MakeFrame<F>, onEnd = () => {}) {
    if (typeof options !== 'object' || options === null) throw invalid('options', options, 'an object');
    const format = pcmFormat(options, { frameSizeMs: 10, bufferMs: 10_000 });
    this.sampleRate = format.sampleRate;
    this.channels = format.channels;
    this.frameSamples = format.samplesPerChannel * format.channels;
    // Frames may be a part of a sample shorter than `frameSizeMs`.
    const frames = Math.ceil((format.sampleRate * format.bufferMs) / 1000 / format.samplesPerChannel);
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

  /** The next frame. If there is none, the next one rings the doorbell from now on, provided that there is a consumer. */
  poll(_many: number, consumer?: Consumer<F>): F | typeof NOTHING | typeof END {
    if (this.#cancelled) return this.finish();
    let data = this.#spare ?? new Int16Array(this.frameSamples);
    const count = native.audioReadFrame(this.#token, data, consumer !== undefined);
    if (count === ENDED) return this.#drained();
    if (count === 0) {
      this.#spare = data;
      return NOTHING;
    }
    this.#spare = undefined;
    const samples = Math.abs(count);
    // Only the last frame of a stream can be shorter. A frame covers its whole buffer: some readers take the buffer.
    if (samples < data.length) data = data.slice(0, samples);
    const droppedBefore = this.#gap(count);
    const userdata = droppedBefore > 0 ? { droppedBefore } : {};
    this.#untold = 0;
    return this.#makeFrame(data, this.sampleRate, this.channels, samples / this.channels, userdata);
  }

  /** Whether there is a frame, or the end to see. If not, that rings the doorbell from now on. */
  readable(): boolean {
    return this.#cancelled || native.audioReadable(this.#token);
  }

  listen(waiting: Waiting): void {
    startWaiting(this.#token, waiting);
  }

  unlisten(): void {
    stopWaiting(this.#token);
  }

  /** Reads what there is and what `target` has room for. Returns the number of samples, or the end. */
  readInto(target: Int16Array, report?: ReadReport): number | typeof END {
    writable('target', target);
    const count = this.#cancelled ? ENDED : this.#copyInto(target);
    const samples = count === ENDED ? 0 : Math.abs(count);
    // What is not told here is told with the next frame.
    if (samples > 0) this.#untold = this.#gap(count);
    if (report) {
      report.droppedBefore = samples > 0 ? this.#untold : 0;
      if (samples > 0) this.#untold = 0;
    }
    return count === ENDED && this.#drained() === END ? END : samples;
  }

  /** Whether the stream has ended and all was read. */
  get done(): boolean {
    return this.native.ended && (this.#cancelled || this.native.buffered === 0);
  }

  stats(): AudioStreamStats {
    const { framesIn, framesOut, framesDropped, bufferedSamples } = this.native.stats();
    const bufferedMs = (bufferedSamples / this.channels / this.sampleRate) * 1000;
    return { framesIn, framesOut, framesDropped, bufferedMs };
  }

  /** Ends the stream: what is buffered stays readable. */
  close(): void {
    this.finish();
    this.waiters.ended();
  }

  /** Ends the stream, and gives up what is buffered. */
  cancel(): void {
    this.#cancelled = true;
    this.native.abandon();
    this.close();
  }

  #copyInto(target: Int16Array): number {
    if (isPlain(target)) return native.audioReadInto(this.#token, target);
    const copy = new Int16Array(target.length);
    const count = native.audioReadInto(this.#token, copy);
    if (count !== ENDED) target.set(copy.subarray(0, Math.abs(count)));
    return count;
  }

  /** Lost frames that no reader was told of, with those that the last read found, by what it returned. */
  #gap(count: number): number {
    return this.#untold + (count < 0 ? this.native.gap : 0);
  }

  /** The stream has ended, and all was read: its ring's memory goes now. */
  #drained(): typeof END | typeof NOTHING {
    const end = this.finish();
    if (end === END) this.native.abandon();
    return end;
  }

  /** The stream has ended, and all was read, or it was closed. Whoever overrides this may have the end seen later. */
  protected finish(): typeof END | typeof NOTHING {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    if (onEnd) {
      this.native.close();
      onEnd();
    }
    return END;
  }
}
