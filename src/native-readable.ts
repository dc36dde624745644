import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { NarrowcastError } from './errors.js';
import { END, NOTHING, type Waiters } from './waiters.js';

/** What a {@link NativeReadable} reads. */
export interface NativeReader<T> {
  /** The pending reads. */
  readonly waiters: Waiters<T>;
  /** Whether it has ended, and all was read. */
  readonly done: boolean;
  /** Ends it. What waits stays readable. */
  close(): void;
  /** Ends it, and gives up what waits. */
  cancel(): void;
}

/** What the ReadableStream pulls from. */
class Source<T> {
  controller!: ReadableStreamDefaultController<T>;
  /** The ReadableStream. */
  stream!: ReadableStream<T>;
  /** Whether the stream's own iterator has the lock, which reads natively and not by the ReadableStream. */
  iterating = false;
  /** Whether a value is being made that the ReadableStream is to get before it is closed. */
  #making = false;

  constructor(readonly reader: NativeReader<T>) {}

  start(controller: ReadableStreamDefaultController<T>): void {
    this.controller = controller;
  }

  pull(controller: ReadableStreamDefaultController<T>): Promise<void> | void {
    const value = this.#take();
    if (value === END) return this.close();
    if (value !== NOTHING) return controller.enqueue(value);
    return this.reader.waiters.readable().then(() => {
      // The reader that asked may have left meanwhile, with a value on its way: that stays where it is, in its place, for
      // the next read of whatever kind. If another reader has come, the ReadableStream pulls again for it.
      if (this.stream.locked && !this.iterating) return this.pull(controller);
    });
  }

  cancel(): void {
    this.reader.cancel();
  }

  close(): void {
    // What makes a value has closed it: the next pull does.
    if (this.#making) return;
    try {
      this.controller.close();
    } catch {
      // Cancelled meanwhile: closed already.
    }
  }

  #take(): T | typeof NOTHING | typeof END {
    this.#making = true;
    try {
      return this.reader.waiters.take();
    } finally {
      this.#making = false;
    }
  }
}

/**
 * A ReadableStream over a native ring or queue, which is its only buffer: a value leaves it when it is read.
 *
 * Beside what every ReadableStream has, it can be read without promises ({@link tryRead}), and `for await` reads natively.
 */
export class NativeReadable<T> extends ReadableStream<T> {
  readonly #source: Source<T>;

  /** @internal */
  constructor(reader: NativeReader<T>) {
    const source = new Source(reader);
    super(source, { highWaterMark: 0 });
    this.#source = source;
    source.stream = this;
  }

  /**
   * The next frame, or null if none is there (or ever will be). Costs no promise.
   *
   * @throws {NarrowcastError} `LOCKED` while a reader is attached
   */
  tryRead(): T | null {
    this.refuseLocked();
    const { reader } = this.#source;
    try {
      const value = reader.waiters.read(1);
      if (value === END) this.closeReadable();
      return typeof value === 'symbol' ? null : value;
    } finally {
      reader.waiters.serveMissed();
    }
  }

  /** Ends the stream. What is buffered stays readable, then reading gives `done`. */
  close(): void {
    const { reader } = this.#source;
    reader.close();
    if (reader.done) this.closeReadable();
  }

  /**
   * What `for await` reads by: natively, and not by the machinery of a ReadableStream, which costs several times what a
   * frame does.
   *
   * @param options `preventCancel`: leaving the loop leaves the stream open
   */
  override values(options?: { preventCancel?: boolean }): ReturnType<ReadableStream<T>['values']> {
    // A frame that a reader has left in the stream's own queue comes first.
    if (this.#source.controller.desiredSize !== 0) return super.values(options);
    return this.#values(options?.preventCancel ?? false) as ReturnType<ReadableStream<T>['values']>;
  }

  /** For `for await`: {@link values}; leaving the loop cancels the stream. */
  override [Symbol.asyncIterator](): ReturnType<ReadableStream<T>['values']> {
    return this.values();
  }

  /** Lets the ReadableStream know that all was read. @internal */
  protected closeReadable(): void {
    this.#source.close();
  }

  /** @internal */
  protected refuseLocked(): void {
    if (this.locked || this.#source.controller.desiredSize! < 0) {
      throw new NarrowcastError(
        'LOCKED',
        'a reader, an iterator or a pipe reads this stream: release it before reading without promises',
      );
    }
  }

  #values(preventCancel: boolean): AsyncIterableIterator<T, undefined> {
    const lock = this.getReader();
    const source = this.#source;
    const { waiters } = source.reader;
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
    const result = (value: T | typeof END): IteratorResult<T, undefined> =>
      value === END ? finish() : { done: false, value };
    return {
      next: () => (finished ? Promise.resolve(finish()) : waiters.next(result)),
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
}
