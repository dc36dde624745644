import { opened } from './diagnostics/alive.js';
import { describeStream } from './diagnostics/describe.js';
import { NarrowcastError } from './errors.js';
import { NativeReadable } from './native-readable.js';
import type { AudioStreamStats, Cleared, PcmReader, ReadReport } from './pcm-reader.js';
import type { AudioLevel, SpeechEmitter } from './speech.js';
import { invalid } from './validate.js';
import { END } from './waiters.js';

/** What a stream is read by, unless it is being read. @internal */
export let readerOf: (stream: PcmReadable<unknown>) => PcmReader<unknown>;

/** A {@link NativeReadable} of PCM: its samples can be read as frames, or as many at a time as there are. */
export class PcmReadable<F> extends NativeReadable<F> {
  /** @internal */
  protected readonly reader: PcmReader<F>;

  static {
    readerOf = (stream) => {
      stream.refuseLocked();
      return stream.reader;
    };
  }

  /** @internal */
  constructor(reader: PcmReader<F>) {
    super(reader);
    this.reader = reader;
    opened('streams', reader, describeStream);
  }

  /**
   * Copies samples into `target`: as many as there are and fit, in whole groups of one for each channel. Frames' borders
   * don't matter to it. Allocates nothing.
   *
   * @param report an object whose `droppedBefore` is set to the number of frames that were lost before these samples, and its
   *   `position` to that of the first of them. Without it, the next frame tells of the loss, or the next call with a report.
   * @returns how many samples were written; 0 if none are there
   * @throws {NarrowcastError} `LOCKED` while a reader is attached, `INVALID_ARGUMENT`
   */
  readInto(target: Int16Array, report?: ReadReport): number {
    if (report !== undefined && (typeof report !== 'object' || report === null))
      throw invalid('report', report, 'an object');
    this.refuseLocked();
    const samples = this.reader.readInto(target, report);
    if (samples !== END) return samples;
    this.closeReadable();
    return 0;
  }

  /**
   * Skips to now: gives up what waits to be read, the beginning of a frame included, also while a reader or a loop is
   * attached. What is read next came after this call. Positions count what was given up, and so does
   * `stats().framesCleared`.
   */
  clear(): Cleared {
    return this.giveUp(false);
  }

  /** @param unwritten what waits to be written, too @internal */
  protected giveUp(unwritten: boolean): Cleared {
    const samples = this.reader.clear(unwritten);
    if (this.reader.done) this.close();
    return { ms: (samples / this.reader.sampleRate) * 1000, samples };
  }

  /**
   * Tells of speech, for a stream with the option `speech`: an EventEmitter with the events `speechstart` and `speechend`.
   * While it has listeners, the stream is not collected before its end. What it tells is not in step with the frames that are
   * read: compare positions.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT` if the stream does not listen
   */
  get speech(): SpeechEmitter {
    const { speech } = this.reader;
    if (speech) return speech;
    throw new NarrowcastError(
      'INVALID_ARGUMENT',
      'the stream does not listen for speech: open it with the option speech',
    );
  }

  /** How loud the last 10 ms were that came in, read or not: costs no wake. */
  get level(): AudioLevel {
    return this.reader.native.level;
  }

  /** What was counted so far; can be read after the stream has ended, too. */
  stats(): AudioStreamStats {
    return this.reader.stats();
  }
}
