import { open, rm, type FileHandle } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import { NarrowcastError } from './errors.js';

/** Bytes of the header of 16-bit PCM. */
const HEADER_BYTES = 44;

/** Most bytes of a file: what the 32-bit sizes in the header can name. */
const MAX_BYTES = 2 ** 32 - 2;

/** Samples written at a time: 1 s at 16 kHz, a quarter of that at the highest rate. */
const BLOCK_SAMPLES = 16_384;

/** Samples of coded silence written at a time: others wait for the file of who comes hours later. */
const SILENCE_SAMPLES = 1_048_576;

/** How long a recording can be, in s of mono 16-bit PCM. */
export function longestWav(sampleRate: number): number {
  return (MAX_BYTES - HEADER_BYTES) / 2 / sampleRate;
}

/** An encoding of samples other than 16-bit PCM. */
export interface WavCoding {
  /** The number that a WAV file has for it. */
  readonly tag: number;
  /** A byte for each sample. */
  encode(samples: Int16Array): Uint8Array;
}

/** How a WAV file is laid out. */
export interface WavOptions {
  /** Hz. */
  readonly sampleRate: number;
  /** Interleaved in all samples. Default: 1. */
  readonly channels?: number;
  /** Default: 16-bit PCM. */
  readonly coding?: WavCoding | undefined;
  /** What becomes of a file that is there. Default: it is replaced. */
  readonly existing?: 'replace' | 'keep';
}

/**
 * Writes a WAV file as the samples come, with the memory of two blocks: one fills while the other is
 * written. The sizes in the header are those of an empty file until {@link close}.
 */
export class WavWriter {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #header: Buffer;
  readonly #channels: number;
  readonly #coding: WavCoding | undefined;
  /** Bytes of a sample. */
  readonly #width: number;
  #filling = new Int16Array(BLOCK_SAMPLES);
  #filled = 0;
  #spare = new Int16Array(BLOCK_SAMPLES);
  /** Bytes that the file will have, up to what comes next. */
  #position = 0;
  /** The block on its way to the disk; never rejects. */
  #writing: Promise<void> | undefined;
  /** Bytes up to the last that was written: what is behind it is silence that takes no room. */
  #written: number;
  /** Sizes on their way to the disk; never rejects. */
  #saving: Promise<void> | undefined;
  #savingNext: Promise<void> | undefined;
  /** What went wrong: everything afterwards fails with it. */
  #failure: { error: unknown } | undefined;

  private constructor(path: string, file: FileHandle, { sampleRate, channels = 1, coding }: WavOptions) {
    this.path = path;
    this.#file = file;
    this.#channels = channels;
    this.#coding = coding;
    this.#width = coding ? 1 : 2;
    this.#header = headerOf(sampleRate, channels, coding?.tag);
    this.#written = this.#header.length;
  }

  /**
   * Creates the file, or empties it.
   *
   * @param path the folder must exist
   * @throws {NarrowcastError} `WRITE_FAILED`: the file can't be written; its cause has the code `EEXIST` where one is there,
   *   and is kept
   */
  static async create(path: string, options: WavOptions): Promise<WavWriter> {
    let file: FileHandle;
    try {
      file = await open(path, options.existing === 'keep' ? 'wx' : 'w');
    } catch (cause) {
      throw writeFailure(path, cause);
    }
    const writer = new WavWriter(path, file, options);
    try {
      await writer.#write(writer.#header, 0);
    } catch (error) {
      await file.close();
      // Empty, it would be in the way of the next attempt.
      if (options.existing === 'keep') await rm(path, { force: true }).catch(() => {});
      throw error;
    }
    writer.#position = writer.#written;
    return writer;
  }

  /**
   * Appends samples, which are copied. While a promise that this returned is pending, there is no room for more.
   *
   * @returns nothing while there is room; otherwise a promise, which rejects where the disk refused
   * @throws {NarrowcastError} `WRITE_FAILED`: the disk refused what was appended before, or the file can't be longer
   */
  append(samples: Int16Array): void | Promise<void> {
    this.#refuse(samples.length);
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
   * Appends silence, of any length. Long silence of 16-bit PCM takes no time, and on most disks no room, for what was never
   * written is zero; G.711 has another byte for silence. To be waited for as {@link append}.
   *
   * @throws {NarrowcastError} `WRITE_FAILED`: the disk refused what was appended before, or the file can't be longer
   */
  silence(samples: number): void | Promise<void> {
    if (samples < BLOCK_SAMPLES) return this.append(new Int16Array(samples));
    return this.#coding ? this.#appendSilence(samples) : this.#skip(samples);
  }

  /**
   * Writes what was appended, and brings the sizes up to date: it can be played, whatever becomes of this process. What goes
   * wrong shows when more is appended.
   */
  save(): Promise<void> {
    // One that is on its way may have begun before the last samples were appended.
    if (this.#saving) return (this.#savingNext ??= this.#saving.then(() => this.#saveNext()));
    return (this.#saving = this.#save().finally(() => (this.#saving = undefined)));
  }

  #saveNext(): Promise<void> {
    this.#savingNext = undefined;
    return this.save();
  }

  async #save(): Promise<void> {
    try {
      while (this.#writing) await this.#writing;
      if (this.#filled > 0 && !this.#failure) await this.#flush();
      // Not what was never written: the file is made longer in the end only, when nothing else is on its way.
      await this.#writeSizes(this.#written);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /**
   * Writes what is left and the sizes, and closes the file. After a failure, too: what is in the file can be played.
   *
   * @throws {NarrowcastError} `WRITE_FAILED`
   */
  async close(): Promise<void> {
    try {
      await this.#writing;
      await (this.#savingNext ?? this.#saving);
      if (!this.#failure) await this.#flush();
      await this.#extend();
      await this.#pad();
      await this.#writeSizes(this.#written);
      this.#refuse();
    } finally {
      await this.#file.close();
    }
  }

  async #appendLater(rest: Int16Array): Promise<void> {
    // The caller may reuse its memory before the disk is ready.
    const copy = rest.slice();
    while (this.#writing) await this.#writing;
    this.#refuse();
    void this.#flush();
    await this.append(copy);
  }

  async #appendSilence(samples: number): Promise<void> {
    await this.#makeWay(samples);
    const block = this.#coding!.encode(new Int16Array(Math.min(samples, SILENCE_SAMPLES)));
    try {
      for (let rest = samples; rest > 0; rest -= block.length) {
        const bytes = block.subarray(0, rest);
        await this.#write(bytes, this.#position);
        this.#written = this.#position += bytes.length;
      }
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #skip(samples: number): Promise<void> {
    await this.#makeWay(samples);
    this.#position += samples * this.#width;
  }

  /** Writes what was appended, before so many samples that do not go through a block. */
  async #makeWay(samples: number): Promise<void> {
    while (this.#writing) await this.#writing;
    this.#refuse();
    await this.#flush();
    this.#refuse(samples);
  }

  /** Sends the filled block on its way. The one before it has arrived. */
  #flush(): Promise<void> {
    const block = this.#filling;
    const bytes = this.#coding
      ? this.#coding.encode(block.subarray(0, this.#filled))
      : new Uint8Array(block.buffer, 0, this.#filled * 2);
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

  /** @param samples that are to be appended */
  #refuse(samples = 0): void {
    const waiting = this.#writing ? BLOCK_SAMPLES : 0;
    if (this.#position + (waiting + this.#filled + samples) * this.#width > MAX_BYTES) {
      this.#failure ??= { error: writeFailure(this.path, new Error('a WAV file has 4 GB at most')) };
    }
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

  /** A chunk has an even number of bytes: one that is odd has one more, which its size does not count. */
  async #pad(): Promise<void> {
    if (!this.#failure && this.#written % 2 !== 0) await this.#write(new Uint8Array(1), this.#written);
  }

  async #writeSizes(end: number): Promise<void> {
    // The system would go on to write into a file that is gone.
    if ((await this.#file.stat()).nlink === 0) throw writeFailure(this.path, new Error('it was removed'));
    const header = this.#header;
    const bytes = end - header.length;
    // In one piece: with some of the sizes alone, the file could not be played.
    header.writeUInt32LE(end + (end % 2) - 8, 4);
    if (this.#coding) header.writeUInt32LE(Math.floor(bytes / this.#channels), FACT_AT);
    header.writeUInt32LE(bytes, header.length - 4);
    await this.#write(header, 0);
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

/** Where the header of a coded file has the number of samples of each channel. */
const FACT_AT = 46;

/**
 * The header of an empty file. One that is not PCM has a format of 18 bytes, which says that no more follows, and a chunk
 * `fact`, as Microsoft's "New Multimedia Data Types and Data Techniques" asks for.
 */
function headerOf(sampleRate: number, channels: number, tag = 1): Buffer {
  const isPcm = tag === 1;
  const width = isPcm ? 2 : 1;
  const format = Buffer.alloc(isPcm ? 24 : 26);
  format.write('fmt ', 0, 'latin1');
  format.writeUInt32LE(format.length - 8, 4);
  format.writeUInt16LE(tag, 8);
  format.writeUInt16LE(channels, 10);
  format.writeUInt32LE(sampleRate, 12);
  format.writeUInt32LE(sampleRate * channels * width, 16); // bytes a second
  format.writeUInt16LE(channels * width, 20); // bytes of a sample of all channels
  format.writeUInt16LE(width * 8, 22); // bits of a sample
  const fact = Buffer.from(isPcm ? '' : 'fact\x04\0\0\0\0\0\0\0', 'latin1');
  const chunks = Buffer.concat([format, fact, Buffer.from('data\0\0\0\0', 'latin1')]);
  const riff = Buffer.from('RIFF\0\0\0\0WAVE', 'latin1');
  riff.writeUInt32LE(4 + chunks.length, 4);
  return Buffer.concat([riff, chunks]);
}
