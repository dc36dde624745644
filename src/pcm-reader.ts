import { closed, dropped } from './diagnostics/alive.js';
import { audioDoorbell, lookSoon, startWaiting, stopWaiting, type Waiting } from './doorbell.js';
import { fromNative } from './errors.js';
import { native, type Native } from './native.js';
import type { StreamFormat } from './stream-format.js';
import { StreamSpeech } from './stream-speech.js';
import { isPlain, writable } from './validate.js';
import { END, NOTHING, Waiters, type Consumer, type Source } from './waiters.js';

/** What a stream delivers: narrowcast's AudioFrame, or rtc-node's. */
export type MakeFrame<F> = (
  data: Int16Array,
  sampleRate: number,
  channels: number,
  samplesPerChannel: number,
  userdata: Record<string, unknown>,
) => F;

/** What a stream counted, in frames of the stream's length: a longer one counts as those that it carries. Can be read after
 * the stream was closed, too. */
export interface AudioStreamStats {
  /** Frames that came in: those that were read, dropped or cleared, and those that wait. */
  framesIn: number;
  /** Frames that were read. */
  framesOut: number;
  /** Frames that were lost because they were not read in time. */
  framesDropped: number;
  /** Frames that `clear()` gave up. */
  framesCleared: number;
  /** Of a stream with the option `speech`: frames that came in and are not among the others, for there was no speech in them. */
  framesWithheld?: number;
  /** Likewise: speech events that were lost because more than 256 waited. */
  speechEventsDropped?: number;
  /** What waits to be read, in ms. */
  bufferedMs: number;
}

/** What native code's reading functions return where the stream has ended, and all was read. */
const ENDED = native.AUDIO_ENDED;

const NO_GAP = { gap: 0, withheld: 0 };

/**
 * Streams that wait for a frame, and whose frames may not be complete at the same time as those of the others. Soon after a frame
 * of the others was read, they are read, too: with one short frame, their later ones are complete when the others' are, and one
 * wake serves all of them.
 */
const joining = new Set<Pick<PcmReader<unknown>, 'join' | 'begun'>>();

/**
 * The engine writes 10 ms into all streams within a ms or two. Half-way to the next time, none of them lacks what another has: at
 * once, a stream that is written last would be complete 10 ms before the others ever after.
 */
const BETWEEN_WRITES_MS = 5;

/** Runs out when the waiting streams join the stream whose frame was read. */
let joinTime: NodeJS.Timeout | undefined;

/** When a frame was read of a stream that has joined, by `performance.now()`. */
let joinedAt = -Infinity;

/** After this, streams that have joined are silent, or gone: another one is joined. */
const SILENT_MS = 1000;

/** What `readInto()` tells beside the number of samples. */
export interface ReadReport {
  /** Set by the read: frames that were lost before the samples that it returned. */
  droppedBefore: number;
  /** Set by a read that returned samples: the position of the first of them, as in a frame's `userdata.position`. */
  position?: number;
}

/** What `clear()` gave up. */
export interface Cleared {
  /** Its length, in ms. */
  ms: number;
  /** Samples of each channel. */
  samples: number;
}

/** The reading side of a native PCM stream: makes frames of samples. */
export class PcmReader<F> implements Source<F> {
  readonly native: Native.NativeAudioStream;
  /** Names the stream to native code. */
  readonly #token: number;
  readonly format: StreamFormat;
  readonly sampleRate: number;
  readonly channels: number;
  /** Whether a pending read keeps the thread alive. */
  keepsAlive = false;
  /** The pending reads. */
  readonly waiters: Waiters<F> = new Waiters(this);
  /** What tells of speech, if the stream listens. */
  readonly speech: StreamSpeech | undefined;
  readonly #makeFrame: MakeFrame<F>;
  /** Memory for the longest frame, where no frame has taken it. */
  #spare: Int16Array | undefined;
  /** Where the next sample is that will be read, were none dropped: samples of all channels since the stream began. */
  #position = 0;
  /** Lost frames that no reader was told of. */
  #untold = 0;
  /** Called once, when the stream has ended and all was read, or was closed. */
  #onEnd: (() => void) | undefined;
  #cancelled = false;
  /** Whether a frame may be shorter: see {@link joining}. */
  #mayJoin: boolean;
  /** Samples of the short frame that is read next; 0: it has the usual length. */
  #short = 0;

  constructor(format: StreamFormat, makeFrame: MakeFrame<F>, onEnd = () => {}) {
    this.format = format;
    this.sampleRate = format.sampleRate;
    this.channels = format.channels;
    this.#makeFrame = makeFrame;
    this.#onEnd = onEnd;
    this.#mayJoin = format.joins;
    this.native = fromNative(() => new native.NativeAudioStream(format, audioDoorbell));
    this.#token = this.native.token;
    const ear = format.speech && this.native.ear();
    this.speech = ear ? new StreamSpeech(this, ear) : undefined;
  }

  /** The next frame. If there is none, the next one rings the doorbell from now on, provided that there is a consumer. */
  poll(_many: number, consumer?: Consumer<F>): F | typeof NOTHING | typeof END {
    if (this.#cancelled) return this.finish();
    let data: Int16Array | undefined;
    let count = 0;
    if (this.#short > 0) {
      data = new Int16Array(this.#short);
      this.#short = 0;
      count = native.audioReadInto(this.#token, data);
    }
    if (!data || count === 0) {
      data = this.#spare ?? new Int16Array(this.format.longestSamples);
      count = native.audioReadFrames(this.#token, data, consumer !== undefined);
      this.#spare = Math.abs(count) < data.length ? data : undefined;
    }
    if (count === ENDED) return this.#drained();
    if (count === 0) return NOTHING;
    const samples = Math.abs(count);
    // A frame covers its whole buffer: some readers take the buffer.
    if (samples < data.length) data = data.slice(0, samples);
    if (this.format.joins) this.#letJoin();
    const position = this.#advance(count);
    const droppedBefore = this.#untold;
    this.#untold = 0;
    const userdata: Record<string, unknown> = droppedBefore > 0 ? { position, droppedBefore } : { position };
    const { speech } = this.format;
    // Where only speech is delivered, every frame is part of it.
    if (speech && speech.preRollMs === undefined) userdata['speech'] = this.native.speech;
    return this.#makeFrame(data, this.sampleRate, this.channels, samples / this.channels, userdata);
  }

  /** Whether there is a frame, or the end to see. If not, that rings the doorbell from now on. */
  readable(): boolean {
    return this.#cancelled || this.#short > 0 || native.audioReadable(this.#token);
  }

  listen(waiting: Waiting): void {
    startWaiting(this.#token, waiting);
    if (this.#mayJoin) joining.add(this);
  }

  unlisten(): void {
    stopWaiting(this.#token);
    joining.delete(this);
  }

  /** Reads what there is and what `target` has room for. Returns the number of samples, or the end. */
  readInto(target: Int16Array, report?: ReadReport): number | typeof END {
    writable('target', target);
    this.#short = 0;
    const count = this.#cancelled ? ENDED : this.#copyInto(target);
    const samples = count === ENDED ? 0 : Math.abs(count);
    const position = samples > 0 ? this.#advance(count) : undefined;
    if (report) {
      report.droppedBefore = 0;
      if (position !== undefined) {
        Object.assign(report, { droppedBefore: this.#untold, position });
        // What is not told here is told with the next frame.
        this.#untold = 0;
      }
    }
    return count === ENDED && this.#drained() === END ? END : samples;
  }

  /** Whether the stream has ended and all was read. */
  get done(): boolean {
    return this.native.ended && (this.#cancelled || this.native.buffered === 0);
  }

  stats(): AudioStreamStats {
    const { framesIn, framesOut, framesDropped, framesCleared, framesWithheld, bufferedSamples } = this.native.stats();
    const bufferedMs = (bufferedSamples / this.channels / this.sampleRate) * 1000;
    const { speech } = this;
    const heard = speech && { framesWithheld, speechEventsDropped: speech.dropped };
    return { framesIn, framesOut, framesDropped, framesCleared, ...heard, bufferedMs };
  }

  /** Gives up what waits, and returns how many samples of each channel that was. `unwritten`: also in the resampler. */
  clear(unwritten = false): number {
    this.#short = 0;
    const samples = unwritten ? this.native.discard() : this.native.clear();
    this.#position += samples;
    return samples / this.channels;
  }

  /** Ends the stream: what is buffered stays readable. */
  close(): void {
    this.finish();
    this.waiters.ended();
    // Speech that this has cut off is told of, also where nothing else keeps the thread going.
    if (this.speech) lookSoon();
  }

  /** Ends the stream, and gives up what is buffered. */
  cancel(): void {
    this.#cancelled = true;
    this.native.abandon();
    this.close();
  }

  /** A frame of this stream was read: soon, the streams that are to join get what they have. */
  #letJoin(): void {
    const now = performance.now();
    // Where there is none to join, it is this one.
    if (this.#mayJoin && now - joinedAt < SILENT_MS) return;
    this.#joined();
    joinedAt = now;
    if (joining.size === 0 || joinTime || ![...joining].some((other) => other.begun)) return;
    joinTime = setTimeout(() => {
      joinTime = undefined;
      const begun = Math.floor(this.native.buffered / this.format.pieceSamples);
      for (const other of joining) other.join(begun);
    }, BETWEEN_WRITES_MS).unref();
  }

  #joined(): void {
    this.#mayJoin = false;
    joining.delete(this);
  }

  /** Whether something has come. @internal */
  get begun(): boolean {
    return this.#position > 0 || this.native.buffered > 0;
  }

  /**
   * Has the next frame be so short that the later ones are complete together with another stream's. It has joined once it is seen
   * that they are: a stream may have been written just then.
   *
   * @param begun pieces that the other stream has of its next frame
   * @internal
   */
  join(begun: number): void {
    const { frameSamples, pieceSamples } = this.format;
    const pieces = Math.floor(this.native.buffered / pieceSamples);
    const usual = frameSamples / pieceSamples;
    const short = (pieces + usual - (begun % usual)) % usual;
    if (short === 0) {
      if (this.begun) this.#joined();
    } else if (short <= pieces) {
      this.#short = short * pieceSamples;
      this.waiters.ready();
    }
  }

  #copyInto(target: Int16Array): number {
    if (isPlain(target)) return native.audioReadInto(this.#token, target);
    const copy = new Int16Array(target.length);
    const count = native.audioReadInto(this.#token, copy);
    if (count !== ENDED) target.set(copy.subarray(0, Math.abs(count)));
    return count;
  }

  /**
   * Goes on behind what a read has returned, and what was lost before it.
   *
   * @returns the position of the first sample that it returned, in samples of each channel
   */
  #advance(count: number): number {
    const { gap, withheld } = count < 0 ? this.native : NO_GAP;
    this.#untold += gap;
    if (gap > 0) dropped(this, gap);
    const position = this.#position + gap * this.format.frameSamples + withheld;
    this.#position = position + Math.abs(count);
    return position / this.channels;
  }

  /** The stream has ended, and all was read: its ring's memory goes now. */
  #drained(): typeof END | typeof NOTHING {
    const end = this.finish();
    if (end === END) this.native.abandon();
    return end;
  }

  /** The stream has ended, and all was read, or it was closed. A class that overrides this may show the end later. */
  protected finish(): typeof END | typeof NOTHING {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    if (onEnd) {
      this.native.close();
      closed(this);
      onEnd();
    }
    return END;
  }
}
