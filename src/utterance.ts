import { onAbort } from './abort.js';
import { NarrowcastError } from './errors.js';
import type { SampleFormat } from './g711.js';
import type { Pcm, PcmArguments, PcmData, ReadPcm } from './pcm-argument.js';
import { invalid, optionalSignal, optionsObject } from './validate.js';

/** Options of `AudioStreamTrack.say()`: the kind of what is written without a kind of its own. */
export interface SayOptions {
  /** Hz. Default: the track's. */
  sampleRate?: number;
  /** Channels, interleaved. Default: the track's. */
  numChannels?: number;
  /** How bytes are read. Default: `'pcm16'`. */
  format?: SampleFormat;
}

/** How an {@link Utterance} ended. */
export interface UtteranceEnd {
  /** What the listener heard of it, in ms. */
  readonly heardMs: number;
  /** Whether it ended before all of it was heard: it was interrupted or flushed, or the track or its source ended. */
  readonly interrupted: boolean;
  /** Why, if the engine refused it, as it does when the source was closed. */
  readonly reason?: unknown;
}

/** What became of a {@link Utterance.mark}. */
export interface Mark {
  /** As it was given to `mark()`. */
  readonly name: string;
  /** Whether all before the mark was heard; false if the utterance was interrupted before that, or some of it was dropped
   * because more than the track's `bufferMs` waited. */
  readonly heard: boolean;
  /** What the listener had heard of the utterance by then, in ms. */
  readonly playedMs: number;
}

/** What a track does for its utterances. @internal */
export interface Speaker {
  append(pcm: ReadPcm, final: boolean): void;
  /** What was heard of an utterance, in ms. */
  heardMs(number: number): number;
  /** What was written to the track so far, in ms. */
  writtenMs(): number;
  /** Calls one of them once: when all that was written so far was heard or thrown away, or the engine has refused it. */
  whenHeard(resolve: (heard: boolean) => void, reject: (reason: unknown) => void): void;
  /** Resolves when half of the track's buffer is free. */
  room(): Promise<unknown>;
  /** Most that may be written at a time then, in ms. */
  readonly blockMs: number;
  /** No more comes of it. */
  ended(utterance: Utterance): void;
  /** No more is asked about it. */
  forget(utterance: Utterance): void;
}

/**
 * One reply of an agent, from `AudioStreamTrack.say()`: what is heard of it is told apart from what is heard of others, and
 * once it was interrupted, no late piece of it is ever heard.
 *
 * @example
 * ```ts
 * const utterance = track.say({ sampleRate: 24_000 });
 * for await (const piece of synthesis) utterance.write(piece); // throws INTERRUPTED after track.interrupt()
 * utterance.end();
 * const { heardMs, interrupted } = await utterance.done;
 * ```
 */
export class Utterance {
  /** Resolves when all of it was heard after {@link end}, or it was interrupted. Never rejects. */
  readonly done: Promise<UtteranceEnd>;
  readonly #speaker: Speaker;
  readonly #pcm: PcmArguments;
  #resolve!: (end: UtteranceEnd) => void;
  #isOpen = true;
  #end: UtteranceEnd | undefined;
  /** What had been written to the track before it, in ms. */
  readonly #startMs: number;
  /** Names it to native code. @internal */
  readonly number: number;

  /** @internal */
  constructor(speaker: Speaker, number: number, pcm: PcmArguments) {
    this.#speaker = speaker;
    this.number = number;
    this.#pcm = pcm;
    this.#startMs = speaker.writtenMs();
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** `'open'` until {@link end}, `'ended'` until all of it was heard, then `'heard'`; or `'interrupted'`. */
  get state(): 'open' | 'ended' | 'heard' | 'interrupted' {
    if (this.#end) return this.#end.interrupted ? 'interrupted' : 'heard';
    return this.#isOpen ? 'open' : 'ended';
  }

  /** What the listener has heard of it, in ms: without silence, and without what waits in the engine. */
  get playedMs(): number {
    return this.#end?.heardMs ?? this.#speaker.heardMs(this.number);
  }

  /**
   * Appends samples, as `AudioStreamTrack.write` does.
   *
   * @throws {NarrowcastError} `INTERRUPTED` once it was interrupted: stop what makes it; `CLOSED` after {@link end};
   *   `INVALID_ARGUMENT`, and nothing was written
   */
  write(pcm: Pcm | PcmData): void {
    const read = this.#pcm.read(pcm);
    this.#refuseAtEnd();
    this.#speaker.append(read, false);
    this.#pcm.keep(read);
  }

  /**
   * Writes pieces as they come, and waits while the track has no room for them: nothing is dropped because speech is made
   * faster than it is heard. It goes on only while the track is played. It does not end the utterance.
   *
   * @param pieces what {@link write} takes; their iterator is told when this stops early
   * @param options `signal`: stops writing
   * @returns resolves when all is written. Rejects at once with `INTERRUPTED` when the utterance is interrupted, with the
   *   signal's reason, with what `pieces` throws, and as {@link write} throws
   */
  async writeAll(
    pieces: AsyncIterable<Pcm | PcmData> | Iterable<Pcm | PcmData>,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    optionsObject('options', options, { signal: true });
    const { signal } = options;
    optionalSignal(signal);
    const iterator = iteratorOf(pieces);
    let stopped: { readonly reason: unknown } | undefined;
    // One at a time: a race with a promise that lives as long as the utterance would keep each piece for as long.
    let rejectWait: (reason: unknown) => void = () => {};
    const stop = (reason: unknown) => {
      stopped ??= { reason };
      rejectWait(stopped.reason);
    };
    const orStopped = <T>(wait: T | PromiseLike<T>) =>
      new Promise<T>((resolve, reject) => {
        if (stopped) return reject(stopped.reason);
        rejectWait = reject;
        Promise.resolve(wait).then(resolve, reject);
      });
    const unlisten = signal && !signal.aborted ? onAbort(signal, () => stop(signal.reason)) : () => {};
    let isOver = false;
    void this.done.then(() => {
      if (!isOver) stop(this.#atEnd());
    });
    try {
      if (signal?.aborted) throw signal.reason;
      this.#refuseAtEnd();
      for (;;) {
        const { done, value } = await orStopped(iterator.next());
        if (done) {
          isOver = true;
          return;
        }
        await this.#writeInBlocks(this.#pcm.read(value), orStopped);
      }
    } finally {
      unlisten();
      if (!isOver) void (async () => iterator.return?.())().catch(() => {});
    }
  }

  async #writeInBlocks(read: ReadPcm, orStopped: (wait: Promise<unknown>) => Promise<unknown>): Promise<void> {
    const { data, sampleRate, channels } = read;
    const block = Math.max(1, Math.floor((sampleRate * this.#speaker.blockMs) / 1000)) * channels;
    for (let at = 0; at < data.length; at += block) {
      // Where the engine refuses what is played, that interrupts the utterance.
      await orStopped(this.#speaker.room().catch(() => {}));
      this.#refuseAtEnd();
      this.#speaker.append({ ...read, data: data.subarray(at, at + block) }, false);
    }
    this.#pcm.keep(read);
  }

  /** No more comes: the last of it goes out without waiting for more. Twice, or after an interruption: nothing. */
  end(): void {
    if (!this.#isOpen || this.#end) return;
    this.#isOpen = false;
    const { sampleRate, channels, format } = this.#pcm;
    this.#speaker.append({ data: new Int16Array(), sampleRate, channels, format, rest: new Uint8Array() }, true);
    this.#speaker.ended(this);
    this.#speaker.whenHeard(
      (heard) => {
        if (heard) this.#over({ heardMs: this.playedMs, interrupted: false });
      },
      () => {},
    );
  }

  /**
   * Marks what was written so far, as the marks of phone providers do.
   *
   * @returns resolves when all before the mark was heard, or the utterance was interrupted
   * @throws {NarrowcastError} `INTERRUPTED`; `CLOSED` after {@link end}; `INVALID_ARGUMENT`
   */
  mark(name: string): Promise<Mark> {
    if (typeof name !== 'string') throw invalid('name', name, 'a string');
    this.#refuseAtEnd();
    const writtenMs = this.#speaker.writtenMs() - this.#startMs;
    return new Promise((resolve) => {
      const tell = (wasPlayed: boolean) => {
        const { playedMs } = this;
        // Less than a sample is rounding.
        resolve({ name, heard: wasPlayed && playedMs > writtenMs - 1e-4, playedMs });
      };
      this.#speaker.whenHeard(tell, () => tell(false));
    });
  }

  /** The track has thrown away what was left of it. @internal */
  interrupted(reason?: unknown): void {
    const heardMs = this.playedMs;
    this.#over(reason === undefined ? { heardMs, interrupted: true } : { heardMs, interrupted: true, reason });
  }

  #over(end: UtteranceEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#speaker.forget(this);
    this.#resolve(end);
  }

  #refuseAtEnd(): void {
    const error = this.#atEnd();
    if (error) throw error;
  }

  /** Why nothing can be written any more. */
  #atEnd(): NarrowcastError | undefined {
    if (this.#end?.interrupted) {
      return new NarrowcastError('INTERRUPTED', 'the utterance was interrupted: stop what makes it, and say() another');
    }
    return this.#isOpen ? undefined : new NarrowcastError('CLOSED', 'the utterance was ended: say() another');
  }
}

function iteratorOf<T>(pieces: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  // Samples are iterable, too: their numbers would pass for pieces.
  if (typeof pieces === 'object' && pieces !== null && !ArrayBuffer.isView(pieces)) {
    if (Symbol.asyncIterator in pieces) return pieces[Symbol.asyncIterator]();
    if (Symbol.iterator in pieces) return pieces[Symbol.iterator]();
  }
  throw invalid('pieces', pieces, 'an iterable of PCM, async or not');
}
