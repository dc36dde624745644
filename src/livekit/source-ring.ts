import {
  AudioStreamTrack,
  captureInto,
  playOnly,
  queuedMsOf,
  whenQueuedIs,
  type Interruption,
  type PipeTarget,
} from '../audio-stream-track.js';
import { hide } from '../diagnostics/alive.js';
import { Voice } from '../diagnostics/underruns.js';
import { NarrowcastError } from '../errors.js';
import { MAX_SAMPLES } from '../pcm-format.js';

/** Most of a frame that is written at once, in ms: the rest of a longer one follows. */
const PIECE_MS = 5000;

/** Room in the ring beyond the limit, in ms: for a frame that waits, and for a piece before the rest of it. */
const BEYOND_MS = 2 * PIECE_MS;

/** Longest ring, in ms. */
const LONGEST_MS = 600_000;

/** How long the rest of 10 ms is waited for once the engine has played all else, in ms. */
const PATIENCE_MS = 10;

/** Most that is kept in the engine's queue, in ms: longer than the native thread is ever late. */
const LEAD_MS = 200;

/** How long the native thread keeps a source that is silent, in ms. It does nothing for it meanwhile. */
const LINGER_MS = 500;

/** Ends of frames that are remembered at most before those are dropped that were heard. */
const ENDS = 1024;

/** Frames of an `AudioSource` that wait natively, and are played by the native thread that plays tracks. */
export class SourceRing {
  /** The engine's own queue of the source, in ms: with room for more than is ever put there. */
  static readonly ENGINE_QUEUE_MS = 500;

  readonly track: AudioStreamTrack;
  /** What is known of gaps in it. */
  readonly voice: Voice;
  readonly #source: PipeTarget & { readonly closed: boolean };
  /** Most that is taken before `capture` waits, in ms and in samples. */
  readonly #limitMs: number;
  readonly #limit: number;
  readonly #on: { drained(): void; lost(frames: number): void };
  #piping: AbortController | undefined;
  /** Runs while the native thread keeps the source, and there is nothing to play. */
  #lingering: ReturnType<typeof setTimeout> | undefined;
  /** Why the engine took no more, until a capture was told. */
  #failure: unknown;
  #waits = false;
  /** Samples that were written so far, and where frames end of those that may not have been heard yet. */
  #written = 0;
  #ends: number[] = [];

  /** Longest queue of a source, in ms. */
  static mostMs(sampleRate: number, numChannels: number): number {
    const most = Math.floor((MAX_SAMPLES / sampleRate / numChannels) * 100) * 10 - BEYOND_MS;
    return Math.min(most, LONGEST_MS);
  }

  /**
   * @param limitMs the source's own queue, and its speech buffer
   * @param on called when all was heard; and when the engine refused frames that had been taken
   */
  constructor(
    source: PipeTarget & { readonly closed: boolean },
    limitMs: number,
    on: { drained(): void; lost(frames: number): void },
  ) {
    this.#source = source;
    this.voice = new Voice(source);
    const { sampleRate, numChannels } = source;
    this.#limitMs = Math.min(limitMs, SourceRing.mostMs(sampleRate, numChannels), LONGEST_MS - BEYOND_MS);
    this.#limit = Math.floor((this.#limitMs * sampleRate) / 1000) * numChannels;
    this.#on = on;
    const bufferMs = this.#limitMs + BEYOND_MS;
    this.track = new AudioStreamTrack({ sampleRate, numChannels, frameSizeMs: 10, bufferMs });
    // Half of the queue stays in the ring: it is not empty between two frames.
    const lead = Math.max(2, Math.floor(Math.min(LEAD_MS, this.#limitMs / 2) / 10));
    playOnly(this.track, { patienceMs: PATIENCE_MS, lead, makeWay: () => this.#makeWay() });
    // To `inspect()`, it is a part of the source.
    hide(this.track);
  }

  /** Whether anything waits to be heard. */
  get isPlaying(): boolean {
    return queuedMsOf(this.track) > 0;
  }

  /**
   * Takes samples of the source's kind, at once or when no more than the limit waits. Gives the engine's words for a full
   * queue if another frame waits already.
   */
  capture(pcm: Int16Array): Promise<string | undefined> | string | undefined {
    if (this.#waits) return 'InvalidState - failed to capture frame';
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    if (pcm.length > this.#piece) return this.#captureLong(pcm);
    if (this.#write(pcm) > this.#limit) return this.#whenTaken(this.#limitMs);
    this.#taken();
    return undefined;
  }

  /** Samples of a piece. */
  get #piece(): number {
    return ((this.track.sampleRate * PIECE_MS) / 1000) * this.track.numChannels;
  }

  async #captureLong(pcm: Int16Array): Promise<string | undefined> {
    const piece = this.#piece;
    for (let at = 0; at < pcm.length; at += piece) {
      const queued = this.#write(pcm.subarray(at, at + piece));
      const isLast = at + piece >= pcm.length;
      // Before the last, a piece waits: a thread that is blocked makes no gap in a long frame.
      const limitMs = isLast ? this.#limitMs : Math.max(this.#limitMs, PIECE_MS);
      if (queued > (limitMs / this.#limitMs) * this.#limit && !(await this.#whenRoom(limitMs))) break;
    }
    this.#taken();
    return undefined;
  }

  async #whenTaken(limitMs: number): Promise<undefined> {
    await this.#whenRoom(limitMs);
    this.#taken();
  }

  /** Resolves with whether it is worth while to go on. */
  async #whenRoom(ms: number): Promise<boolean> {
    this.#waits = true;
    try {
      // What was thrown away is not gone on with.
      return (await whenQueuedIs(this.track, ms)) && !this.#source.closed;
    } catch (reason) {
      // This capture was told.
      this.#failure = undefined;
      throw reason;
    } finally {
      this.#waits = false;
    }
  }

  /** Returns how many samples wait then. */
  #write(pcm: Int16Array): number {
    const queued = captureInto(this.track, pcm);
    const { sampleRate, numChannels } = this.track;
    const perMs = (sampleRate * numChannels) / 1000;
    this.voice.wrote(pcm.length / perMs, queued / perMs);
    this.#written += pcm.length;
    if (this.#lingering) this.#watch(this.#piping!);
    else if (!this.#piping) this.#pipe();
    return queued;
  }

  #taken(): void {
    this.#ends.push(this.#written);
    if (this.#ends.length <= ENDS) return;
    const heard = this.#written - queuedMsOf(this.track) * (this.track.sampleRate / 1000) * this.track.numChannels;
    this.#ends = this.#ends.filter((end) => end > heard);
  }

  /** Throws away what waits. */
  interrupt(): Interruption {
    this.voice.cut();
    this.#ends = [];
    return this.track.interrupt();
  }

  /** Resolves when all was heard, or is gone. */
  async drained(): Promise<void> {
    do await this.track.waitForPlayout().catch(() => {});
    while (this.isPlaying && this.#piping);
  }

  #pipe(): void {
    const piping = new AbortController();
    this.#piping = piping;
    this.track.pipeTo(this.#source, { signal: piping.signal }).catch((reason: unknown) => {
      if (piping.signal.aborted) return;
      this.#piping = undefined;
      this.#refused(reason);
    });
    this.#watch(piping);
  }

  /** The native thread is told when it has nothing more to do for the source. */
  #watch(piping: AbortController): void {
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    void (async () => {
      await this.drained();
      if (this.#piping !== piping || this.#lingering) return;
      this.#lingering = setTimeout(() => this.#makeWay(), LINGER_MS).unref();
      this.#on.drained();
    })();
  }

  /** Another track may be piped to the source, unless this has something to play. */
  #makeWay(): void {
    const piping = this.#piping;
    if (!piping || this.isPlaying) return;
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#piping = undefined;
    piping.abort();
  }

  #refused(reason: unknown): void {
    this.#failure = reason;
    const { sampleRate, numChannels } = this.track;
    const { samplesRefused } = this.track.stats();
    const discarded = Math.round((this.track.interrupt().discardedMs * sampleRate) / 1000) * numChannels;
    const from = this.#written - discarded - samplesRefused;
    const lost = this.#ends.filter((end) => end > from).length;
    this.#ends = [];
    this.#on.lost(lost);
    this.#on.drained();
  }

  /** Nothing more is played. */
  stop(): void {
    clearTimeout(this.#lingering);
    this.track.stop();
  }
}

/** A capture while another track is piped to the source. */
export function locked(): NarrowcastError {
  return new NarrowcastError('LOCKED', 'a track is piped to this source: write to the track, or abort pipeTo first');
}
