import { zerosAtEnd } from '../shared/silence.js';
import type { WavWriter } from '../../wav-writer.js';

/** A level is taken from every eighth sample: enough for a bar of a few columns. */
const LEVEL_STEP = 8;

/** What is heard of one participant: goes into a file, and is counted. */
export class Recording {
  /** Frames read. */
  frames = 0;
  /** Samples read. */
  samples = 0;
  readonly #writer: WavWriter;
  readonly #onFrame: ((data: Int16Array) => void) | undefined;
  /** Samples of silence at its end. */
  quiet = 0;
  #squares = 0;
  #measured = 0;

  /** @param onFrame is given the samples of each frame */
  constructor(writer: WavWriter, onFrame?: (data: Int16Array) => void) {
    this.#writer = writer;
    this.#onFrame = onFrame;
  }

  get path(): string {
    return this.#writer.path;
  }

  /**
   * Reads a stream to its end. While the disk is behind, it reads no further.
   *
   * @throws {Failure} the file can't be written
   */
  async record(stream: AsyncIterable<{ readonly data: Int16Array }>): Promise<void> {
    for await (const { data } of stream) {
      this.frames++;
      this.samples += data.length;
      this.#onFrame?.(data);
      const silent = zerosAtEnd(data);
      this.quiet = silent === data.length ? this.quiet + silent : silent;
      for (let i = 0; i < data.length; i += LEVEL_STEP) this.#squares += data[i]! * data[i]!;
      this.#measured += Math.ceil(data.length / LEVEL_STEP);
      const full = this.#writer.append(data);
      if (full) await full;
    }
  }

  /** Level since it was last asked for: RMS in dB below full scale, -Infinity for silence. */
  takeLevel(): number {
    const mean = this.#measured > 0 ? this.#squares / this.#measured : 0;
    this.#squares = 0;
    this.#measured = 0;
    return 10 * Math.log10(mean / 32_768 ** 2);
  }

  /** Completes the file. @throws {Failure} */
  close(): Promise<void> {
    return this.#writer.close();
  }
}
