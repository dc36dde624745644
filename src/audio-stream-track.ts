import { onAbort } from './abort.js';
import { AudioFrame } from './audio-frame.js';
import { closed, opened } from './diagnostics/alive.js';
import { describeTrack } from './diagnostics/describe.js';
import { Voice } from './diagnostics/underruns.js';
import { audioDoorbell, startWaiting, stopWaiting, type Waiting } from './doorbell.js';
import { fromNative, NarrowcastError } from './errors.js';
import { native, type Native } from './native.js';
import { encode, sampleFormat, type SampleFormat } from './g711.js';
import { PcmArguments, refuseChannels, type Pcm, type PcmData, type ReadPcm } from './pcm-argument.js';
import { checkSink, NEVER, SinkPlayer, type SinkOptions, type SinkTarget } from './paced-sink.js';
import { FORMAT_OPTIONS, pcmFormat, refuseTooLong } from './pcm-format.js';
import { Utterance, type SayOptions, type Speaker } from './utterance.js';
import { integer, invalid, optionalSignal, optionsObject } from './validate.js';
import { NOTHING, Waiters } from './waiters.js';

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

/** A part of a second: `num / den`. */
export interface TimeBase {
  /** Always 1. */
  readonly num: 1;
  /** The sample rate, in Hz. */
  readonly den: number;
}

/** A frame, and when it is to be heard. */
export class TimedAudioFrame extends AudioFrame {
  /** Samples of each channel that came before it, from 0 for the first frame. */
  readonly pts: number;
  /** What `pts` counts, as a part of a second. */
  readonly timeBase: TimeBase;

  /** @internal */
  constructor(data: Int16Array, sampleRate: number, channels: number, samplesPerChannel: number, pts: number) {
    super(data, sampleRate, channels, samplesPerChannel);
    this.pts = pts;
    this.timeBase = { num: 1, den: sampleRate };
  }
}

/** The bytes of a frame, and when it is to be heard: from {@link AudioStreamTrack.recv} with a `format`. */
export interface TimedBytes extends Pick<
  TimedAudioFrame,
  'sampleRate' | 'channels' | 'samplesPerChannel' | 'pts' | 'timeBase'
> {
  /** Samples of all channels, interleaved. */
  readonly data: Uint8Array;
  /** How `data` is read. */
  readonly format: SampleFormat;
}

/** Where {@link AudioStreamTrack.pipeTo} plays: an `AudioSource` of `@livekit/rtc-node`. */
export interface PipeTarget {
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly numChannels: number;
  /** Length of its own queue, in ms; 0: it has none, which saves 30 ms. */
  readonly queueSize?: number;
  /** @internal */
  [FEED]?: AudioStreamTrack | undefined;
}

/** Names the track that is piped to a source of narrowcast's, in that source. @internal */
export const FEED: unique symbol = Symbol.for('narrowcast.feed') as never;

/** What an interruption cut off. */
export interface Interruption {
  /** What the listener had heard of the utterance that was interrupted, in ms; 0 if nothing was being said. */
  readonly heardMs: number;
  /** What was written and will never be heard, in ms. */
  readonly discardedMs: number;
}

/** What a track counted. Can be read after it has ended, too. */
export interface AudioStreamTrackStats {
  /** What waits to be played, in ms. */
  bufferedMs: number;
  /** Frames of `frameSizeMs` that were played, by whatever way. */
  framesOut: number;
  /** Of these, frames of nothing but silence, because nothing was there to play. */
  silenceFrames: number;
  /** Samples, of all channels, that were dropped because more than `bufferMs` waited. */
  samplesDropped: number;
  /** Samples, of all channels, that were lost because the engine refused them while the track was piped. */
  samplesRefused: number;
  /** Samples, of all channels, that were written as NaN: they are silence. */
  samplesInvalid: number;
  /** Gaps that listeners heard although samples were there: a busy machine let the native thread, which plays into an engine's
   * source, come after that source's queue had run dry. */
  lateGaps: number;
  /** How long these were, all together, in ms. */
  lateMs: number;
  /** Of a track that was piped to a sink: how often that took nothing when it was its turn. The track keeps what is written. */
  sinkStalls?: number;
}

interface Playout {
  /** Where what it waits for ends. */
  readonly position: number;
  /** Called with whether it was heard. */
  readonly resolve: (heard: boolean) => void;
  readonly reject: (reason: unknown) => void;
}

interface Piping {
  /** Its native half lives as long as this. */
  readonly source?: PipeTarget;
  /** In its place: a sink. */
  readonly player?: SinkPlayer;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly unlisten: () => void;
}

/** A timer's grain is a ms: rather than a ms late, a frame may go out half of one early. */
const EARLY_MS = 0.5;

/**
 * Chunks of 10 ms of speech that are kept in a source's own queue, where it has one: the engine empties it by a clock of
 * its own, and what comes a ms too late for that would be a gap. One more where the native thread is late.
 */
const QUEUE_LEAD = 2;

/** What the engine is given at a time. */
const CHUNK_MS = 10;

/** For benchmarks: a track's native half. @internal */
export let nativeTrackOf: (track: AudioStreamTrack) => Native.NativeAudioTrack;

/** Calls one of them once: when no more than `samples` wait to be heard, with whether they were heard, and not thrown away.
 * @internal */
export let whenQueuedIs: (
  track: AudioStreamTrack,
  samples: number,
  resolve: (heard: boolean) => void,
  reject: (reason: unknown) => void,
) => void;

/** How the frames of a source are played; see {@link playOnly}. @internal */
export interface PlayOnly {
  /** How long the rest of a chunk is waited for, in ms. */
  readonly patienceMs: number;
  /** Chunks that are kept in the queue of the source. */
  readonly lead: number;
  /** Called when another track is to be piped to the source: aborts this one if it has nothing to play. */
  readonly makeWay: () => void;
  /** Called with the length of a gap, in ms, that the native thread has made by coming late. */
  readonly late: (ms: number) => void;
}

/** A source that it is piped to gets no silence, and the native thread sleeps while there is nothing to play. @internal */
export let playOnly: (track: AudioStreamTrack, how: PlayOnly) => void;

/** Appends samples of the track's kind, and returns how many wait to be heard. They must fit. @internal */
export let captureInto: (track: AudioStreamTrack, pcm: Int16Array) => number;

/** What waits to be heard, in ms: in the track, and in the queue of the source that it is piped to. @internal */
export let queuedMsOf: (track: AudioStreamTrack) => number;

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
  readonly #native: Native.NativeAudioTrack;
  /** Names the track to native code. */
  readonly #token: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly numChannels: number;
  /** Length of the frames that {@link recv} gives, in ms. */
  readonly frameSizeMs: number;
  /** How much may wait to be played, in ms. */
  readonly bufferMs: number;
  /** Samples of each channel in a frame. */
  readonly #samplesPerChannel: number;
  /** The pending calls of {@link recv}. */
  readonly #receivers: Waiters<TimedAudioFrame>;
  /** By their positions. */
  readonly #playouts: Playout[] = [];
  readonly #pcm: PcmArguments;
  /** Those of {@link say} that are not over; and the one that is written to. */
  readonly #utterances = new Set<Utterance>();
  #open: Utterance | undefined;
  readonly #speaker: Speaker;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #due = () => this.#receivers.ready();
  #pts = 0;
  /** A frame's memory that was not filled yet. */
  #spare: Int16Array | undefined;
  #piping: Piping | undefined;
  /** While it is piped: what is known of gaps in what it says. A source's own track has none: the source does that. */
  #voice: Voice | undefined;
  /** Of sinks that it is piped to no more. */
  #sinkStalls: number | undefined;
  /** Gaps by the native thread that were told of, in ms. */
  #lateMs = 0;
  /** Whether what it is piped to gets only what is written. */
  #playOnly: PlayOnly | undefined;
  #ended = false;
  /** While the native thread plays: rung when what {@link waitForPlayout} waits for was played, or the source is gone. */
  readonly #piped: Waiting = { ready: () => this.#rang() };
  /** The same while a program waits, which ends: the process stays alive for it. */
  readonly #pipedAwaited: Waiting = { keepsAlive: true, ready: () => this.#rang() };

  static readonly #describe = (track: AudioStreamTrack) => describeTrack(track, track.#piping !== undefined);

  static {
    nativeTrackOf = (track) => track.#native;
    whenQueuedIs = (track, samples, resolve, reject) =>
      track.#whenHeard(Math.max(native.trackWritten(track.#token) - samples, 0), resolve, reject);
    playOnly = (track, how) => {
      track.#playOnly = how;
      native.trackPatience(track.#token, how.patienceMs);
    };
    captureInto = (track, pcm) => fromNative(() => native.trackCapture(track.#token, pcm));
    queuedMsOf = (track) => track.#ms(native.trackQueued(track.#token));
  }

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: AudioStreamTrackOptions = {}) {
    optionsObject<AudioStreamTrackOptions>('options', options, FORMAT_OPTIONS);
    const format = pcmFormat(options, { frameSizeMs: 20, bufferMs: 30_000 });
    const { frameSizeMs, bufferMs } = format;
    this.sampleRate = format.sampleRate;
    this.numChannels = format.channels;
    this.frameSizeMs = frameSizeMs;
    this.#samplesPerChannel = format.samplesPerChannel;
    this.bufferMs = bufferMs;
    if (bufferMs < frameSizeMs) throw invalid('bufferMs', bufferMs, `at least a frame, ${frameSizeMs} ms`);
    const capacity = Math.ceil((this.sampleRate * bufferMs) / 1000) * this.numChannels;
    refuseTooLong(format, capacity);
    this.#native = fromNative(
      () => new native.NativeAudioTrack(this.sampleRate, this.numChannels, frameSizeMs, capacity, audioDoorbell),
    );
    this.#token = this.#native.token;
    this.#pcm = new PcmArguments(this.sampleRate, this.numChannels);
    const half = Math.floor((bufferMs * this.sampleRate) / 2000) * this.numChannels;
    this.#speaker = {
      append: (pcm, final) => this.#append(pcm, final),
      heardMs: (number) => this.#ms(native.trackHeard(this.#token, number)),
      writtenMs: () => this.#ms(native.trackWritten(this.#token)),
      whenHeard: (resolve, reject) => this.#whenHeard(native.trackWritten(this.#token), resolve, reject),
      room: () => new Promise((resolve, reject) => whenQueuedIs(this, half, resolve, reject)),
      blockMs: bufferMs / 4,
      ended: (utterance) => {
        if (this.#open === utterance) this.#open = undefined;
      },
      forget: (utterance) => {
        if (this.#open === utterance) this.#open = undefined;
        this.#utterances.delete(utterance);
        native.trackForget(this.#token, utterance.number);
      },
    };
    this.#receivers = new Waiters({
      poll: () => this.#nextFrame(),
      readable: () => this.#lookIn(native.trackDueIn(this.#token, performance.now() + EARLY_MS)),
      // A look that finds nothing has set the timer.
      listen: () => {},
      unlisten: () => clearTimeout(this.#timer),
    });
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
    const read = this.#pcm.read(pcm, options?.format);
    if (options !== undefined) optionsObject('options', options, { final: true, format: true });
    const final = options?.final ?? false;
    if (typeof final !== 'boolean') throw invalid('final', final, 'a boolean');
    if (this.#open) {
      throw new NarrowcastError('LOCKED', 'an utterance of say() is open: write to it, or end it first');
    }
    this.#append(read, final);
    if (final) this.#pcm.forget();
    else this.#pcm.keep(read);
  }

  #append({ data, sampleRate, channels }: ReadPcm, final: boolean): void {
    refuseChannels('channels', channels, this.numChannels);
    if (this.#ended) throw this.#closed();
    fromNative(() =>
      data instanceof Float32Array
        ? native.trackWriteFloat(this.#token, data, sampleRate, channels, final)
        : native.trackWrite(this.#token, data, sampleRate, channels, final),
    );
    if (this.#voice) {
      const { paused } = this;
      const ms = (data.length / channels / sampleRate) * 1000;
      if (ms > 0) this.#voice.wrote(ms, paused ? 0 : queuedMsOf(this));
      if (final || paused) this.#voice.end();
    }
    // It may have pushed out what a waiter waits for.
    if (this.#playouts.length > 0) this.#settlePlayouts();
  }

  /**
   * Begins an utterance, and ends the one before: what is heard of it is counted apart, and once it was interrupted, writing
   * to it is refused. See {@link Utterance}.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link stop}; `INVALID_ARGUMENT`
   */
  say(options: SayOptions = {}): Utterance {
    optionsObject<SayOptions>('options', options, { sampleRate: true, numChannels: true, format: true });
    const sampleRate = integer('sampleRate', options.sampleRate ?? this.sampleRate, 1, 768_000);
    const channels = integer('numChannels', options.numChannels ?? this.numChannels, 1, 64);
    refuseChannels('numChannels', channels, this.numChannels);
    if (this.#ended) throw this.#closed();
    this.#open?.end();
    this.#pcm.forget();
    const number = fromNative(() => native.trackBegin(this.#token));
    const utterance = new Utterance(this.#speaker, number, new PcmArguments(sampleRate, channels, options.format));
    this.#open = utterance;
    this.#utterances.add(utterance);
    return utterance;
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
    if (this.#ended) return Promise.reject(this.#closed());
    if (this.#piping) {
      return Promise.reject(
        new NarrowcastError('LOCKED', 'the track is being piped: abort pipeTo before you receive its frames'),
      );
    }
    return this.#receivers.next((frame) => frame as TimedAudioFrame);
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
    if (this.#ended) return { heardMs: 0, discardedMs: 0 };
    const { heard, discarded } = this.#giveUp();
    if (this.#piping) this.#wait();
    return { heardMs: this.#ms(heard), discardedMs: this.#ms(discarded) };
  }

  /** Nothing that was written is played any more. */
  #giveUp(reason?: unknown): Native.NativeInterruption {
    this.#settlePlayouts();
    const interruption = fromNative(() => native.trackInterrupt(this.#token));
    this.#piping?.player?.clear();
    this.#interrupted(reason);
    return interruption;
  }

  #interrupted(reason?: unknown): void {
    this.#voice?.cut();
    this.#pcm.forget();
    for (const utterance of this.#utterances) utterance.interrupted(reason);
    this.#dropPlayouts();
  }

  /**
   * Plays silence from now on and keeps what waits, for when the caller may be about to interrupt: {@link resume} goes on
   * with the next sample, {@link interrupt} gives it up and goes on as well. What waits in the source's own queue is still
   * heard: up to 20 ms, or 30 on a machine so busy that the native thread was late in the last 10 s. Twice: nothing.
   *
   * @throws {NarrowcastError} `CLOSED` after {@link stop}
   */
  pause(): void {
    this.#pause(true);
  }

  /** Goes on after {@link pause}, where it stopped. Twice: nothing. @throws {NarrowcastError} `CLOSED` after {@link stop} */
  resume(): void {
    this.#pause(false);
  }

  /** Whether {@link pause} was called, and neither {@link resume} nor {@link interrupt} after it. */
  get paused(): boolean {
    return this.#native.paused;
  }

  /**
   * Ends the track for good, and at once: what waits is thrown away. Pending calls of {@link recv} reject with `CLOSED`,
   * {@link waitForPlayout} and {@link pipeTo} resolve. Twice: nothing. To have everything heard, wait for
   * {@link waitForPlayout} first.
   */
  stop(): void {
    if (this.#ended) return;
    this.#settlePlayouts();
    // What waits in the source's queue is heard.
    if (this.#piping) fromNative(() => this.#native.unpipe(false));
    this.#interrupted();
    this.#ended = true;
    closed(this);
    this.#native.stop();
    stopWaiting(this.#token);
    this.#receivers.fail(this.#closed());
    this.#unpiped()?.resolve();
  }

  /** `'live'` until {@link stop}. */
  get readyState(): 'live' | 'ended' {
    return this.#ended ? 'ended' : 'live';
  }

  /** What was written and waits to be played, in ms. */
  get bufferedMs(): number {
    return this.#ms(this.#native.buffered);
  }

  /**
   * What the listener has heard of all that was ever written, in ms: without silence, without what was flushed or dropped,
   * and without what still waits in the queue of the source that the track is piped to.
   */
  get playedMs(): number {
    return this.#ms(this.#native.heard);
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
  async waitForPlayout(): Promise<void> {
    this.#voice?.end();
    await new Promise<boolean>((resolve, reject) => this.#whenHeard(native.trackWritten(this.#token), resolve, reject));
  }

  /** Calls one of them once: when everything before a position was heard or is gone, or the engine has refused it. */
  #whenHeard(position: number, resolve: Playout['resolve'], reject: Playout['reject']): void {
    if (native.trackHasPlayed(this.#token, position)) return resolve(true);
    const after = this.#playouts.findIndex((playout) => playout.position > position);
    this.#playouts.splice(after === -1 ? this.#playouts.length : after, 0, { position, resolve, reject });
    if (this.#piping) this.#wait();
  }

  #pause(paused: boolean): void {
    if (this.#ended) throw this.#closed();
    fromNative(() => native.trackPause(this.#token, paused));
    this.#voice?.cut();
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
   * Plays the track to a far side that plays by a clock of its own, like a phone behind a WebSocket: whole frames, resampled and
   * encoded natively, ahead of their time. A native clock says when, and does not drift; JavaScript is woken once for each
   * `leadMs`, and sends that much at once. Nothing is sent while there is nothing to say. {@link playedMs}, marks and
   * {@link waitForPlayout} reckon when the far side plays a frame, or ask it: see {@link FrameSink}.
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
  async pipeTo(target: PipeTarget | SinkTarget, options: SinkOptions = {}): Promise<void> {
    if (typeof target === 'object' && target !== null && 'ffiHandle' in target) {
      return this.#pipeToSource(target as PipeTarget, options);
    }
    const sink = checkSink(target as SinkTarget, options, this.sampleRate);
    this.#refusePiping(sink.signal);
    const room = fromNative(() => this.#native.pipeToSink(sink.settings));
    let player: SinkPlayer | undefined;
    const listener = {
      ready: () => this.#piping?.player === player && this.#rang(),
      fail: (reason: unknown) => this.#piping?.player === player && this.#fail(reason),
    };
    try {
      player = new SinkPlayer(sink, this.#token, room, listener);
    } catch (error) {
      // A WritableStream that is locked.
      fromNative(() => this.#native.unpipe(true));
      throw error;
    }
    await this.#pipe({ player }, sink.signal);
  }

  async #pipeToSource(source: PipeTarget, options: { signal?: AbortSignal }): Promise<void> {
    optionsObject('options', options, { signal: true });
    const { signal } = options;
    optionalSignal(signal);
    const handle = this.#handleOf(source);
    this.#refusePiping(signal);
    // The engine takes twice the queue, and puts off its answer while more than the queue is there.
    const room = Math.floor((2 * (source.queueSize ?? Infinity)) / CHUNK_MS);
    const [usual, busy] = this.#playOnly
      ? [this.#playOnly.lead, this.#playOnly.lead]
      : [Math.min(QUEUE_LEAD, room), Math.min(QUEUE_LEAD + 1, room)];
    const feed = source[FEED];
    if (feed && #playOnly in feed) feed.#playOnly?.makeWay();
    fromNative(() => this.#native.pipe(handle, usual, busy, !this.#playOnly));
    await this.#pipe({ source }, signal);
  }

  #refusePiping(signal: AbortSignal | undefined): void {
    if (this.#ended) throw this.#closed();
    if (this.#piping) throw new NarrowcastError('LOCKED', 'the track is being piped already: abort that first');
    if (this.#receivers.pending) {
      throw new NarrowcastError('LOCKED', 'a recv() is pending: wait for it before you pipe the track');
    }
    signal?.throwIfAborted();
  }

  /** Until the track is piped no more. */
  #pipe(target: Pick<Piping, 'source' | 'player'>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const unlisten = signal ? onAbort(signal, () => this.#stopPiping(signal.reason)) : () => {};
      this.#piping = { ...target, resolve, reject, unlisten };
      const { source } = target;
      if (source && !this.#playOnly) this.#voice = new Voice(this);
      if (source && FEED in source) source[FEED] = this;
      this.#wait();
    });
  }

  /** What happened so far. */
  stats(): AudioStreamTrackStats {
    const { bufferedSamples, ...counts } = this.#native.stats();
    const stalls = this.#piping?.player?.stalls;
    const sinkStalls = stalls === undefined ? this.#sinkStalls : (this.#sinkStalls ?? 0) + stalls;
    return { bufferedMs: this.#ms(bufferedSamples), ...counts, ...(sinkStalls !== undefined && { sinkStalls }) };
  }

  #nextFrame(): TimedAudioFrame | typeof NOTHING {
    const data = (this.#spare ??= new Int16Array(this.#samplesPerChannel * this.numChannels));
    if (!this.#lookIn(native.trackRecv(this.#token, data, performance.now() + EARLY_MS))) return NOTHING;
    this.#spare = undefined;
    const samples = this.#samplesPerChannel;
    const frame = new TimedAudioFrame(data, this.sampleRate, this.numChannels, samples, this.#pts);
    this.#pts += samples;
    if (this.#playouts.length > 0) this.#settlePlayouts();
    return frame;
  }

  /** Whether a frame is due that is due in `ms`. If not, the receivers look again when it is. */
  #lookIn(ms: number): boolean {
    if (ms > 0) this.#timer = setTimeout(this.#due, Math.ceil(ms));
    return ms <= 0;
  }

  /** Resolves those that wait for what was played by now. */
  #settlePlayouts(): void {
    while (this.#playouts.length > 0 && native.trackHasPlayed(this.#token, this.#playouts[0]!.position)) {
      this.#playouts.shift()!.resolve(true);
    }
  }

  /** Resolves those that wait for what was thrown away. */
  #dropPlayouts(): void {
    for (const { resolve } of this.#playouts.splice(0)) resolve(false);
  }

  /** While it is piped: waits for the first position that a program waits for, or for nothing but the end. */
  #wait(): void {
    stopWaiting(this.#token);
    do this.#settlePlayouts();
    while (!native.trackWaitFor(this.#token, this.#playouts[0]?.position ?? NEVER) && this.#playouts.length > 0);
    startWaiting(this.#token, this.#playouts.length > 0 ? this.#pipedAwaited : this.#piped);
    const player = this.#piping?.player;
    if (player) player.wait(this.#playouts);
    // Refused before the doorbell was armed?
    else if (native.trackWasRefused(this.#token)) this.#refused();
  }

  #rang(): void {
    if (!this.#piping) return;
    const { player } = this.#piping;
    if (!player) this.#tellLate();
    if (!player) return native.trackWasRefused(this.#token) ? this.#refused() : this.#wait();
    try {
      this.#settlePlayouts();
      player.play(this.#playouts);
    } catch (error) {
      return this.#fail(error);
    }
    // The sink may have stopped the track.
    if (this.#piping?.player === player) this.#wait();
  }

  /** Tells of a gap that the native thread has made. */
  #tellLate(): void {
    const ms = native.trackLate(this.#token) - this.#lateMs;
    if (ms <= 0) return;
    this.#lateMs += ms;
    (this.#playOnly ?? this.#voice)?.late(ms);
  }

  #refused(): void {
    const { refusal } = this.#native;
    const why = refusal === null ? 'it was closed, or the engine was disposed of' : `it said: ${refusal}`;
    this.#fail(new NarrowcastError('ENGINE_REQUEST_FAILED', `the engine takes no more audio for this source: ${why}`));
  }

  /** What the track is piped to takes nothing any more. */
  #fail(reason: unknown): void {
    // First: what it refused is not played, and settled all the same.
    for (const { reject } of this.#playouts.splice(0)) reject(reason);
    fromNative(() => this.#native.unpipe(true));
    // Of an utterance that is over, no late piece is heard from another source.
    if (this.#utterances.size > 0) this.#giveUp(reason);
    this.#stopPiping(reason);
  }

  #stopPiping(reason: unknown): void {
    fromNative(() => this.#native.unpipe(false));
    stopWaiting(this.#token);
    // The frame that was on its way counts as played now, and the doorbell rings for it no more.
    this.#settlePlayouts();
    this.#unpiped()?.reject(reason);
  }

  #unpiped(): Piping | undefined {
    const piping = this.#piping;
    this.#piping = undefined;
    this.#voice = undefined;
    piping?.unlisten();
    if (piping?.source && FEED in piping.source) piping.source[FEED] = undefined;
    piping?.player?.release();
    if (piping?.player) this.#sinkStalls = (this.#sinkStalls ?? 0) + piping.player.stalls;
    return piping;
  }

  #handleOf(source: PipeTarget): bigint {
    const { ffiHandle, closed } = Object(source) as { ffiHandle?: { handle?: unknown }; closed?: unknown };
    const handle = ffiHandle?.handle;
    if (typeof handle !== 'bigint') throw invalid('source', source, 'an AudioSource of @livekit/rtc-node');
    if (closed === true) throw new NarrowcastError('CLOSED', 'the source is closed: pipe to an open one');
    const { sampleRate, numChannels } = source;
    if (sampleRate !== this.sampleRate || numChannels !== this.numChannels) {
      throw invalid(
        'source',
        `one of ${sampleRate} Hz with ${numChannels} channels`,
        `one of ${this.sampleRate} Hz with ${this.numChannels}, as the track has`,
      );
    }
    if (this.bufferMs < CHUNK_MS) {
      throw new NarrowcastError(
        'INVALID_ARGUMENT',
        `the track buffers ${this.bufferMs} ms, and is piped in chunks of ${CHUNK_MS}: make it with a larger bufferMs`,
      );
    }
    if (sampleRate % 100 !== 0 && !this.#playOnly) throw invalid('source.sampleRate', sampleRate, 'a multiple of 100');
    return handle;
  }

  #ms(samples: number): number {
    return (samples / this.numChannels / this.sampleRate) * 1000;
  }

  #closed(): NarrowcastError {
    return new NarrowcastError('CLOSED', 'the track was stopped: make another one');
  }
}
