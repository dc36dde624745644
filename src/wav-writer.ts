import { open, type FileHandle } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import { NarrowcastError } from './errors.js';

/** Bytes of the header that {@link WavWriter} writes. */
const HEADER_BYTES = 44;

/** Most bytes of samples that the 32-bit sizes in the header can name. */
const MAX_DATA_BYTES = 2 ** 32 - HEADER_BYTES;

/** Samples written at a time: 1 s at 16 kHz, a quarter of that at the highest rate. */
const BLOCK_SAMPLES = 16_384;

/** How long a recording can be, in s of mono 16-bit PCM. */
export function longestWav(sampleRate: number): number {
  return MAX_DATA_BYTES / 2 / sampleRate;
}

/**
 * Writes a WAV file of 16-bit PCM as the samples come, with the memory of two blocks: one fills while the other is
 * written. The sizes in the header are those of an empty file until {@link close}.
 */
export class WavWriter {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #header: Buffer;
  #filling = new Int16Array(BLOCK_SAMPLES);
  #filled = 0;
  #spare = new Int16Array(BLOCK_SAMPLES);
  /** Bytes that the file will have, up to what comes next. */
  #position = 0;
  /** The block on its way to the disk; never rejects. */
  #writing: Promise<void> | undefined;
  /** Bytes up to the last that was written: what is behind it is silence that takes no room. */
  #written = HEADER_BYTES;
  /** Sizes on their way to the disk; never rejects. */
  #saving: Promise<void> | undefined;
  /** What went wrong: everything afterwards fails with it. */
  #failure: { error: unknown } | undefined;

  private constructor(path: string, file: FileHandle, header: Buffer) {
    this.path = path;
    this.#file = file;
    this.#header = header;
  }

  /**
   * Creates the file, or empties it.
   *
   * @param path the folder must exist
   * @param sampleRate Hz
   * @param existing what becomes of a file that is there
   * @param channels interleaved in all samples
   * @throws {NarrowcastError} `WRITE_FAILED`: the file can't be written; its cause has the code `EEXIST` where one is there,
   *   and is kept
   */
  static async create(
    path: string,
    sampleRate: number,
    existing: 'replace' | 'keep' = 'replace',
    channels = 1,
  ): Promise<WavWriter> {
    let file: FileHandle;
    try {
      file = await open(path, existing === 'keep' ? 'wx' : 'w');
    } catch (cause) {
      throw writeFailure(path, cause);
    }
    const writer = new WavWriter(path, file, headerOf(sampleRate, channels));
    try {
      await writer.#write(writer.#header, 0);
    } catch (error) {
      await file.close();
      throw error;
    }
    writer.#position = HEADER_BYTES;
    return writer;
  }

  /**
   * Appends samples, which are copied. While a promise that this returned is pending, there is no room for more.
   *
   * @returns nothing while there is room; otherwise a promise, which rejects where the disk refused
   * @throws {NarrowcastError} `WRITE_FAILED`: the disk refused what was appended before
   */
  append(samples: Int16Array): void | Promise<void> {
    this.#refuseFailed();
    const room = BLOCK_SAMPLES - this.#filled;
    if (samples.length < room) {
      this.#filling.set(samples, this.#filled);
      this.#filled += samples.length;
      return;
    }
    this.#filling.set(samples.subarray(0, room), this.#filled);
    this.#filled = BLOCK_SAMPLES;
    const rest = samples.subarray(room);
    if (!this.#writing) {
      void this.#flush();
      if (rest.length < BLOCK_SAMPLES) return this.append(rest);
    }
    return this.#appendLater(rest);
  }

  /**
   * Appends silence, of any length: what is long takes no time, and on most disks no room, for what was never written is
   * zero. To be waited for as {@link append}.
   *
   * @throws {NarrowcastError} `WRITE_FAILED`: the disk refused what was appended before
   */
  silence(samples: number): void | Promise<void> {
    return samples < BLOCK_SAMPLES ? this.append(new Int16Array(samples)) : this.#skip(samples);
  }

  /**
   * Brings the sizes up to date: what is in the file by now can be played, whatever becomes of this process. What goes
   * wrong shows when more is appended.
   */
  save(): Promise<void> {
    const save = async () => {
      await this.#writing;
      // Not what was never written: the file is made longer in the end only, when nothing else is on its way.
      await this.#writeSizes(this.#written);
    };
    return (this.#saving ??= save()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => (this.#saving = undefined)));
  }

  /**
   * Writes what is left and the sizes, and closes the file. After a failure, too: what is in the file can be played.
   *
   * @throws {NarrowcastError} `WRITE_FAILED`
   */
  async close(): Promise<void> {
    try {
      await this.#writing;
      await this.#saving;
      if (!this.#failure) await this.#flush();
      await this.#extend();
      await this.#writeSizes(this.#written);
      this.#refuseFailed();
    } finally {
      await this.#file.close();
    }
  }

  async #appendLater(rest: Int16Array): Promise<void> {
    // The caller may reuse its memory before the disk is ready.
    const copy = rest.slice();
    await this.#writing;
    this.#refuseFailed();
    void this.#flush();
    await this.append(copy);
  }

  async #skip(samples: number): Promise<void> {
    await this.#writing;
    this.#refuseFailed();
    await this.#flush();
    this.#refuseFailed();
    this.#position += samples * 2;
  }

  /** Sends the filled block on its way. The one before it has arrived. */
  #flush(): Promise<void> {
    const block = this.#filling;
    const bytes = new Uint8Array(block.buffer, 0, this.#filled * 2);
    this.#filling = this.#spare;
    this.#spare = block;
    this.#filled = 0;
    this.#writing = this.#write(bytes, this.#position).then(
      () => {
        this.#position += bytes.length;
        if (bytes.length > 0) this.#written = this.#position;
        this.#writing = undefined;
      },
      (error: unknown) => {
        this.#failure = { error };
        this.#writing = undefined;
      },
    );
    return this.#writing;
  }

  #refuseFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Lets the file end where it should, if that is silence that was not written. */
  async #extend(): Promise<void> {
    if (this.#failure || this.#written === this.#position) return;
    try {
      await this.#file.truncate(this.#position);
      this.#written = this.#position;
    } catch (cause) {
      this.#failure = { error: writeFailure(this.path, cause) };
    }
  }

  async #writeSizes(end: number): Promise<void> {
    // The system would go on to write into a file that is gone.
    if ((await this.#file.stat()).nlink === 0) throw writeFailure(this.path, new Error('it was removed'));
    // In one piece: with one of the two sizes alone, the file could not be played.
    this.#header.writeUInt32LE(end - 8, 4);
    this.#header.writeUInt32LE(end - HEADER_BYTES, 40);
    await this.#write(this.#header, 0);
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw writeFailure(this.path, cause);
    }
  }
}

/** The error of a file that can't be written: `can't write recordings/a.wav: no space left on device`. */
function writeFailure(path: string, cause: unknown): NarrowcastError {
  const { errno, message } = cause as NodeJS.ErrnoException;
  const reason = (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message;
  return new NarrowcastError('WRITE_FAILED', `can't write ${path}: ${reason}`, { cause });
}

/** The header of an empty file of 16-bit PCM. */
function headerOf(sampleRate: number, channels: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(HEADER_BYTES - 8, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16); // bytes of the format that follows
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28); // bytes a second
  header.writeUInt16LE(channels * 2, 32); // bytes of a sample of all channels
  header.writeUInt16LE(16, 34); // bits of a sample
  header.write('data', 36, 'latin1');
  return header;
}
