import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { NarrowcastError } from './errors.js';
import type { AudioStreamStats, PcmReader } from './pcm-reader.js';

/** What a ReadableStream over a ring pulls from. */
class Source<F> {
  controller!: ReadableStreamDefaultController<F>;
  /** The ReadableStream. */
  stream!: ReadableStream<F>;
  /** Whether the stream's own iterator has the lock, which reads the ring and not the ReadableStream. */
  iterating = false;
  /** Whether a frame is being made that the ReadableStream is to get before it is closed. */
  #making = false;

  constructor(readonly reader: PcmReader<F>) {}

  start(controller: ReadableStreamDefaultController<F>): void {
    this.controller = controller;
  }

  pull(controller: ReadableStreamDefaultController<F>): Promise<void> | void {
    const frame = this.#read();
    if (frame) return controller.enqueue(frame);
    if (this.reader.exhausted) return this.close();
    return this.reader.readable().then(() => {
      // Whoever asked may have left meanwhile, with a frame on its way: it stays in the ring, in its place, for
      // whoever reads next, in whatever way. If that is another reader, the ReadableStream pulls again for it.
      if (this.stream.locked && !this.iterating) return this.pull(controller);
    });
  }

  cancel(): void {
    this.reader.cancel();
  }

  close(): void {
    // What makes a frame has closed it: the next pull does.
    if (this.#making) return;
    try {
      this.controller.close();
    } catch {
      // Cancelled meanwhile: closed already.
    }
  }

  #read(): F | null {
    this.#making = true;
    try {
      return this.reader.read();
    } finally {
      this.#making = false;
    }
  }
}

/**
 * A ReadableStream over a native PCM ring, which is its only buffer: a frame leaves the ring when somebody reads it.
 *
 * Beside what every ReadableStream has, it can be read without promises ({@link tryRead}, {@link readInto}), and
 * `for await` reads the ring directly.
 */
export class PcmReadable<F> extends ReadableStream<F> {
  readonly #source: Source<F>;

  /** @internal */
  constructor(reader: PcmReader<F>) {
    const source = new Source(reader);
    super(source, { highWaterMark: 0 });
    this.#source = source;
    source.stream = this;
  }

  /** @internal */
  protected get reader(): PcmReader<F> {
    return this.#source.reader;
  }

  /**
   * The next frame, or null if none is there (or ever will be). Costs no promise.
   *
   * @throws {NarrowcastError} `LOCKED` while a reader is attached
   */
  tryRead(): F | null {
    this.#refuseLocked();
    const frame = this.reader.read();
    if (!frame && this.reader.exhausted) this.#source.close();
    return frame;
  }

  /**
   * Copies samples into `target`: as many as there are and fit, in whole groups of one for each channel. Frames' borders
   * don't matter to it. Allocates nothing.
   *
   * @returns how many samples were written; 0 if none are there
   * @throws {NarrowcastError} `LOCKED` while a reader is attached, `INVALID_ARGUMENT`
   */
  readInto(target: Int16Array): number {
    this.#refuseLocked();
    const samples = this.reader.readInto(target);
    if (samples === 0 && this.reader.exhausted) this.#source.close();
    return samples;
  }

  /** What was counted so far; can be read after the stream has ended, too. */
  stats(): AudioStreamStats {
    return this.reader.stats();
  }

  /** Ends the stream. What is buffered stays readable, then reading gives `done`. */
  close(): void {
    this.reader.close();
    if (this.reader.done) this.#source.close();
  }

  /**
   * What `for await` reads by: the ring directly, and not the machinery of a ReadableStream.
   *
   * @param options `preventCancel`: leaving the loop leaves the stream open
   */
  override values(options?: { preventCancel?: boolean }): ReturnType<ReadableStream<F>['values']> {
    // A frame that a reader has left in the stream's own queue comes first.
    if (this.#source.controller.desiredSize !== 0) return super.values(options);
    return this.#frames(options?.preventCancel ?? false) as ReturnType<ReadableStream<F>['values']>;
  }

  /** For `for await`: {@link values}; leaving the loop cancels the stream. */
  override [Symbol.asyncIterator](): ReturnType<ReadableStream<F>['values']> {
    return this.values();
  }

  /** Reads the ring: a ReadableStream's own machinery costs several times what a frame does. */
  #frames(preventCancel: boolean): AsyncIterableIterator<F, undefined> {
    const lock = this.getReader();
    const source = this.#source;
    const { reader } = source;
    source.iterating = true;
    let finished = false;
    const unlock = () => {
      finished = true;
      source.iterating = false;
      lock.releaseLock();
    };
    const finish = (): IteratorReturnResult<undefined> => {
      if (!finished) {
        source.close();
        unlock();
      }
      return { done: true, value: undefined };
    };
    const result = (frame: F | null): IteratorResult<F, undefined> =>
      frame ? { done: false, value: frame } : finish();
    return {
      next: () => (finished ? Promise.resolve(finish()) : reader.next(result)),
      return: async () => {
        if (finished) return finish();
        if (preventCancel) unlock();
        else await lock.cancel();
        return finish();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #refuseLocked(): void {
    if (this.locked || this.#source.controller.desiredSize! < 0) {
      throw new NarrowcastError(
        'LOCKED',
        'somebody reads this stream with a reader, an iterator or a pipe: release it before reading without promises',
      );
    }
  }
}
