import { Voice } from '../diagnostics/underruns.js';
import { NarrowcastError } from '../errors.js';
import { MAX_SAMPLES } from '../pcm-format.js';
import { NativeTrack } from '../track/native-track.js';
import type { Interruption, PipeTarget } from '../track/pipe-target.js';
import { Playback } from '../track/playback.js';

/** Most of a frame that is written at once, in ms: the rest of a longer one follows. */
const PIECE_MS = 5000;

/** Room in the ring beyond the limit, in ms: for a frame that waits, and for a piece before the rest of it. */
const BEYOND_MS = 2 * PIECE_MS;

/** Longest ring, in ms. */
const LONGEST_MS = 600_000;

/** How long the rest of 10 ms is waited for once the engine has played all else, in ms. */
const REST_TIMEOUT_MS = 10;

/**
 * Most that is kept in the engine's queue, in ms. If the process is stopped for a while, the engine makes up for the time by
 * what is there.
 */
const LEAD_MS = 1000;

/** What stays in the ring of a long queue, in ms: it is not empty between two frames, so not each one wakes the native thread. */
const KEPT_MS = 30;

/** Up to this length, in ms, all of a queue is kept in the engine's. */
const WHOLE_LEAD_MS = 100;

/** What a frame usually holds, in ms: so much is taken beyond the limit, before the program waits. */
const FRAME_MS = 10;

/** How long the native thread keeps a source that is silent, in ms. It does nothing for it meanwhile. */
const LINGER_MS = 500;

/** Ends of frames that are remembered before those are dropped that were heard. With a long queue it is twice what is left then. */
const ENDS = 1024;

/** Only the source writes to its ring, and only the engine plays it. */
const ALONE = { isReceiving: () => false, isSpeaking: () => false, interrupted() {} };

/** Frames of an `AudioSource` that wait natively, and are played by the native thread that plays tracks. */
export class SourceRing {
  /** The engine's own queue of the source, in ms: with room for more than is ever put there. */
  static readonly ENGINE_QUEUE_MS = 1500;

  readonly playback: Playback;
  /** What is known of gaps in it. */
  readonly voice: Voice;
  readonly #source: PipeTarget & { readonly closed: boolean };
  /** Most samples that are taken before `capture` waits. */
  readonly #limit: number;
  /** Samples of a piece. */
  readonly #piece: number;
  readonly #on: { drained(): void; lost(frames: number): void };
  #piping: AbortController | undefined;
  /** Runs while the native thread keeps the source, and there is nothing to play. */
  #lingering: ReturnType<typeof setTimeout> | undefined;
  /** Why the engine took no more, until a capture was told. And what the last capture was told that waited. */
  #failure: unknown;
  #told: unknown;
  /** Samples that the engine had refused by then. */
  #refusedSamples = 0;
  #waits = false;
  /** Samples that were written so far, and where frames end of those that may not have been heard yet. */
  #written = 0;
  #ends: number[] = [];
  #mostEnds = ENDS;

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
    const mostMs = Math.min(limitMs, SourceRing.mostMs(sampleRate, numChannels), LONGEST_MS - BEYOND_MS);
    const samplesIn = (ms: number) => Math.floor((ms * sampleRate) / 1000) * numChannels;
    this.#limit = samplesIn(mostMs);
    this.#piece = samplesIn(PIECE_MS);
    this.#on = on;
    const bufferMs = mostMs + BEYOND_MS;
    const track = new NativeTrack(source, { sampleRate, numChannels, frameSizeMs: 10, bufferMs });
    // As rtc-node does, which keeps all of a queue there.
    const leadMs = Math.max(Math.min(LEAD_MS, mostMs - KEPT_MS), Math.min(WHOLE_LEAD_MS, mostMs + FRAME_MS));
    const lead = Math.floor(leadMs / 10);
    this.playback = new Playback(track, ALONE, {
      restTimeoutMs: REST_TIMEOUT_MS,
      lead,
      makeWay: () => this.#makeWay(),
      late: (ms) => this.voice.late(ms),
    });
  }

  /** Whether anything waits to be heard. */
  get isPlaying(): boolean {
    return this.playback.queuedMs > 0;
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
    return this.#write(pcm) > this.#limit ? this.#whenTaken() : this.#taken();
  }

  async #captureLong(pcm: Int16Array): Promise<undefined> {
    const piece = this.#piece;
    // Before the last, a piece waits: a thread that is blocked makes no gap in a long frame.
    const limit = Math.max(this.#limit, piece);
    let rest = pcm;
    while (rest.length > piece) {
      const isFull = this.#write(rest.subarray(0, piece)) > limit;
      rest = rest.subarray(piece);
      if (!isFull) continue;
      // The caller's memory is the caller's again as soon as this thread goes on with something else.
      if (rest.buffer === pcm.buffer) rest = rest.slice();
      // What was thrown away is not gone on with.
      if (!(await this.#whenRoom(limit)) || this.#source.closed) return this.#taken();
    }
    return this.#write(rest) > this.#limit ? this.#whenTaken() : this.#taken();
  }

  async #whenTaken(): Promise<undefined> {
    await this.#whenRoom(this.#limit);
    return this.#taken();
  }

  /** Resolves with whether what waited was heard, and not thrown away. */
  #whenRoom(samples: number): Promise<boolean> {
    this.#waits = true;
    return new Promise((resolve, reject) => {
      this.playback.whenQueuedIs(
        samples,
        (heard) => {
          this.#waits = false;
          resolve(heard);
        },
        (reason: unknown) => {
          this.#waits = false;
          this.#told = reason;
          reject(reason);
        },
      );
    });
  }

  /** Returns how many samples wait then. */
  #write(pcm: Int16Array): number {
    const queued = this.playback.capture(pcm);
    const { sampleRate, numChannels } = this.#source;
    const perMs = (sampleRate * numChannels) / 1000;
    this.voice.wrote(pcm.length / perMs, queued / perMs);
    this.#written += pcm.length;
    if (this.#lingering) this.#watch(this.#piping!);
    else if (!this.#piping) this.#pipe();
    return queued;
  }

  #taken(): undefined {
    this.#ends.push(this.#written);
    if (this.#ends.length <= this.#mostEnds) return;
    const heard = this.#written - this.playback.queuedMs * (this.#source.sampleRate / 1000) * this.#source.numChannels;
    this.#ends = this.#ends.filter((end) => end > heard);
    this.#mostEnds = Math.max(ENDS, 2 * this.#ends.length);
  }

  /** Throws away what waits. */
  interrupt(): Interruption {
    this.voice.cut();
    this.#ends = [];
    return this.playback.interrupt();
  }

  /** Resolves when all was heard, or is gone. */
  async drained(): Promise<void> {
    do await this.playback.waitForPlayout().catch(() => {});
    while (this.isPlaying && this.#piping);
  }

  #pipe(): void {
    const piping = new AbortController();
    this.#piping = piping;
    this.playback.pipeTo(this.#source, { signal: piping.signal }).catch((reason: unknown) => {
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
    this.#failure = this.#told === reason ? undefined : reason;
    const { sampleRate, numChannels } = this.#source;
    const { samplesRefused } = this.playback.track.native.stats();
    const discarded = Math.round((this.playback.interrupt().discardedMs * sampleRate) / 1000) * numChannels;
    const from = this.#written - discarded - (samplesRefused - this.#refusedSamples);
    this.#refusedSamples = samplesRefused;
    const lost = this.#ends.filter((end) => end > from).length;
    this.#ends = [];
    this.#on.lost(lost);
    this.#on.drained();
  }

  /** Nothing more is played. */
  stop(): void {
    clearTimeout(this.#lingering);
    this.playback.stop();
  }
}

/** A capture while another track is piped to the source. */
export function locked(): NarrowcastError {
  return new NarrowcastError('LOCKED', 'a track is piped to this source: write to the track, or abort pipeTo first');
}
