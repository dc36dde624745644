import type { AudioFrame, AudioSource as RtcAudioSource } from '@livekit/rtc-node';
import type { AudioSourceInfo, FfiHandle, NewAudioSourceResponse } from '@livekit/rtc-ffi-bindings';
import type { AudioFrameLike } from '../audio-resampler.js';
import { NarrowcastError } from '../errors.js';
import { integer, invalid, readable, refuseLost } from '../validate.js';
import { loadBindings } from './bindings.js';
import { install, type Engine } from './engine.js';

/** What {@link AudioSource.stats} counts. */
export interface AudioSourceStats {
  /** Frames that the engine took. */
  framesOut: number;
  /** Frames that the engine refused, at once or in its answer: their `captureFrame` rejected. */
  framesRefused: number;
  /** Frames that the engine had not answered for when narrowcast was uninstalled: their `captureFrame` rejected, and they
   * may have been played all the same. */
  framesUnanswered: number;
  /** What waits in the engine to be played, in ms. */
  queuedMs: number;
}

/**
 * What an agent says: rtc-node's `AudioSource`, with the same constructor and methods. An answer of the engine costs this
 * thread one look into a table, however many sources there are, and a frame's samples are read where they are: a view
 * into a larger buffer is played as such.
 */
export class AudioSource implements RtcAudioSource {
  /** Hz. */
  sampleRate: number;
  /** Channels, interleaved. */
  numChannels: number;
  /**
   * How much may wait in the engine to be played, in ms; 0: nothing, for sources that play at their own pace. The engine
   * then takes frames of 10 ms, and longer ones are cut into these.
   */
  queueSize: number;
  // The rest is rtc-node's own, under its names: its Track wants a source with these.
  info: AudioSourceInfo;
  ffiHandle: FfiHandle;
  /** ms of a clock. */
  lastCapture = 0;
  /** ms that waited at `lastCapture`. */
  currentQueueSize = 0;
  /** What `waitForPlayout` waits for. */
  promise?: Promise<void>;
  resolvePromise?: () => void;
  timeout?: ReturnType<typeof setTimeout>;
  closed = false;
  readonly #engine: Engine;
  #framesOut = 0;
  #framesRefused = 0;
  #framesUnanswered = 0;
  /** Settles when the frame that is cut into pieces is through: what comes after it waits, to stay after it. */
  #cutting: Promise<void> | undefined;

  /**
   * @param sampleRate Hz
   * @param queueSize ms that may wait, a multiple of 10; `captureFrame` waits while they do
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED`; see {@link install} for what is thrown where
   * LiveKit is not installed
   */
  constructor(sampleRate: number, numChannels: number, queueSize: number = 1000) {
    this.sampleRate = integer('sampleRate', sampleRate, 1, 768_000);
    this.numChannels = integer('numChannels', numChannels, 1, 64);
    this.queueSize = integer('queueSize', queueSize, 0, 600_000);
    if (queueSize % 10 !== 0) throw invalid('queueSize', queueSize, 'a multiple of 10');
    this.#engine = install();
    const { ffi } = loadBindings();
    const { source } = this.#engine.request<NewAudioSourceResponse>('made no audio source', {
      case: 'newAudioSource',
      value: new ffi.NewAudioSourceRequest({
        type: ffi.AudioSourceType.AUDIO_SOURCE_NATIVE,
        sampleRate,
        numChannels,
        queueSizeMs: queueSize,
      }),
    });
    if (source?.handle?.id === undefined || !source.info) {
      throw new NarrowcastError('ENGINE_REQUEST_FAILED', 'the engine answered without an audio source');
    }
    this.info = source.info;
    this.ffiHandle = new ffi.FfiHandle(source.handle.id);
  }

  /** What waits in the engine to be played, in ms. */
  get queuedDuration(): number {
    return Math.max(this.currentQueueSize - performance.now() + this.lastCapture, 0);
  }

  /**
   * Gives up what waits to be played. Whoever waits for it to be over need not wait any more.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link close}; `ENGINE_REQUEST_FAILED`
   */
  clearQueue(): void {
    if (this.closed) throw this.#closed();
    const { ffi } = loadBindings();
    this.#engine.request('cleared no queue', {
      case: 'clearAudioBuffer',
      value: new ffi.ClearAudioBufferRequest({ sourceHandle: this.ffiHandle.handle }),
    });
    this.releaseWaiter();
  }

  /** Nothing waits any more. */
  releaseWaiter = (): void => {
    if (!this.promise) return;
    this.resolvePromise?.();
    this.lastCapture = 0;
    this.currentQueueSize = 0;
    delete this.promise;
    delete this.resolvePromise;
    clearTimeout(this.timeout);
    delete this.timeout;
  };

  /** Resolves when all that was captured was played, was cleared, or the source was closed. */
  async waitForPlayout(): Promise<void> {
    await this.promise;
  }

  /**
   * Plays a frame, rtc-node's or narrowcast's: resolves when the engine has it, which it has at once while there is room
   * in its queue. Await each frame before the next: at most one may wait for room, and more are refused. An empty frame is
   * nothing.
   *
   * @returns rejects with `CLOSED`; `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED` if the engine refuses the frame: the queue
   *   is full, the frame has another rate or other channels than the source, or, with a `queueSize` of 0, no multiple of
   *   10 ms. What is refused does not count as queued
   */
  async captureFrame(frame: AudioFrame | AudioFrameLike): Promise<void> {
    if (this.closed) throw this.#closed();
    const { sampleRate, channels, samplesPerChannel } = checked(frame);
    if (samplesPerChannel === 0) return;
    const samples = channels * samplesPerChannel;
    const data = readable('frame.data', frame.data, Int16Array);
    const pcm = data.length === samples ? data : data.subarray(0, samples);
    const takeOff = this.#queued((samplesPerChannel / sampleRate) * 1000);
    try {
      const error =
        this.#cutting || this.#isCut(samplesPerChannel)
          ? await this.#captureInTurn(pcm, sampleRate, channels)
          : await this.#capture(pcm, sampleRate, channels);
      if (error) throw this.#refusal(error, frame);
    } catch (error) {
      if (error instanceof Unanswered) {
        this.#framesUnanswered++;
        throw error.reason;
      }
      this.#framesRefused++;
      takeOff();
      throw error;
    }
    this.#framesOut++;
  }

  /** What was counted so far; can be read after the source was closed, too. */
  stats(): AudioSourceStats {
    return {
      framesOut: this.#framesOut,
      framesRefused: this.#framesRefused,
      framesUnanswered: this.#framesUnanswered,
      queuedMs: this.queuedDuration,
    };
  }

  /** Gives the engine its source back. Whoever waits for playout need not wait any more. Twice: nothing. */
  async close(): Promise<void> {
    clearTimeout(this.timeout);
    delete this.timeout;
    this.releaseWaiter();
    this.ffiHandle.dispose();
    this.closed = true;
  }

  /** Asks the engine to play samples; gives its words if it refuses them in its answer. */
  async #capture(pcm: Int16Array, sampleRate: number, channels: number): Promise<string | undefined> {
    const { answers } = this.#engine;
    const id = answers.newId();
    this.#engine.captureAudio(this.ffiHandle.handle, pcm, sampleRate, channels, id);
    const answer = await answers.to(id).catch((reason: unknown) => {
      throw new Unanswered(reason);
    });
    const message = answer?.message;
    return (message?.case === 'captureAudioFrame' && message.value.error) || undefined;
  }

  /** Samples of each channel in the frames that the engine takes without a queue. */
  get #directFrame(): number {
    return Math.floor(this.sampleRate / 100);
  }

  /** Whether the engine, which has no queue for it, takes such a frame in pieces only. */
  #isCut(samplesPerChannel: number): boolean {
    const piece = this.#directFrame;
    return this.queueSize === 0 && samplesPerChannel > piece && samplesPerChannel % piece === 0;
  }

  /** As {@link #capture}, in pieces if need be, after the frames before. */
  async #captureInTurn(pcm: Int16Array, sampleRate: number, channels: number): Promise<string | undefined> {
    const before = this.#cutting;
    let through!: () => void;
    const cutting = new Promise<void>((resolve) => (through = resolve));
    this.#cutting = cutting;
    try {
      await before;
      const samples = pcm.length / channels;
      const piece = (this.#isCut(samples) ? this.#directFrame : samples) * channels;
      // One by one: of two requests at a time, the engine may do either first.
      for (let at = 0; at < pcm.length; at += piece) {
        const error = await this.#capture(pcm.subarray(at, at + piece), sampleRate, channels);
        if (error) return error;
      }
      return undefined;
    } finally {
      if (this.#cutting === cutting) this.#cutting = undefined;
      through();
    }
  }

  /** What the engine's words mean for who captured the frame. */
  #refusal(words: string, { sampleRate, channels, samplesPerChannel }: AudioFrame | AudioFrameLike): NarrowcastError {
    const said = `. The engine said: ${words}`;
    const refused = (reason: string) => new NarrowcastError('ENGINE_REQUEST_FAILED', reason + said);
    if (sampleRate !== this.sampleRate || channels !== this.numChannels) {
      return refused(
        `the frame has ${sampleRate} Hz and ${channels} channels, and the source plays ${this.sampleRate} Hz and ` +
          `${this.numChannels}: resample the frame, or make a source of its kind`,
      );
    }
    const piece = this.#directFrame;
    if (this.queueSize === 0 && samplesPerChannel % piece !== 0) {
      return refused(
        `a source without a queue plays frames of 10 ms, or a multiple: ${piece} samples of each channel at ` +
          `${sampleRate} Hz, and the frame has ${samplesPerChannel}`,
      );
    }
    if (this.queueSize > 0 && words.includes('InvalidState')) {
      return refused(
        `the queue of ${this.queueSize} ms is full, and a frame waits for room in it already: await each captureFrame() ` +
          'before the next one, or make the source with a larger queueSize',
      );
    }
    return refused('the engine did not take the frame');
  }

  #closed(): NarrowcastError {
    return new NarrowcastError('CLOSED', 'the AudioSource is closed: make another one');
  }

  /** Notes that `ms` more wait to be played. Returns what takes back of these what was not played by then. */
  #queued(ms: number): () => void {
    const now = performance.now();
    this.currentQueueSize = this.queuedDuration + ms;
    this.lastCapture = now;
    const promise = (this.promise ??= new Promise((resolve) => (this.resolvePromise = resolve)));
    this.timeout ??= setTimeout(this.#drained, this.currentQueueSize);
    const end = now + this.currentQueueSize;
    return () => {
      // Cleared or played meanwhile, and what waits now is something else.
      if (this.promise !== promise) return;
      const then = performance.now();
      this.currentQueueSize = this.queuedDuration - Math.max(Math.min(ms, end - then), 0);
      this.lastCapture = then;
      clearTimeout(this.timeout);
      this.#drained();
    };
  }

  /** One timer for all that is captured while it runs, and not one for each frame. */
  #drained = (): void => {
    delete this.timeout;
    const left = this.queuedDuration;
    if (left > 0) this.timeout = setTimeout(this.#drained, left);
    else this.releaseWaiter();
  };
}

/** What the engine made of a request is not known, and why. */
class Unanswered {
  constructor(readonly reason: unknown) {}
}

/** A frame whose samples are where it says: the engine reads as many as the frame describes. */
function checked(frame: AudioFrame | AudioFrameLike): AudioFrame | AudioFrameLike {
  if (typeof frame !== 'object' || frame === null) throw invalid('frame', frame, 'an AudioFrame');
  const { data, channels, samplesPerChannel } = frame;
  if (!(data instanceof Int16Array)) throw invalid('frame.data', data, 'an Int16Array');
  integer('frame.sampleRate', frame.sampleRate, 1, 768_000);
  integer('frame.channels', channels, 1, 64);
  integer('frame.samplesPerChannel', samplesPerChannel, 0, 2 ** 24);
  refuseLost('frame.data', data);
  if (data.length < channels * samplesPerChannel) {
    throw invalid(
      'frame.data.length',
      data.length,
      `the ${channels * samplesPerChannel} samples that the frame describes`,
    );
  }
  return frame;
}
