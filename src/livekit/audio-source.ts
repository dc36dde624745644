import type { AudioFrame, AudioSource as RtcAudioSource } from '@livekit/rtc-node';
import type { AudioSourceInfo, FfiHandle, NewAudioSourceResponse } from '@livekit/rtc-ffi-bindings';
import type { AudioFrameLike } from '../audio-resampler.js';
import { closed, opened } from '../diagnostics/alive.js';
import { describeSource } from '../diagnostics/describe.js';
import { NarrowcastError } from '../errors.js';
import { PIPED_TRACK, type Interruption, type PipedTrack } from '../track/pipe-target.js';
import { channelCount, integer, invalid, rateInHz, readable, refuseLost } from '../validate.js';
import { loadBindings } from './bindings.js';
import { install, type Engine } from './engine.js';
import { locked, SourceRing } from './source-ring.js';
import { speechBufferMs } from './speech-buffer.js';
import type { AudioSourceStats } from './stats.js';

/**
 * What an agent says: rtc-node's `AudioSource`, with the same constructor and methods. Frames wait in memory of this process,
 * and a native thread plays them into the engine: this thread is woken only when a frame that waited for room has it, once
 * for all sources. A frame's samples are read where they are: a view into a larger buffer is played as such.
 */
export class AudioSource implements RtcAudioSource {
  /** Hz. */
  sampleRate: number;
  /** Channels, interleaved. */
  numChannels: number;
  /**
   * How much may wait to be played, in ms; 0: nothing, for sources that play at their own pace. A frame then goes to the
   * engine within the call. The engine takes frames of 10 ms, and longer ones are cut into these.
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
  [PIPED_TRACK]: PipedTrack | undefined = undefined;
  readonly #engine: Engine;
  /** Called when the source is closed. */
  readonly #onClose = new Set<() => void>();
  /** Where frames wait, if the source has a queue: made for the first one. */
  #ring: SourceRing | undefined;
  readonly #bufferMs: number;
  #framesOut = 0;
  #framesRefused = 0;
  #framesUnanswered = 0;
  /** Settles when what comes in several requests is through: what comes after it waits, to stay after it. */
  #turn: Promise<unknown> | undefined;
  /** Without a queue: ms that were captured since nothing waited. */
  #saidMs = 0;
  /** Of these, what the engine was not given yet: pieces of frames that are cut, until the next interruption. */
  #unsent = { ms: 0 };

  /**
   * @param sampleRate Hz
   * @param queueSize ms that may wait, a multiple of 10; `captureFrame` waits while they do
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED`; see {@link install} for what is thrown where
   * LiveKit is not installed
   */
  constructor(sampleRate: number, numChannels: number, queueSize: number = 1000) {
    this.sampleRate = rateInHz('sampleRate', sampleRate);
    this.numChannels = channelCount('numChannels', numChannels);
    this.queueSize = integer('queueSize', queueSize, 0, 600_000);
    if (queueSize % 10 !== 0) throw invalid('queueSize', queueSize, 'a multiple of 10');
    const most = SourceRing.mostMs(sampleRate, numChannels);
    if (queueSize > most) {
      throw invalid('queueSize', queueSize, `at most ${most} at ${sampleRate} Hz with ${numChannels} channels`);
    }
    this.#engine = install();
    const { ffi } = loadBindings();
    const { source } = this.#engine.request<NewAudioSourceResponse>('made no audio source', {
      case: 'newAudioSource',
      value: new ffi.NewAudioSourceRequest({
        type: ffi.AudioSourceType.AUDIO_SOURCE_NATIVE,
        sampleRate,
        numChannels,
        queueSizeMs: queueSize === 0 ? 0 : SourceRing.ENGINE_QUEUE_MS,
      }),
    });
    if (source?.handle?.id === undefined || !source.info) {
      throw new NarrowcastError('ENGINE_REQUEST_FAILED', 'the engine answered without an audio source');
    }
    this.info = source.info;
    this.ffiHandle = new ffi.FfiHandle(source.handle.id);
    this.#bufferMs = speechBufferMs();
    opened('sources', this, describeSource);
  }

  /** What waits to be played, in ms; of a track that is piped to this source, too. 0 after {@link close}. */
  get queuedDuration(): number {
    if (this.closed) return 0;
    return this[PIPED_TRACK]?.queuedMs ?? this.#queuedMs;
  }

  /** Without a queue: by this clock. */
  get #queuedMs(): number {
    return Math.max(this.currentQueueSize - performance.now() + this.lastCapture, 0);
  }

  /** A track of the program's that is piped to this. */
  get #piped(): PipedTrack | undefined {
    return this[PIPED_TRACK] === this.#ring?.playback ? undefined : this[PIPED_TRACK];
  }

  /**
   * Gives up what waits to be played, also in the track that is piped to this source. Pending calls of
   * {@link waitForPlayout} resolve.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link close}, unless what was taken before is still being played
   */
  clearQueue(): void {
    if (this.closed && !this.#ring?.isPlaying) throw this.#closed();
    this.interrupt();
  }

  /**
   * As {@link clearQueue}, for when the caller interrupts the agent, and tells what the caller had heard of it by then. It
   * works after {@link close}, too, while what was taken before is being played.
   *
   * For a source without a queue, everything was heard that the engine has got: but for the rest of a frame that is longer than
   * 10 ms. Otherwise `heardMs` is right within 10 ms, and
   * counts from when the queue was last empty. While a track is piped to the source, this is the track's `interrupt()`.
   *
   * @returns zeros if nothing was being said
   */
  interrupt(): Interruption {
    const piped = this.closed ? undefined : this.#piped;
    const discardedMs = this.#unsent.ms;
    this.#unsent = { ms: 0 };
    const heardMs = this.promise ? Math.max(this.#saidMs - discardedMs, 0) : 0;
    const interruption = (piped ?? this.#ring)?.interrupt() ?? { heardMs, discardedMs };
    this.releaseWaiter();
    return interruption;
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
    if (this.closed) return;
    const track = this.#piped;
    if (!track) {
      this.#ring?.voice.end();
      if (this.#ring && this.queuedDuration > 0) this.promise ??= this.#played();
      return this.promise;
    }
    const played = track.waitForPlayout().catch((reason: unknown) => {
      if (!this.closed) throw reason;
    });
    let settle!: () => void;
    const closed = new Promise<void>((resolve) => (settle = resolve));
    this.#onClose.add(settle);
    await Promise.race([played, closed]).finally(() => this.#onClose.delete(settle));
  }

  #played(): Promise<void> {
    return new Promise((resolve) => (this.resolvePromise = resolve));
  }

  /**
   * Plays a frame, rtc-node's or narrowcast's: resolves when it was taken, at once while there is room in the queue. Await
   * each frame before the next: at most one may wait for room, and more are refused. An empty frame is nothing.
   *
   * @returns rejects with `CLOSED`; `LOCKED` while a track is piped to this source; `INVALID_ARGUMENT`;
   *   `ENGINE_NOT_INSTALLED`; `ENGINE_REQUEST_FAILED` if the frame is refused: the queue is full, the frame has another rate
   *   or other channels than the source, or, with a `queueSize` of 0, no multiple of 10 ms. What is refused does not count
   *   as queued. If the engine refuses what was taken before, the next call rejects
   */
  async captureFrame(frame: AudioFrame | AudioFrameLike): Promise<void> {
    if (this.closed) throw this.#closed();
    const { sampleRate, channels, samplesPerChannel } = checked(frame);
    if (samplesPerChannel === 0) return;
    const samples = channels * samplesPerChannel;
    const data = readable('frame.data', frame.data, Int16Array);
    const pcm = data.length === samples ? data : data.subarray(0, samples);
    if (this[PIPED_TRACK] && this.#piped) throw locked();
    try {
      const error =
        this.queueSize > 0 && sampleRate === this.sampleRate && channels === this.numChannels
          ? await this.#captureAhead(pcm)
          : await this.#captureNow(pcm, sampleRate, channels);
      if (error) throw this.#refusal(error, frame);
    } catch (error) {
      if (error instanceof Unanswered) {
        this.#framesUnanswered++;
        throw error.reason;
      }
      this.#framesRefused++;
      throw error;
    }
    this.#framesOut++;
  }

  /** Resolves with the words of a refusal, if it is one. */
  #captureAhead(pcm: Int16Array): Promise<string | undefined> | string | undefined {
    this.#engine.refuseUninstalled();
    this.#ring ??= new SourceRing(this, this.queueSize + this.#bufferMs, {
      drained: this.releaseWaiter,
      lost: (frames) => {
        this.#framesOut -= frames;
        this.#framesRefused += frames;
      },
    });
    return this.#ring.capture(pcm);
  }

  async #captureNow(pcm: Int16Array, sampleRate: number, channels: number): Promise<string | undefined> {
    const samples = pcm.length / channels;
    const takeOff = this.queueSize === 0 ? this.#queued((samples / sampleRate) * 1000) : undefined;
    try {
      const error =
        this.#turn || this.#isCut(samples)
          ? await this.#captureInTurn(pcm, sampleRate, channels)
          : await this.#capture(pcm, sampleRate, channels);
      if (error) takeOff?.();
      return error;
    } catch (error) {
      if (!(error instanceof Unanswered)) takeOff?.();
      throw error;
    }
  }

  /** What was counted so far; can be read after the source was closed, too. */
  stats(): AudioSourceStats {
    const { lateGaps = 0, lateMs = 0 } = this.#ring?.playback.track.native.stats() ?? {};
    return {
      lateGaps,
      lateMs,
      framesOut: this.#framesOut,
      framesRefused: this.#framesRefused,
      framesUnanswered: this.#framesUnanswered,
      queuedMs: this.queuedDuration,
    };
  }

  /**
   * Gives the engine its source back, once what was taken was played. Pending calls of {@link waitForPlayout} resolve. Twice:
   * nothing.
   */
  async close(): Promise<void> {
    if (this.closed) return;
    this.releaseWaiter();
    this.closed = true;
    closed(this);
    for (const settle of this.#onClose) settle();
    if (this.#ring?.isPlaying) void this.#ring.drained().then(() => this.#dispose());
    else this.#dispose();
  }

  #dispose(): void {
    this.#ring?.stop();
    this.ffiHandle.dispose();
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

  /** As {@link #capture}, after what was captured before, and in pieces if need be. Stops at an interruption. */
  async #captureInTurn(pcm: Int16Array, sampleRate: number, channels: number): Promise<string | undefined> {
    const before = this.#turn;
    const unsent = this.#unsent;
    const msOf = (samples: number) => (samples / channels / sampleRate) * 1000;
    unsent.ms += msOf(pcm.length);
    let at = 0;
    const turn = (async () => {
      // The caller's memory is the caller's again as soon as this thread goes on with something else.
      const copy = pcm.slice();
      const piece = (this.#isCut(pcm.length / channels) ? this.#directFrame : pcm.length / channels) * channels;
      if (before) await before.catch(() => {});
      // One by one: of two requests at a time, the engine may do either first.
      while (at < copy.length && unsent === this.#unsent) {
        const part = copy.subarray(at, at + piece);
        at += part.length;
        unsent.ms -= msOf(part.length);
        const error = await this.#capture(part, sampleRate, channels);
        if (error) return error;
      }
      return undefined;
    })();
    this.#turn = turn;
    try {
      return await turn;
    } finally {
      unsent.ms -= msOf(pcm.length - at);
      if (this.#turn === turn) this.#turn = undefined;
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
    this.#saidMs = (this.promise ? this.#saidMs : 0) + ms;
    this.currentQueueSize = this.#queuedMs + ms;
    this.lastCapture = now;
    const promise = (this.promise ??= this.#played());
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
  rateInHz('frame.sampleRate', frame.sampleRate);
  channelCount('frame.channels', channels);
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
