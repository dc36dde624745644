import type { AudioFrame, AudioSource as RtcAudioSource } from '@livekit/rtc-node';
import type { AudioSourceInfo, FfiHandle, NewAudioSourceResponse } from '@livekit/rtc-ffi-bindings';
import type { AudioFrameLike } from '../audio-resampler.js';
import { FEED, queuedMsOf, type AudioStreamTrack, type Interruption } from '../audio-stream-track.js';
import { closed, opened } from '../diagnostics/alive.js';
import { describeSource } from '../diagnostics/describe.js';
import { NarrowcastError } from '../errors.js';
import { integer, invalid, readable, refuseLost } from '../validate.js';
import { loadBindings } from './bindings.js';
import { install, type Engine } from './engine.js';
import { SpeechBuffer, speechBufferMs } from './speech-buffer.js';

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
  /** The track that is piped to this. @internal */
  [FEED]: AudioStreamTrack | undefined = undefined;
  readonly #engine: Engine;
  /** Called when the source is closed. */
  readonly #onClose = new Set<() => void>();
  /** Where frames wait that are taken beyond the queue. */
  #buffer: SpeechBuffer | undefined;
  #framesOut = 0;
  #framesRefused = 0;
  #framesUnanswered = 0;
  /** Settles when what comes in several requests is through: what comes after it waits, to stay after it. */
  #turn: Promise<unknown> | undefined;
  /** What the engine was asked to play and has not answered. */
  readonly #asked = new Set<Promise<unknown>>();
  /** How often all that was captured was given up. */
  #cleared = 0;
  /** ms that were captured since the queue was last empty. */
  #saidMs = 0;
  /** Samples of each channel behind the last whole 10 ms, which the engine keeps until the rest comes. */
  #tail = 0;

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
    const bufferMs = speechBufferMs();
    // Without a queue, the program is the clock. And the native thread plays whole 10 ms.
    if (bufferMs > 0 && queueSize > 0 && sampleRate % 100 === 0) {
      this.#buffer = new SpeechBuffer(this, queueSize + bufferMs);
    }
    opened('sources', this, describeSource);
  }

  /** What waits to be played, in ms: in the engine, and in the track that is piped to this source. */
  get queuedDuration(): number {
    return this[FEED] ? queuedMsOf(this[FEED]) : this.#queuedMs;
  }

  get #queuedMs(): number {
    return Math.max(this.currentQueueSize - performance.now() + this.lastCapture, 0);
  }

  /**
   * Gives up what waits to be played, also in the track that is piped to this source. Pending calls of
   * {@link waitForPlayout} resolve.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link close}; `ENGINE_REQUEST_FAILED`
   */
  clearQueue(): void {
    if (this.closed) throw this.#closed();
    if (this[FEED]) this[FEED].flush();
    else this.#giveUp();
  }

  /** Nothing that was captured is played any more. */
  #giveUp(): void {
    this.#clear();
    this.#cleared++;
    this.#tail = 0;
    this.releaseWaiter();
  }

  #clear(): void {
    const { ffi } = loadBindings();
    this.#engine.request('cleared no queue', {
      case: 'clearAudioBuffer',
      value: new ffi.ClearAudioBufferRequest({ sourceHandle: this.ffiHandle.handle }),
    });
  }

  /**
   * As {@link clearQueue}, for when the caller interrupts the agent, and tells what the caller had heard of it by then. What
   * {@link captureFrame} had not handed to the engine yet is not heard either.
   *
   * A frame that is longer than the queue is the engine's as a whole: much of it may be heard
   * afterwards. Capture in pieces that are shorter.
   *
   * For a source without a queue, everything that was captured was heard. Otherwise `heardMs` is right within 10 ms, and
   * counts from when the queue was last empty. While a track is piped to the source, this is the track's `interrupt()`.
   *
   * @returns zeros if nothing was being said, and after {@link close}
   * @throws {NarrowcastError} `ENGINE_REQUEST_FAILED`
   */
  interrupt(): Interruption {
    if (this.closed) return { heardMs: 0, discardedMs: 0 };
    if (this[FEED]) return this[FEED].interrupt();
    const discardedMs = this.queueSize === 0 ? 0 : this.#queuedMs;
    const heardMs = this.promise ? Math.max(this.#saidMs - discardedMs, 0) : 0;
    this.#giveUp();
    if (this.#asked.size > 0 && this.queueSize > 0) void this.#clearAgain();
    return { heardMs, discardedMs };
  }

  /**
   * The engine may do what it was asked before only after it has emptied the queue. Then it empties it again, and what is
   * captured meanwhile comes afterwards.
   */
  #clearAgain(): Promise<void> {
    return this.#inTurn(async () => {
      await Promise.allSettled(this.#asked);
      if (!this.closed) this.#clear();
    });
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

  /**
   * Resolves when all that was captured was played, was cleared, or the source was closed; so does what was written to the
   * track that is piped to this source.
   */
  async waitForPlayout(): Promise<void> {
    const track = this[FEED];
    if (!track || this.closed) return this.promise;
    const played = track.waitForPlayout().catch((reason: unknown) => {
      if (!this.closed) throw reason;
    });
    let settle!: () => void;
    const closed = new Promise<void>((resolve) => (settle = resolve));
    this.#onClose.add(settle);
    await Promise.race([played, closed]).finally(() => this.#onClose.delete(settle));
  }

  /**
   * Plays a frame, rtc-node's or narrowcast's: resolves when the engine has it, which it has at once while there is room
   * in its queue. Await each frame before the next: at most one may wait for room, and more are refused. An empty frame is
   * nothing.
   *
   * @returns rejects with `CLOSED`; `LOCKED` while a track is piped to this source; `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED` if the engine refuses the frame: the queue
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
    if (this[FEED] && this[FEED] !== this.#buffer?.track) throw SpeechBuffer.locked();
    if (this.#buffer && sampleRate === this.sampleRate && channels === this.numChannels) {
      return this.#captureAhead(this.#buffer, pcm, frame);
    }
    const takeOff = this.#queued((samplesPerChannel / sampleRate) * 1000);
    const cleared = this.#cleared;
    try {
      const error =
        this.#turn || this.#isCut(samplesPerChannel)
          ? await this.#inTurn(() => this.#captureInPieces(pcm, sampleRate, channels))
          : await this.#capture(pcm, sampleRate, channels);
      if (error) throw this.#refusal(error, frame);
      if (this.#cleared === cleared) this.#tail = (this.#tail + samplesPerChannel) % this.#directFrame;
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

  async #captureAhead(buffer: SpeechBuffer, pcm: Int16Array, frame: AudioFrame | AudioFrameLike): Promise<void> {
    try {
      const error = await buffer.capture(pcm);
      if (error) throw this.#refusal(error, frame);
    } catch (error) {
      this.#framesRefused++;
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
    if (this.closed) return;
    clearTimeout(this.timeout);
    delete this.timeout;
    this.releaseWaiter();
    const buffer = this.#buffer;
    if (buffer && queuedMsOf(buffer.track) > 0) {
      // What was taken is heard, as what is in the engine's queue is.
      void buffer.drained().then(() => this.#dispose());
    } else this.#dispose();
    this.closed = true;
    closed(this);
    for (const settle of this.#onClose) settle();
  }

  #dispose(): void {
    this.#buffer?.stop();
    this.ffiHandle.dispose();
  }

  /** Asks the engine to play samples; gives its words if it refuses them in its answer. */
  async #capture(pcm: Int16Array, sampleRate: number, channels: number): Promise<string | undefined> {
    const { answers } = this.#engine;
    const id = answers.newId();
    this.#engine.captureAudio(this.ffiHandle.handle, pcm, sampleRate, channels, id);
    const asked = answers.to(id);
    this.#asked.add(asked);
    const answer = await asked
      .catch((reason: unknown) => {
        throw new Unanswered(reason);
      })
      .finally(() => this.#asked.delete(asked));
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

  /** Runs `ask` after what was asked before in turn. */
  async #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const turn = (async () => {
      await before?.catch(() => {});
      return ask();
    })();
    this.#turn = turn;
    try {
      return await turn;
    } finally {
      if (this.#turn === turn) this.#turn = undefined;
    }
  }

  /** As {@link #capture}, in pieces if need be. */
  async #captureInPieces(pcm: Int16Array, sampleRate: number, channels: number): Promise<string | undefined> {
    const samples = pcm.length / channels;
    const piece = (this.#isCut(samples) ? this.#directFrame : samples) * channels;
    // One by one: of two requests at a time, the engine may do either first.
    for (let at = 0; at < pcm.length; at += piece) {
      const error = await this.#capture(pcm.subarray(at, at + piece), sampleRate, channels);
      if (error) return error;
    }
    return undefined;
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
    this.#saidMs = (this.promise ? this.#saidMs : 0) + ms;
    this.currentQueueSize = this.#queuedMs + ms;
    this.lastCapture = now;
    const promise = (this.promise ??= new Promise((resolve) => (this.resolvePromise = resolve)));
    this.timeout ??= setTimeout(this.#drained, this.currentQueueSize);
    const end = now + this.currentQueueSize;
    return () => {
      // Cleared or played meanwhile, and what waits now is something else.
      if (this.promise !== promise) return;
      const then = performance.now();
      this.#saidMs -= ms;
      this.currentQueueSize = this.#queuedMs - Math.max(Math.min(ms, end - then), 0);
      this.lastCapture = then;
      clearTimeout(this.timeout);
      this.#drained();
    };
  }

  /** One timer for all that is captured while it runs, and not one for each frame. */
  #drained = (): void => {
    delete this.timeout;
    const left = this.#queuedMs;
    if (left > 0) this.timeout = setTimeout(this.#drained, left);
    else if (this.#tail > 0 && this.queueSize > 0) this.timeout = setTimeout(this.#pad, CHUNK_MS);
    else this.releaseWaiter();
  };

  /**
   * The engine plays whole 10 ms: what is left of an utterance would be heard right before the next one. It is padded once
   * the engine has found nothing to play, so that it tears nothing that comes in time.
   */
  #pad = (): void => {
    const samples = this.#directFrame - this.#tail;
    if (this.#queuedMs > 0 || this.closed) return this.#drained();
    this.#tail = 0;
    this.currentQueueSize = CHUNK_MS;
    this.lastCapture = performance.now();
    const silence = new Int16Array(samples * this.numChannels);
    this.#capture(silence, this.sampleRate, this.numChannels).catch(() => {});
    this.#drained();
  };
}

/** What the engine plays at a time. */
const CHUNK_MS = 10;

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
