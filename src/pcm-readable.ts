import { NativeReadable } from './native-readable.js';
import type { AudioStreamStats, PcmReader, ReadReport } from './pcm-reader.js';
import { invalid } from './validate.js';
import { END } from './waiters.js';

/** A {@link NativeReadable} of PCM: its samples can be read as frames, or as many at a time as there are. */
export class PcmReadable<F> extends NativeReadable<F> {
  /** @internal */
  protected readonly reader: PcmReader<F>;

  /** @internal */
  constructor(reader: PcmReader<F>) {
    super(reader);
    this.reader = reader;
  }

  /**
   * Copies samples into `target`: as many as there are and fit, in whole groups of one for each channel. Frames' borders
   * don't matter to it. Allocates nothing.
   *
   * @param report an object whose `droppedBefore` is set to the number of frames that were lost before these samples. Without
   *   it, the next frame tells of them, or the next call with a report.
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

  /** What was counted so far; can be read after the stream has ended, too. */
  stats(): AudioStreamStats {
    return this.reader.stats();
  }
}
