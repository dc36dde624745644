import { onAbort } from '../abort.js';
import { Voice } from '../diagnostics/underruns.js';
import { startWaiting, stopWaiting, type Waiting } from '../doorbell.js';
import { fromNative, NarrowcastError } from '../errors.js';
import { native } from '../native.js';
import { checkSink, NEVER, SinkPlayer, type SinkOptions, type SinkTarget } from '../paced-sink.js';
import { optionalSignal, optionsObject } from '../validate.js';
import type { NativeTrack } from './native-track.js';
import { checkSource, CHUNK_MS, PIPED_TRACK, type PipedTrack, type PipeTarget } from './pipe-target.js';
import type { Playouts } from './playouts.js';

/**
 * Chunks of 10 ms of speech that are kept in a source's own queue, where it has one: the engine empties it by a clock of
 * its own, and what comes a ms too late for that would be a gap. One more where the native thread is late.
 */
const QUEUE_LEAD = 2;

/** Of a track that plays the frames of one source: it gets no silence, and the native thread sleeps while there is nothing
 * to play. */
export interface SourceFrames {
  /** Chunks that are kept in the queue of the source. */
  readonly lead: number;
  /** Called with the length of a gap, in ms, that the native thread has made by coming late. */
  readonly late: (ms: number) => void;
}

/** What writes to a track, and receives from it, beside its playback. */
export interface Parties {
  /** Whether a program waits for a frame itself. */
  isReceiving(): boolean;
  /** Whether an utterance is not over yet. */
  isSpeaking(): boolean;
  /** What was written is not played any more. */
  interrupted(reason: unknown): void;
}

/** Where a track goes, until it is piped no more. */
interface Piping {
  /** The engine's source lives as long as this. */
  readonly source?: PipeTarget;
  /** In its place: a sink. */
  readonly player?: SinkPlayer;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly unlisten: () => void;
}

/** Plays a track to a source or a sink, by a native thread. */
export class Pipe {
  readonly #track: NativeTrack;
  readonly #playouts: Playouts;
  readonly #ofSource: SourceFrames | undefined;
  readonly #parties: Parties;
  /** Called when the engine or the sink refuses what is played. */
  readonly #refused: (reason: unknown) => void;
  #piping: Piping | undefined;
  /** Of sinks that it is piped to no more. */
  #sinkStalls: number | undefined;
  /** Gaps by the native thread that were told of, in ms. */
  #lateMs = 0;
  /** While it is piped to a source: what is known of gaps in what it says. A source's own track has none: the source does
   * that. */
  voice: Voice | undefined;
  /** Rung when what {@link Playouts} wait for was played, or the source is gone. */
  readonly #waiting: Waiting = { ready: () => this.#rang() };
  /** The same while a program waits, which ends: the process stays alive for it. */
  readonly #awaited: Waiting = { keepsAlive: 'always', ready: () => this.#rang() };

  constructor(
    track: NativeTrack,
    playouts: Playouts,
    parties: Parties,
    refused: (reason: unknown) => void,
    ofSource: SourceFrames | undefined,
  ) {
    this.#track = track;
    this.#playouts = playouts;
    this.#parties = parties;
    this.#refused = refused;
    this.#ofSource = ofSource;
  }

  /** Whether the track is piped. */
  get isPiped(): boolean {
    return this.#piping !== undefined;
  }

  /** How often sinks took nothing when it was their turn; undefined if there was no sink. */
  get sinkStalls(): number | undefined {
    const stalls = this.#piping?.player?.stalls;
    return stalls === undefined ? this.#sinkStalls : (this.#sinkStalls ?? 0) + stalls;
  }

  /** Resolves when the track was stopped, and rejects when it is piped no more for another reason. */
  async toSource(piped: PipedTrack, source: PipeTarget, options: { signal?: AbortSignal }): Promise<void> {
    optionsObject('options', options, { signal: true });
    const { signal } = options;
    optionalSignal(signal);
    const handle = checkSource(source, this.#track, this.#ofSource !== undefined);
    this.#refuse(signal);
    // The engine takes twice the queue, and puts off its answer while more than the queue is there.
    const room = Math.floor((2 * (source.queueSize ?? Infinity)) / CHUNK_MS);
    const [usual, busy] = this.#ofSource
      ? [this.#ofSource.lead, this.#ofSource.lead]
      : [Math.min(QUEUE_LEAD, room), Math.min(QUEUE_LEAD + 1, room)];
    source[PIPED_TRACK]?.makeWay?.();
    fromNative(() => this.#track.native.pipe(handle, usual, busy, !this.#ofSource));
    if (!this.#ofSource) this.voice = new Voice(this.#track.owner);
    if (PIPED_TRACK in source) source[PIPED_TRACK] = piped;
    await this.#begin({ source }, signal);
  }

  /** As {@link toSource}. */
  async toSink(target: SinkTarget, options: SinkOptions): Promise<void> {
    const sink = checkSink(target, options, this.#track.sampleRate);
    this.#refuse(sink.signal);
    const room = fromNative(() => this.#track.native.pipeToSink(sink.settings));
    let player: SinkPlayer | undefined;
    const listener = {
      ready: () => this.#piping?.player === player && this.#rang(),
      fail: (reason: unknown) => this.#piping?.player === player && this.#fail(reason),
    };
    try {
      player = new SinkPlayer(sink, this.#track.token, room, listener);
    } catch (error) {
      // A WritableStream that is locked.
      fromNative(() => this.#track.native.unpipe(true));
      throw error;
    }
    await this.#begin({ player }, sink.signal);
  }

  /** What the sink was given and has not played is not to be heard. */
  clearSink(): void {
    this.#piping?.player?.clear();
  }

  /** While it is piped: waits for the first position that a program waits for, or for nothing but the end. */
  wait(): void {
    if (!this.#piping) return;
    const { token } = this.#track;
    stopWaiting(token);
    do this.#playouts.settle();
    while (!native.trackWaitFor(token, this.#playouts.positions[0]?.position ?? NEVER) && !this.#playouts.isEmpty);
    startWaiting(token, this.#playouts.isEmpty ? this.#waiting : this.#awaited);
    const { player } = this.#piping;
    if (player) player.wait(this.#playouts.positions);
    // Refused before the doorbell was armed?
    else if (native.trackWasRefused(token)) this.#failRefused();
  }

  /** The track was stopped, and so is this. What waits in the source's queue is heard. */
  stop(): void {
    stopWaiting(this.#track.token);
    this.#end()?.resolve();
  }

  /** Natively, the track is piped no more. */
  unpipe(): void {
    if (this.#piping) fromNative(() => this.#track.native.unpipe(false));
  }

  #refuse(signal: AbortSignal | undefined): void {
    this.#track.refuseEnded();
    if (this.#piping) throw new NarrowcastError('LOCKED', 'the track is being piped already: abort that first');
    if (this.#parties.isReceiving()) {
      throw new NarrowcastError('LOCKED', 'a recv() is pending: wait for it before you pipe the track');
    }
    signal?.throwIfAborted();
  }

  /** Until the track is piped no more. */
  #begin(target: Pick<Piping, 'source' | 'player'>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const unlisten = signal ? onAbort(signal, () => this.#abort(signal.reason)) : () => {};
      this.#piping = { ...target, resolve, reject, unlisten };
      this.wait();
    });
  }

  #rang(): void {
    if (!this.#piping) return;
    const { player } = this.#piping;
    if (!player) this.#tellLate();
    if (!player) return native.trackWasRefused(this.#track.token) ? this.#failRefused() : this.wait();
    try {
      this.#playouts.settle();
      player.play(this.#playouts.positions);
    } catch (error) {
      return this.#fail(error);
    }
    // The sink may have stopped the track.
    if (this.#piping?.player === player) this.wait();
  }

  /** Tells of a gap that the native thread has made. */
  #tellLate(): void {
    const ms = native.trackLate(this.#track.token) - this.#lateMs;
    if (ms <= 0) return;
    this.#lateMs += ms;
    (this.#ofSource ?? this.voice)?.late(ms);
  }

  #failRefused(): void {
    const { refusal } = this.#track.native;
    const why = refusal === null ? 'it was closed, or the engine was disposed of' : `it said: ${refusal}`;
    this.#fail(new NarrowcastError('ENGINE_REQUEST_FAILED', `the engine takes no more audio for this source: ${why}`));
  }

  /** What the track is piped to takes nothing any more. */
  #fail(reason: unknown): void {
    // First: what it refused is not played, and settled all the same.
    this.#playouts.fail(reason);
    fromNative(() => this.#track.native.unpipe(true));
    this.#refused(reason);
    this.#abort(reason);
  }

  #abort(reason: unknown): void {
    fromNative(() => this.#track.native.unpipe(false));
    stopWaiting(this.#track.token);
    // The frame that was on its way counts as played now, and the doorbell rings for it no more.
    this.#playouts.settle();
    this.#end()?.reject(reason);
  }

  #end(): Piping | undefined {
    const piping = this.#piping;
    this.#piping = undefined;
    this.voice = undefined;
    piping?.unlisten();
    if (piping?.source && PIPED_TRACK in piping.source) piping.source[PIPED_TRACK] = undefined;
    piping?.player?.release();
    if (piping?.player) this.#sinkStalls = (this.#sinkStalls ?? 0) + piping.player.stalls;
    return piping;
  }
}
