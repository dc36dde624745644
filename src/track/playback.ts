import { fromNative } from '../errors.js';
import { native } from '../native.js';
import type { SinkOptions, SinkTarget } from '../paced-sink.js';
import type { NativeTrack } from './native-track.js';
import { Pipe, type Parties, type SourceFrames } from './pipe.js';
import type { Interruption, PipedTrack, PipeTarget } from './pipe-target.js';
import { Playouts } from './playouts.js';

/** How the frames of a source are played, see {@link SourceFrames}. */
export interface FramesOfSource extends SourceFrames {
  /** How long the rest of a chunk is waited for, in ms. */
  readonly restTimeoutMs: number;
  /** See {@link PipedTrack.makeWay}. */
  readonly makeWay: () => void;
}

/** What a track plays: how much of it was heard, who waits for that, and where it is piped. */
export class Playback implements PipedTrack {
  readonly track: NativeTrack;
  readonly playouts: Playouts;
  readonly pipe: Pipe;
  readonly makeWay?: () => void;
  readonly #token: number;
  readonly #parties: Parties;

  constructor(track: NativeTrack, parties: Parties, ofSource?: FramesOfSource) {
    this.track = track;
    this.#token = track.token;
    this.#parties = parties;
    this.playouts = new Playouts(track.token);
    this.pipe = new Pipe(track, this.playouts, parties, (reason) => this.#refused(reason), ofSource);
    if (!ofSource) return;
    this.makeWay = ofSource.makeWay;
    native.trackRestTimeout(track.token, ofSource.restTimeoutMs);
  }

  /** What waits to be heard, in ms: in the track, and in the queue of the source that it is piped to. */
  get queuedMs(): number {
    return this.track.ms(native.trackQueued(this.#token));
  }

  /** Appends samples of the track's kind, and returns how many wait to be heard. They must fit. */
  capture(pcm: Int16Array): number {
    return fromNative(() => native.trackCapture(this.#token, pcm));
  }

  /** The program wrote so much, as the end of an utterance or not. */
  wrote(ms: number, final: boolean): void {
    const { voice } = this.pipe;
    if (voice) {
      const { paused } = this.track.native;
      if (ms > 0) voice.wrote(ms, paused ? 0 : this.queuedMs);
      if (final || paused) voice.end();
    }
    // It may have pushed out what a waiter waits for.
    if (!this.playouts.isEmpty) this.playouts.settle();
  }

  /** Gives up what was written. */
  interrupt(): Interruption {
    if (this.track.ended) return { heardMs: 0, discardedMs: 0 };
    const { heard, discarded } = this.#giveUp();
    this.pipe.wait();
    return { heardMs: this.track.ms(heard), discardedMs: this.track.ms(discarded) };
  }

  /** Plays silence and keeps what waits, or goes on. */
  pause(paused: boolean): void {
    this.track.refuseEnded();
    fromNative(() => native.trackPause(this.#token, paused));
    this.pipe.voice?.cut();
  }

  /** Ends the track: what waits is thrown away. Twice: nothing. */
  stop(): void {
    if (this.track.ended) return;
    this.playouts.settle();
    // What waits in the source's queue is heard.
    this.pipe.unpipe();
    this.#interrupted();
    this.track.ended = true;
    this.track.native.stop();
    this.pipe.stop();
  }

  /** Resolves when everything that was written so far was played, or is gone. */
  async waitForPlayout(): Promise<void> {
    this.pipe.voice?.end();
    await new Promise<boolean>((resolve, reject) => this.whenHeard(resolve, reject));
  }

  /** Calls one of them once: when all that was written so far was heard or is gone, or the engine has refused it. */
  whenHeard(resolve: (heard: boolean) => void, reject: (reason: unknown) => void): void {
    this.whenQueuedIs(0, resolve, reject);
  }

  /** The same when no more than `samples` of it wait to be heard. */
  whenQueuedIs(samples: number, resolve: (heard: boolean) => void, reject: (reason: unknown) => void): void {
    const position = Math.max(native.trackWritten(this.#token) - samples, 0);
    if (this.playouts.wait(position, resolve, reject)) this.pipe.wait();
  }

  /** Resolves when the track was stopped. */
  pipeTo(target: PipeTarget | SinkTarget, options: SinkOptions): Promise<void> {
    return typeof target === 'object' && target !== null && 'ffiHandle' in target
      ? this.pipe.toSource(this, target as PipeTarget, options)
      : this.pipe.toSink(target as SinkTarget, options);
  }

  /** Nothing that was written is played any more. */
  #giveUp(reason?: unknown) {
    this.playouts.settle();
    const interruption = fromNative(() => native.trackInterrupt(this.#token));
    this.pipe.clearSink();
    this.#interrupted(reason);
    return interruption;
  }

  #interrupted(reason?: unknown): void {
    this.pipe.voice?.cut();
    this.#parties.interrupted(reason);
    this.playouts.drop();
  }

  /** Of an utterance that is over, no late piece is heard from another source. */
  #refused(reason: unknown): void {
    if (this.#parties.isSpeaking()) this.#giveUp(reason);
  }
}
