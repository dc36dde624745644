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
  /** Frames that the engine refused: their `captureFrame` rejected. */
  framesRefused: number;
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
  /** How much may wait in the engine to be played, in ms; 0: nothing, for sources that play at their own pace. */
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

  /** Gives up what waits to be played. Whoever waits for it to be over need not wait any more. */
  clearQueue(): void {
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
   * in its queue. An empty frame is nothing.
   *
   * @returns rejects with `CLOSED`; `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED`, with the engine's own message: also if the
   *   frame has another rate or other channels than the source
   */
  async captureFrame(frame: AudioFrame | AudioFrameLike): Promise<void> {
    if (this.closed) throw new NarrowcastError('CLOSED', 'AudioSource is closed: capture frames into an open one');
    const { sampleRate, channels, samplesPerChannel } = checked(frame);
    if (samplesPerChannel === 0) return;
    const { answers } = this.#engine;
    const samples = channels * samplesPerChannel;
    const data = readable('frame.data', frame.data, Int16Array);
    const pcm = data.length === samples ? data : data.subarray(0, samples);
    this.#queued((samplesPerChannel / sampleRate) * 1000);
    const requestAsyncId = answers.newId();
    this.#engine.captureAudio(this.ffiHandle.handle, pcm, sampleRate, channels, requestAsyncId);
    const message = (await answers.to(requestAsyncId))?.message;
    if (message?.case === 'captureAudioFrame' && message.value.error) {
      this.#framesRefused++;
      throw new NarrowcastError('ENGINE_REQUEST_FAILED', message.value.error);
    }
    this.#framesOut++;
  }

  /** What was counted so far; can be read after the source was closed, too. */
  stats(): AudioSourceStats {
    return { framesOut: this.#framesOut, framesRefused: this.#framesRefused, queuedMs: this.queuedDuration };
  }

  /** Gives the engine its source back. Whoever waits for playout need not wait any more. Twice: nothing. */
  async close(): Promise<void> {
    clearTimeout(this.timeout);
    delete this.timeout;
    this.releaseWaiter();
    this.ffiHandle.dispose();
    this.closed = true;
  }

  /** Notes that `ms` more wait to be played. */
  #queued(ms: number): void {
    const now = performance.now();
    this.currentQueueSize = this.queuedDuration + ms;
    this.lastCapture = now;
    this.promise ??= new Promise((resolve) => (this.resolvePromise = resolve));
    this.timeout ??= setTimeout(this.#drained, this.currentQueueSize);
  }

  /** One timer for all that is captured while it runs, and not one for each frame. */
  #drained = (): void => {
    delete this.timeout;
    const left = this.queuedDuration;
    if (left > 0) this.timeout = setTimeout(this.#drained, left);
    else this.releaseWaiter();
  };
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
