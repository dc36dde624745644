import { closed, opened } from './diagnostics/alive.js';
import { describeTrack } from './diagnostics/describe.js';
import { NarrowcastError } from './errors.js';
import { encode, sampleFormat, type SampleFormat } from './g711.js';
import type { Native } from './native.js';
import type { SinkOptions, SinkTarget } from './paced-sink.js';
import type { Pcm, PcmData } from './pcm-argument.js';
import { NativeTrack } from './track/native-track.js';
import type { Interruption, PipeTarget } from './track/pipe-target.js';
import { Playback } from './track/playback.js';
import { Receiver } from './track/receiver.js';
import type { AudioStreamTrackStats } from './track/stats.js';
import type { TimedAudioFrame, TimedBytes } from './track/timed-frame.js';
import { Writer } from './track/writer.js';
import type { SayOptions, Utterance } from './utterance.js';
import { optionsObject } from './validate.js';

/** Options of {@link AudioStreamTrack}. */
export interface AudioStreamTrackOptions {
  /** Hz. Default: 48000. */
  sampleRate?: number;
  /** Channels, interleaved. Default: 1. */
  numChannels?: number;
  /** Length of the frames that {@link AudioStreamTrack.recv} gives, in ms: a whole number. A frame has as many whole
   * samples as that has room for: 220 for 10 ms of 22,050 Hz. Default: 20. */
  frameSizeMs?: number;
  /** How much may wait to be played, in ms. Then the oldest samples are dropped, and counted. Default: 30,000. Its address
   * space is reserved at once; memory is taken as it fills. */
  bufferMs?: number;
}

/** A track's native object: for a recorder, and for benchmarks. @internal */
export let nativeTrackOf: (track: AudioStreamTrack) => Native.NativeAudioTrack;

/**
 * What an agent says: PCM is written in bursts, of any rate, and comes out in real time, one frame after the other.
 *
 * - **Pace.** A frame is due when those before it have been heard, counted in samples from the first one, which comes at
 *   once: lateness never adds up, and no part of a sample does. A late call gets what was due meanwhile without waiting, up
 *   to 100 ms of it or one frame. After a longer delay the rest comes later, and not in a burst that the other side has no
 *   room for; nothing is skipped, and `pts` has no gap.
 * - **Silence** where nothing is there to play. Less than a frame waits for its rest, since silence in the middle of a word
 *   would be heard; but no longer than 200 ms, and not at all at the end of an utterance, see {@link write}.
 * - **Bounded.** More than `bufferMs` is not kept: the oldest is dropped, and counted. If you write faster than it is
 *   heard, use {@link writeAll}, await {@link waitForPlayout}, or look at {@link bufferedMs}.
 *
 * Either JavaScript plays it, with {@link recv}, or a native thread does, with {@link pipeTo}: that goes on while
 * JavaScript is blocked. A track that your program neither holds nor waits for is collected.
 *
 * @example
 * ```ts
 * const track = new AudioStreamTrack();
 * track.write({ data: speech, sampleRate: 24_000, channels: 1 }, { final: true });
 * for (;;) send(await track.recv()); // 20 ms at 48 kHz, every 20 ms
 * ```
 */
export class AudioStreamTrack {
  readonly #track: NativeTrack;
  readonly #playback: Playback;
  readonly #writer: Writer;
  readonly #receiver: Receiver;
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly numChannels: number;
  /** Length of the frames that {@link recv} gives, in ms. */
  readonly frameSizeMs: number;
  /** How much may wait to be played, in ms. */
  readonly bufferMs: number;

  static readonly #describe = (track: AudioStreamTrack) => describeTrack(track, track.#playback.pipe.isPiped);

  static {
    nativeTrackOf = (track) => track.#track.native;
  }

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: AudioStreamTrackOptions = {}) {
    this.#track = new NativeTrack(this, options);
    const { sampleRate, numChannels, frameSizeMs, bufferMs } = this.#track;
    this.sampleRate = sampleRate;
    this.numChannels = numChannels;
    this.frameSizeMs = frameSizeMs;
    this.bufferMs = bufferMs;
    this.#playback = new Playback(this.#track, {
      isReceiving: () => this.#receiver.pending,
      isSpeaking: () => this.#writer.isSpeaking,
      interrupted: (reason) => this.#writer.interrupted(reason),
    });
    this.#writer = new Writer(this.#playback);
    this.#receiver = new Receiver(this.#track, this.#playback.playouts);
    opened('tracks', this, AudioStreamTrack.#describe);
  }

  /**
   * Appends samples; they are copied, and converted to the track's rate and channels: one channel goes to all of the
   * track's, several become one by their average.
   *
   * Another rate than the track's is converted at medium quality, and up to 10 ms of it wait for what follows. When the
   * rate or the channels change, they go out first.
   *
   * @param pcm a frame, or samples and what they are; samples alone have the track's rate and channels. Bytes may be cut
   *   anywhere: what is left of a sample waits for the next piece, and is left out at the end of an utterance
   * @param options `final`: this is the end of an utterance, which may also be empty. What waits for its rest goes out at
   *   once, padded with silence, and what is written next starts in a frame of its own. Say it of the last piece of what an
   *   agent says. While more than 64 utterances wait, the oldest of them run into each other. `format`: how bytes are read; default
   *   `'pcm16'`
   * @throws {NarrowcastError} `CLOSED` after {@link stop}; `LOCKED` while an utterance of {@link say} is open;
   *   `INVALID_ARGUMENT`, and nothing was written
   */
  write(pcm: Pcm | PcmData, options?: { final?: boolean; format?: SampleFormat }): void {
    this.#writer.write(pcm, options);
  }

  /**
   * Begins an utterance, and ends the one before: what is heard of it is counted apart, and once it was interrupted, writing
   * to it is refused. See {@link Utterance}.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link stop}; `INVALID_ARGUMENT`
   */
  say(options: SayOptions = {}): Utterance {
    return this.#writer.say(options);
  }

  /**
   * Says an utterance whose pieces come one by one, and waits while the track has no room for them: nothing is dropped
   * because speech is made faster than it is heard. It goes on only while the track is played.
   *
   * @param options the kind of pieces without a kind of their own; `signal`: stops writing, and ends the utterance
   * @returns resolves when all is written, before it is heard. Rejects at once with `INTERRUPTED` after {@link interrupt} or
   *   {@link flush}, with the signal's reason, and with what `pieces` throws; otherwise as {@link say} and {@link write}
   */
  async writeAll(
    pieces: AsyncIterable<Pcm | PcmData> | Iterable<Pcm | PcmData>,
    options: SayOptions & { signal?: AbortSignal } = {},
  ): Promise<void> {
    optionsObject<SayOptions & { signal?: AbortSignal }>('options', options, {
      sampleRate: true,
      numChannels: true,
      format: true,
      signal: true,
    });
    const { signal, ...kind } = options;
    const utterance = this.say(kind);
    try {
      await utterance.writeAll(pieces, signal ? { signal } : {});
    } finally {
      utterance.end();
    }
  }

  /**
   * The next frame, when it is due: the first one at once. Several calls are served in order. A pending one keeps the
   * track, and the process, alive.
   *
   * A late call gets its frame at once, and so do the next ones until they have caught up: with at most 100 ms or one frame, see
   * {@link AudioStreamTrack}.
   *
   * @returns rejects with `CLOSED` once the track was stopped, and with `LOCKED` while it is piped
   */
  recv(): Promise<TimedAudioFrame>;
  /**
   * The next frame's bytes, as {@link recv} without options gives its samples.
   *
   * @param options `format`: of the bytes, G.711 for example
   * @returns rejects with `CLOSED`, `LOCKED`, and `INVALID_ARGUMENT`
   */
  recv(options: { format: SampleFormat }): Promise<TimedBytes>;
  recv(options?: { format: SampleFormat }): Promise<TimedAudioFrame | TimedBytes> {
    return options === undefined ? this.#recv() : this.#recvBytes(options);
  }

  async #recvBytes(options: { format: SampleFormat }): Promise<TimedBytes> {
    optionsObject('options', options, { format: true });
    const format = sampleFormat('format', options.format);
    const { data, sampleRate, channels, samplesPerChannel, pts, timeBase } = await this.#recv();
    return { data: encode(data, format), format, sampleRate, channels, samplesPerChannel, pts, timeBase };
  }

  #recv(): Promise<TimedAudioFrame> {
    if (this.#track.ended) return Promise.reject(this.#track.closed());
    if (this.#playback.pipe.isPiped) {
      return Promise.reject(
        new NarrowcastError('LOCKED', 'the track is being piped: abort pipeTo before you receive its frames'),
      );
    }
    return this.#receiver.next();
  }

  /**
   * Throws away what was written and not yet played: the next frame is silence, or what is written next. While the track
   * is piped, the source's own queue is emptied, too. Pending calls of {@link waitForPlayout} resolve. A paused track goes
   * on. What is thrown away does not count as dropped.
   */
  flush(): void {
    this.interrupt();
  }

  /**
   * As {@link flush}, for when the caller interrupts the agent, and tells what the caller had heard of it by then.
   *
   * The caller hears nothing of it afterwards but what the engine has encoded already: at most 10 ms if the source has a
   * `queueSize` of 0, and 20 ms otherwise. `heardMs` is exact for a source without a queue and for {@link recv}. For a
   * source with a queue it is right within 10 ms, because the engine doesn't tell when it takes a chunk out of its queue.
   *
   * `heardMs` counts from the start of the utterance. An utterance ends with `final`, with an interruption, or 200 ms after
   * its last sample was played if nothing followed.
   *
   * @returns zeros if nothing was being said, and after {@link stop}
   */
  interrupt(): Interruption {
    return this.#playback.interrupt();
  }

  /**
   * Plays silence from now on and keeps what waits, for when the caller may be about to interrupt: {@link resume} goes on
   * with the next sample, {@link interrupt} gives it up and goes on as well. What waits in the source's own queue is still
   * heard: up to 20 ms, or 30 on a machine so busy that the native thread was late in the last 10 s. Twice: nothing.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link stop}
   */
  pause(): void {
    this.#playback.pause(true);
  }

  /** Goes on after {@link pause}, where it stopped. Twice: nothing. @throws {NarrowcastError} `CLOSED` after {@link stop} */
  resume(): void {
    this.#playback.pause(false);
  }

  /** Whether {@link pause} was called, and neither {@link resume} nor {@link interrupt} after it. */
  get paused(): boolean {
    return this.#track.native.paused;
  }

  /**
   * Ends the track for good, and at once: what waits is thrown away. Pending calls of {@link recv} reject with `CLOSED`,
   * {@link waitForPlayout} and {@link pipeTo} resolve. Twice: nothing. To have everything heard, wait for
   * {@link waitForPlayout} first.
   */
  stop(): void {
    this.#playback.stop();
    closed(this);
    this.#receiver.fail(this.#track.closed());
  }

  /** `'live'` until {@link stop}. */
  get readyState(): 'live' | 'ended' {
    return this.#track.ended ? 'ended' : 'live';
  }

  /** What was written and waits to be played, in ms. */
  get bufferedMs(): number {
    return this.#track.ms(this.#track.native.buffered);
  }

  /**
   * What the listener has heard of all that was ever written, in ms: without silence, without what was flushed or dropped,
   * and without what still waits in the queue of the source that the track is piped to.
   */
  get playedMs(): number {
    return this.#track.ms(this.#track.native.heard);
  }

  /**
   * Resolves when everything that was written so far was played, or is gone: flushed, dropped, or the track has ended.
   * Without `final`, the last part of a frame and what waits in the resampler are played 200 ms later.
   *
   * While the track is piped, what was played has left the source's own queue: at most its last 10 ms are still to be
   * heard. With {@link recv}, what was played is what was handed out. While the track is neither received from nor piped,
   * nothing is played, and this waits: also after {@link pipeTo} was aborted, until the track is played again, flushed or
   * stopped.
   *
   * @returns rejects with what {@link pipeTo} rejects with if the engine refuses what is played
   */
  waitForPlayout(): Promise<void> {
    return this.#playback.waitForPlayout();
  }

  /**
   * Plays the track into an `AudioSource` of `@livekit/rtc-node`, in chunks of 10 ms, from a native thread: what the agent
   * says has no gap while JavaScript is blocked. Meanwhile {@link recv} is `LOCKED`, and only this may feed the source. The
   * native thread is one for all tracks of the process. By itself it does not keep the process alive; a pending
   * {@link waitForPlayout} does.
   *
   * @param source of the track's rate and channels
   * @param options `signal`: stops playing; the track stays as it is, and can be received from or piped again
   * @returns resolves when the track was stopped. Rejects with the signal's reason; `ENGINE_REQUEST_FAILED` if the engine
   *   refuses what is played, as it does when the source was closed, or ten times in a row what it was offered;
   *   `OUT_OF_THREADS` if the system lets no thread be started; `ENGINE_NOT_INSTALLED` without `install()` of
   *   `narrowcast/livekit`; `LOCKED` if it is piped already, a {@link recv} is pending, or another track is piped to this
   *   source; `CLOSED`; `INVALID_ARGUMENT`
   */
  pipeTo(source: PipeTarget, options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * Plays the track to a far end that plays by a clock of its own, like a phone behind a WebSocket: whole frames, resampled and
   * encoded natively, ahead of their time. A native clock says when, and does not drift; JavaScript is woken once for each
   * `leadMs`, and sends that much at once. Nothing is sent while there is nothing to say. {@link playedMs}, marks and
   * {@link waitForPlayout} reckon when the far end plays a frame, or ask it: see {@link FrameSink}.
   *
   * A sink that takes no more (a promise that is pending, a WritableStream that is full, a second in a WebSocket's buffer) is
   * waited for: the track keeps what is written, up to its `bufferMs`.
   *
   * @param sink a function, a WritableStream, a WebSocket, or an object with `write()`; it is not closed in the end
   * @returns resolves when the track was stopped. Rejects with the signal's reason, with what the sink throws or rejects with;
   *   `CLOSED` if it is closed; `LAGGED` if it takes nothing for 10 s; `OUT_OF_THREADS`; `LOCKED` as above; `INVALID_ARGUMENT`
   */
  pipeTo<Base64 extends boolean = false>(
    sink: SinkTarget<Base64 extends true ? string : Uint8Array>,
    options?: SinkOptions<Base64>,
  ): Promise<void>;
  pipeTo(target: PipeTarget | SinkTarget, options: SinkOptions = {}): Promise<void> {
    return this.#playback.pipeTo(target, options);
  }

  /** What happened so far. */
  stats(): AudioStreamTrackStats {
    const { bufferedSamples, ...counts } = this.#track.native.stats();
    const { sinkStalls } = this.#playback.pipe;
    return { bufferedMs: this.#track.ms(bufferedSamples), ...counts, ...(sinkStalls !== undefined && { sinkStalls }) };
  }
}
