import { open as openFile, rm } from 'node:fs/promises';
import { NarrowcastError } from '../errors.js';
import { encode, sampleFormat, type SampleFormat } from '../g711.js';
import { Timeline } from '../timeline.js';
import { boolean, integer, invalid, optionsObject, plainObject, rateInHz } from '../validate.js';
import { WavWriter } from '../wav-writer.js';
import { Channel, type RecordedChannel } from './channel.js';
import { Sheet, WINDOW_MS } from './sheet.js';
import { type RecorderSource, tap } from './source.js';

/** Options of {@link Recorder}. */
export interface RecorderOptions {
  /** Of the files, in Hz. Default: 48,000, and 8,000 in G.711. */
  sampleRate?: number;
  /** How the files have their samples: in 16 bits, or in a byte of G.711. Default: `'pcm16'`. */
  format?: SampleFormat;
  /** How long the thread or the disk may be blocked without a loss, in ms, for tracks and for streams that are not
   * narrowcast's; an `AudioStream` has a `bufferMs` of its own. Default: 10,000. */
  bufferMs?: number;
  /** How often the files are brought up to date for the case that the process ends without {@link Recorder.close}, in ms.
   * Default: 5,000. */
  saveMs?: number;
  /** Whether files that are there are replaced. Default: they are refused. */
  replace?: boolean;
}

/** What a recorder counted. */
export interface RecorderStats {
  /** Length of the recording, in s. */
  seconds: number;
  /** By their names. */
  channels: Record<string, RecordedChannel>;
}

/** How often what has come is written, in ms. */
const WRITE_MS = 100;

/** What a WAV file has for G.711. */
const TAGS = { alaw: 6, mulaw: 7 } as const;

/**
 * Records a call: a stereo file with the caller on the left and the agent on the right, or a WAV file for each voice, all from
 * one beginning to one end.
 *
 * - What an `AudioStreamTrack` says is recorded as it was heard, when it was heard: without what was interrupted or dropped, and
 *   without what still waits in the engine. A stream is recorded when it comes in.
 * - Audio waits natively, and is written ten times a second: while the thread or the disk is blocked, nothing is lost as long as
 *   the buffers last. What is lost then is counted, and is silence in the file. A disk that hangs holds up its own file alone.
 * - The files can be played at any time, also after a crash: their headers are brought up to date every `saveMs`.
 *
 * @example
 * ```ts
 * const recorder = await Recorder.open('call.wav', { sampleRate: 16_000 });
 * recorder.record('caller', new AudioStream(remoteTrack));
 * recorder.record('agent', track); // an AudioStreamTrack
 * // …
 * await recorder.close();
 * ```
 */
export class Recorder implements AsyncDisposable {
  /** Resolves with the error when a file can't be written any more; nothing more is recorded then. */
  readonly failed: Promise<NarrowcastError>;
  readonly #channels = new Map<string, Channel>();
  readonly #sheets: Sheet[] = [];
  /** Regular files that were there, or may have been: a channel's each. */
  readonly #replaced = new Set<string>();
  readonly #options: Required<RecorderOptions>;
  #timeline: Timeline;
  #timers: readonly NodeJS.Timeout[] = [];
  #fail!: (error: NarrowcastError) => void;
  #failure: NarrowcastError | undefined;
  #ending: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #seconds: number | undefined;

  private constructor(options: Required<RecorderOptions>) {
    this.#options = options;
    this.#timeline = new Timeline(options.sampleRate);
    this.failed = new Promise((resolve) => (this.#fail = resolve));
  }

  /**
   * Makes the files, and begins to record.
   *
   * @param files one file, of the channels `caller` (left) and `agent` (right); or a mono file for each name: `{ alice:
   *   'alice.wav' }`. Their folders must exist. {@link add} makes more later
   * @throws {NarrowcastError} `WRITE_FAILED`: a file can't be written, or is there already; `INVALID_ARGUMENT`
   */
  static async open(
    files: string | Readonly<Record<string, string>>,
    options: RecorderOptions = {},
  ): Promise<Recorder> {
    optionsObject<RecorderOptions>('options', options, {
      sampleRate: true,
      format: true,
      bufferMs: true,
      saveMs: true,
      replace: true,
    });
    const { bufferMs = 10_000, saveMs = 5000, replace = false } = options;
    const format = sampleFormat('format', options.format ?? 'pcm16');
    const { sampleRate = format === 'pcm16' ? 48_000 : 8000 } = options;
    rateInHz('sampleRate', sampleRate, 1000);
    integer('bufferMs', bufferMs, WINDOW_MS, 600_000);
    integer('saveMs', saveMs, 100, 3_600_000);
    boolean('replace', replace);
    if (typeof files !== 'string') plainObject('files', files, 'a path, or an object of names and paths');
    const named: [path: unknown, names: string[]][] =
      typeof files === 'string'
        ? [[files, ['caller', 'agent']]]
        : Object.entries(files).map(([name, path]) => [path, [name]]);
    for (const [path] of named) checkPath('files', path);
    const recorder = new Recorder({ sampleRate, format, bufferMs, saveMs, replace });
    try {
      for (const [path, names] of named) await recorder.#make(path as string, names);
    } catch (error) {
      await recorder.close().catch(() => {});
      for (const { path } of recorder.#sheets) await recorder.#remove(path);
      throw error;
    }
    recorder.#timeline = new Timeline(sampleRate);
    recorder.#timers = [
      setInterval(() => void recorder.#each((sheet) => sheet.update(recorder.#timeline)), WRITE_MS).unref(),
      setInterval(() => void recorder.save(), saveMs).unref(),
    ];
    return recorder;
  }

  /**
   * Makes one more mono file, for a voice that comes later. It begins where all begin, with silence.
   *
   * @param channel its name, which no other has
   * @throws {NarrowcastError} `WRITE_FAILED`: the file can't be written, or is there already (its `cause` has the code `EEXIST`);
   *   the recording goes on. `CLOSED` after {@link close} and once a file has failed; `INVALID_ARGUMENT`
   */
  async add(channel: string, path: string): Promise<void> {
    checkPath('path', path);
    if (typeof channel !== 'string' || this.#channels.has(channel)) {
      throw invalid('channel', channel, 'a name that no other channel has');
    }
    this.#refuseClosed();
    await this.#make(path, [channel]);
  }

  /**
   * Records a source from now on, to its end. A channel has one at a time: another one takes its place.
   *
   * @param channel `caller` or `agent` in one file; otherwise a name that {@link open} or {@link add} was given
   * @param source an `AudioStream`, which only this recorder reads, and which it closes in the end; an `AudioStreamTrack`; or an
   *   async iterable of frames that come in real time
   * @throws {NarrowcastError} `CLOSED` after {@link close} and once a file has failed; `LOCKED` if the stream is being read, or the
   *   track is recorded already; `INVALID_ARGUMENT`
   */
  record(channel: string, source: RecorderSource): void {
    const own = this.#channels.get(channel);
    if (!own) throw invalid('channel', channel, this.#names());
    this.#refuseClosed();
    const { sampleRate, bufferMs } = this.#options;
    own.take(tap(source, sampleRate, bufferMs, this.#timeline.seconds), this.#timeline);
  }

  /**
   * Brings the files up to date now, as is done every `saveMs`: what was written until now can be played, whatever becomes of the
   * process. What goes wrong shows in {@link failed}.
   */
  async save(): Promise<void> {
    await Promise.all(this.#sheets.map((sheet) => sheet.save()));
  }

  /** What was recorded so far; can be read after the end, too. */
  stats(): RecorderStats {
    return {
      seconds: this.#seconds ?? this.#timeline.seconds,
      channels: Object.fromEntries([...this.#channels].map(([name, channel]) => [name, channel.stats()])),
    };
  }

  /**
   * Ends the recording: what waits is written, and the files are completed, all of one length. Streams are closed, tracks go on.
   * Twice: the same promise.
   *
   * @returns rejects with `WRITE_FAILED` if a file could not be written; what was written until then can be played
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** As {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#end();
    if (this.#failure) throw this.#failure;
  }

  /** Ends the recording: each file gets what has come until now. */
  #end(): Promise<void> {
    return (this.#ending ??= this.#finish());
  }

  async #finish(): Promise<void> {
    const { sampleRate } = this.#options;
    const timeline = this.#timeline;
    const to = timeline.length;
    this.#seconds = to / sampleRate;
    for (const timer of this.#timers) clearInterval(timer);
    for (const channel of this.#channels.values()) channel.close();
    // Complete before the others are: a disk that hangs may keep the next step waiting.
    await this.#each(async (sheet) => {
      await sheet.finish(timeline, to);
      await sheet.save();
    });
    if (!this.#failure) {
      // What has come may go on a moment longer, and all files end together.
      const end = Math.max(to, ...this.#sheets.map(({ length }) => length));
      this.#seconds = end / sampleRate;
      await this.#each((sheet) => sheet.finish(timeline, end));
    }
    await this.#each((sheet) => sheet.close());
  }

  /** Does it with each file, independently of the others; one that fails ends the recording. */
  async #each(act: (sheet: Sheet) => Promise<void>): Promise<void> {
    await Promise.all(
      this.#sheets.map((sheet) =>
        act(sheet).catch((error: unknown) => {
          sheet.abandon();
          this.#failure ??= error as NarrowcastError;
          this.#fail(this.#failure);
          void this.#end();
        }),
      ),
    );
  }

  /** Makes a file of these channels. */
  async #make(path: string, names: readonly string[]): Promise<void> {
    const { sampleRate, format, replace } = this.#options;
    const coding =
      format === 'pcm16' ? undefined : { tag: TAGS[format], encode: (pcm: Int16Array) => encode(pcm, format) };
    const channels = names.map(() => new Channel(sampleRate));
    for (const [at, name] of names.entries()) this.#channels.set(name, channels[at]!);
    let claimed = '';
    try {
      const existing = replace ? 'replace' : 'keep';
      if (replace) claimed = await this.#claim(path);
      const writer = await WavWriter.create(path, { sampleRate, channels: names.length, coding, existing });
      if (this.#closing || this.#failure) {
        await writer.close();
        await this.#remove(path);
      }
      this.#refuseClosed();
      this.#sheets.push(new Sheet(writer, channels, sampleRate));
    } catch (error) {
      this.#replaced.delete(claimed);
      for (const channel of channels) channel.abandon();
      for (const name of names) this.#channels.delete(name);
      throw error;
    }
  }

  /** Refuses a file that a channel is recorded in already, by whatever path: one voice would be written over the other. */
  async #claim(path: string): Promise<string> {
    // Made if it is not there, to be known. What can't be opened, can't be written either: that is told then.
    const file = await openFile(path, 'a').catch(() => undefined);
    const stats = await file?.stat({ bigint: true });
    await file?.close();
    if (!stats?.isFile()) return '';
    const key = `${stats.dev} ${stats.ino}`;
    if (this.#replaced.has(key)) throw invalid('path', path, 'a file that no other channel is recorded in');
    this.#replaced.add(key);
    return key;
  }

  /** Nothing was recorded in it, and it would be in the way of the next attempt. */
  async #remove(path: string): Promise<void> {
    if (!this.#options.replace) await rm(path, { force: true }).catch(() => {});
  }

  #names(): string {
    const names = [...this.#channels.keys()];
    return names.length > 0 ? `one of ${names.join(', ')}` : 'a name that add() was given; none was so far';
  }

  #refuseClosed(): void {
    if (this.#closing || this.#failure) throw new NarrowcastError('CLOSED', 'the recorder is closed: open another one');
  }
}

function checkPath(what: string, path: unknown): void {
  if (typeof path !== 'string' || path === '') throw invalid(what, path, 'a path');
}
