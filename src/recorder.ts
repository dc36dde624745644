import type { MixerStream } from './audio-mixer.js';
import { AudioStream } from './audio-stream.js';
import { AudioStreamTrack, nativeTrackOf } from './audio-stream-track.js';
import { fromNative, NarrowcastError } from './errors.js';
import type { Native } from './native.js';
import { PcmConverter } from './pcm-converter.js';
import { PcmReadable, readerOf } from './pcm-readable.js';
import type { PcmReader, ReadReport } from './pcm-reader.js';
import { warnOfFailure } from './report-error.js';
import { Timeline, TOLERANCE_MS } from './timeline.js';
import { afterTurn, delivered, mayDeliver } from './turn-budget.js';
import { asyncIterable, integer, invalid, optionsObject } from './validate.js';
import { WavWriter } from './wav-writer.js';
import { END } from './waiters.js';

/** Options of {@link Recorder}. */
export interface RecorderOptions {
  /** Of the files, in Hz. Default: 48000. */
  sampleRate?: number;
  /** How long the thread or the disk may be blocked without a loss, in ms, for tracks and for streams that are not
   * narrowcast's; an `AudioStream` has a `bufferMs` of its own. Default: 10,000. */
  bufferMs?: number;
  /** How often the files are brought up to date for the case that the process ends without {@link Recorder.close}, in ms.
   * Default: 5,000. */
  saveMs?: number;
  /** Whether files that are there are replaced. Default: they are refused. */
  replace?: boolean;
}

/** What is recorded: the audio that comes in, what an agent says, or frames of any rate that come in real time. */
export type RecorderSource = AudioStreamTrack | MixerStream;

/** What became of one channel of a recording. */
export interface RecordedChannel {
  /** What was recorded, in ms; the rest of the channel is silence. */
  recordedMs: number;
  /** What was lost because the thread or the disk was blocked for longer than the buffers last, in ms. Silence is in its
   * place. */
  lostMs: number;
  /** What waits to be written, in ms. */
  bufferedMs: number;
  /** `'waiting'` until a source is given, `'recording'` while it lives, `'ended'` after that. */
  state: 'waiting' | 'recording' | 'ended';
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

/** How much is read at a time, in ms, and how much of a file is put together in memory. */
const PIECE_MS = 100;
const WINDOW_MS = 1000;

/** How far samples may be late because a resampler holds them back, in ms. */
const RESAMPLER_MS = 40;

/** Samples that were read, and where they belong: in samples of the source's rate. */
interface Piece {
  readonly data: Int16Array;
  /** Since the recording began, where that is known. */
  readonly at?: number;
  /** Lost before it. */
  readonly lost: number;
}

/** A source, as a channel reads it: without promises. */
interface Tapped {
  readonly sampleRate: number;
  readonly channels: number;
  readonly ended: boolean;
  /** What waits, and what was lost so far, in ms. */
  readonly waitingMs: number;
  readonly lostMs: number;
  read(): Piece | undefined;
  /** No more comes; what waits can be read. */
  close(): void;
  /** Nothing more is read: what waits is left where it is. */
  abandon(): void;
}

/** What was heard of a track, with the time at which it was heard. */
class TappedTrack implements Tapped {
  readonly sampleRate: number;
  readonly channels: number;
  readonly #tap: Native.NativeTrackTap;
  readonly #begin: number;
  readonly #scratch: Int16Array;

  /** @param beginSeconds where the recording is now */
  constructor(track: AudioStreamTrack, bufferMs: number, beginSeconds: number) {
    this.sampleRate = track.sampleRate;
    this.channels = track.numChannels;
    const samples = (ms: number) => Math.ceil((this.sampleRate * ms) / 1000) * this.channels;
    this.#tap = fromNative(() => nativeTrackOf(track).tap(samples(bufferMs)));
    this.#begin = beginSeconds * this.sampleRate;
    this.#scratch = new Int16Array(samples(PIECE_MS));
  }

  get ended(): boolean {
    return this.#tap.ended && this.#tap.buffered === 0;
  }

  get waitingMs(): number {
    return this.#ms(this.#tap.buffered);
  }

  get lostMs(): number {
    return this.#ms(this.#tap.dropped);
  }

  read(): Piece | undefined {
    const samples = this.#tap.read(this.#scratch);
    if (samples === 0) return undefined;
    const at = this.#begin + this.#tap.position / this.channels;
    return { data: this.#scratch.subarray(0, samples), at, lost: 0 };
  }

  close(): void {
    this.#tap.close();
  }

  abandon(): void {
    this.close();
  }

  #ms(samples: number): number {
    return (samples / this.channels / this.sampleRate) * 1000;
  }
}

/** A stream of narrowcast's, which nobody else reads meanwhile. */
class TappedStream implements Tapped {
  readonly sampleRate: number;
  readonly channels: number;
  readonly #stream: PcmReadable<unknown>;
  readonly #reader: PcmReader<unknown>;
  readonly #lock: { releaseLock(): void };
  readonly #scratch: Int16Array;
  readonly #report: ReadReport = { droppedBefore: 0 };
  #next: number | undefined;
  #lost = 0;
  #isOver = false;

  constructor(stream: PcmReadable<unknown>) {
    this.#stream = stream;
    this.#reader = readerOf(stream);
    this.#lock = stream.getReader();
    this.sampleRate = this.#reader.sampleRate;
    this.channels = this.#reader.channels;
    this.#scratch = new Int16Array(Math.ceil((this.sampleRate * PIECE_MS) / 1000) * this.channels);
  }

  get ended(): boolean {
    return this.#isOver;
  }

  get waitingMs(): number {
    return this.#reader.stats().bufferedMs;
  }

  get lostMs(): number {
    return (this.#lost / this.sampleRate) * 1000;
  }

  read(): Piece | undefined {
    if (this.#isOver) return undefined;
    const samples = this.#reader.readInto(this.#scratch, this.#report);
    if (samples === END) {
      this.#isOver = true;
      this.close();
      this.#lock.releaseLock();
    }
    if (samples === END || samples === 0) return undefined;
    const { position = 0 } = this.#report;
    const gap = position - (this.#next ?? position);
    this.#lost += gap;
    this.#next = position + samples / this.channels;
    return { data: this.#scratch.subarray(0, samples), lost: gap };
  }

  close(): void {
    this.#stream.close();
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lock.releaseLock();
  }
}

/** One voice of a recording. */
class Channel {
  source: Tapped | undefined;
  /** What feeds the source, if that is this recorder's own ring. */
  stop = () => {};
  /** Whether nothing was read of the source so far. */
  isFirst = true;
  /** Without a source. */
  state: 'waiting' | 'ended' = 'waiting';
  recorded = 0;
  lostMs = 0;
  /** Where the next sample belongs if it follows the last one: samples since the recording began. */
  end = 0;
  /** What was read and is not in the file, from `end` on: samples, or a number of samples of silence. */
  readonly pending: (Int16Array | number)[] = [];
  readonly converter: PcmConverter;
  readonly sampleRate: number;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
    this.converter = new PcmConverter(sampleRate, 1);
  }

  /** Reads a piece, and finds out where it belongs. Returns whether there was one. */
  read(timeline: Timeline): boolean {
    const { source } = this;
    const piece = source?.read();
    if (!source || !piece) {
      if (source?.ended) this.finish();
      return this.pending.length > 0;
    }
    const { sampleRate, channels } = source;
    const scaled = (samples: number) => Math.round((samples * this.sampleRate) / sampleRate);
    const samples = scaled(piece.data.length / channels);
    let pause = scaled(piece.lost);
    if (piece.at !== undefined) pause = scaled(piece.at) - this.end;
    else pause += timeline.pause(this.end + pause, samples, () => source.waitingMs, this.isFirst);
    this.isFirst = false;
    // What a resampler holds back is no pause.
    if (pause > (piece.at === undefined ? 0 : (RESAMPLER_MS * this.sampleRate) / 1000)) {
      pause -= this.#take(this.converter.flush());
      if (pause > 0) this.pending.push(pause);
    }
    this.#take(this.converter.push({ data: piece.data, sampleRate, channels }));
    return true;
  }

  /** The source has ended. */
  finish(): void {
    const { source } = this;
    if (!source) return;
    this.#take(this.converter.flush());
    this.lostMs += source.lostMs;
    this.source = undefined;
    this.stop();
  }

  /** Until where the channel is known by now. */
  horizon(now: number): number {
    if (this.pending.length > 0 || (this.source?.waitingMs ?? 0) > 0) return this.end;
    return Math.max(this.end, this.source ? now - (TOLERANCE_MS * this.sampleRate) / 1000 : now);
  }

  /** Puts what is pending into a window that begins at `base`, as far as there is room; its channels are `step` samples wide. */
  place(window: Int16Array, base: number, at: number, step: number): void {
    for (let [next] = this.pending; next !== undefined; [next] = this.pending) {
      const length = typeof next === 'number' ? next : next.length;
      const count = Math.min(length, window.length / step - (this.end - base));
      if (count <= 0) return;
      if (typeof next !== 'number') {
        for (let i = 0, to = (this.end - base) * step + at; i < count; i++, to += step) window[to] = next[i]!;
      }
      this.end += count;
      if (count === length) this.pending.shift();
      else this.pending[0] = typeof next === 'number' ? length - count : next.subarray(count);
    }
  }

  stats(): RecordedChannel {
    const { source } = this;
    const ms = (samples: number) => (samples / this.sampleRate) * 1000;
    const pending = this.pending.reduce<number>((sum, each) => sum + (typeof each === 'number' ? 0 : each.length), 0);
    return {
      recordedMs: ms(this.recorded),
      lostMs: this.lostMs + (source?.lostMs ?? 0),
      bufferedMs: ms(pending) + (source?.waitingMs ?? 0),
      state: source ? 'recording' : this.state,
    };
  }

  /** Returns how many samples that were. */
  #take(pieces: Int16Array[]): number {
    let samples = 0;
    for (const piece of pieces) {
      samples += piece.length;
      // The memory that it was read into is used again.
      if (piece.length > 0) this.pending.push(piece.slice());
    }
    this.recorded += samples;
    return samples;
  }
}

/** One file, and the part of it that is being put together. */
class Sheet {
  readonly #writer: WavWriter;
  readonly #channels: readonly Channel[];
  readonly #window: Int16Array;
  /** Where the window begins: samples of each channel since the recording began. */
  #base = 0;

  constructor(writer: WavWriter, channels: readonly Channel[], sampleRate: number) {
    this.#writer = writer;
    this.#channels = channels;
    this.#window = new Int16Array(Math.ceil((sampleRate * WINDOW_MS) / 1000) * channels.length);
  }

  /** Writes what is known by now. Returns whether that was anything. @param to where the recording ends, in the end */
  async write(timeline: Timeline, to?: number): Promise<boolean> {
    const step = this.#channels.length;
    let moved = false;
    for (const [at, channel] of this.#channels.entries()) {
      for (;;) {
        channel.place(this.#window, this.#base, at, step);
        if (channel.pending.length > 0 || !channel.read(timeline)) break;
        moved = true;
      }
    }
    const now = timeline.length;
    const ends = this.#channels.map((channel) => channel.horizon(now));
    const horizon = to === undefined ? Math.min(...ends) : Math.max(to, ...this.#channels.map(({ end }) => end));
    const known = Math.floor(horizon) - this.#base;
    if (known <= 0) return moved;
    const samples = Math.min(known * step, this.#window.length);
    const full = this.#writer.append(this.#window.subarray(0, samples));
    this.#window.copyWithin(0, samples).fill(0, this.#window.length - samples);
    this.#base += samples / step;
    for (const channel of this.#channels) channel.end = Math.max(channel.end, this.#base);
    if (full) await full;
    return true;
  }

  get length(): number {
    return this.#base;
  }

  save(): Promise<void> {
    return this.#writer.save();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

/**
 * Records a call: a stereo file with the caller on the left and the agent on the right, or a WAV file for each voice, all from
 * one beginning to one end.
 *
 * - What an `AudioStreamTrack` says is recorded as it was heard, when it was heard: without what was interrupted or dropped, and
 *   without what still waits in the engine. A stream is recorded when it comes in.
 * - Audio waits natively, and is written ten times a second: while the thread or the disk is blocked, nothing is lost as long as
 *   the buffers last. What is lost then is counted, and is silence in the file.
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
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #sheets: readonly Sheet[];
  readonly #sampleRate: number;
  readonly #bufferMs: number;
  readonly #timeline: Timeline;
  readonly #timers: readonly NodeJS.Timeout[];
  #fail!: (error: NarrowcastError) => void;
  #failure: NarrowcastError | undefined;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #seconds: number | undefined;

  /** Begins now. */
  private constructor(
    channels: ReadonlyMap<string, Channel>,
    sheets: readonly Sheet[],
    { sampleRate, bufferMs, saveMs }: Required<RecorderOptions>,
  ) {
    this.#channels = channels;
    this.#sheets = sheets;
    this.#sampleRate = sampleRate;
    this.#bufferMs = bufferMs;
    this.#timeline = new Timeline(sampleRate);
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    this.#timers = [
      setInterval(() => void this.#write(), WRITE_MS).unref(),
      setInterval(() => void Promise.all(sheets.map((sheet) => sheet.save())), saveMs).unref(),
    ];
  }

  /**
   * Makes the files, and begins to record.
   *
   * @param files one file, of the channels `caller` (left) and `agent` (right); or a mono file for each name: `{ alice:
   *   'alice.wav' }`. Their folders must exist
   * @throws {NarrowcastError} `WRITE_FAILED`: a file can't be written, or is there already; `INVALID_ARGUMENT`
   */
  static async open(
    files: string | Readonly<Record<string, string>>,
    options: RecorderOptions = {},
  ): Promise<Recorder> {
    optionsObject<RecorderOptions>('options', options, {
      sampleRate: true,
      bufferMs: true,
      saveMs: true,
      replace: true,
    });
    const { sampleRate = 48_000, bufferMs = 10_000, saveMs = 5000, replace = false } = options;
    integer('sampleRate', sampleRate, 1000, 768_000);
    integer('bufferMs', bufferMs, WINDOW_MS, 600_000);
    integer('saveMs', saveMs, 100, 3_600_000);
    if (typeof replace !== 'boolean') throw invalid('replace', replace, 'a boolean');
    const named: [path: unknown, names: string[]][] =
      typeof files === 'string'
        ? [[files, ['caller', 'agent']]]
        : Object.entries(Object(files) as object).map(([name, path]) => [path, [name]]);
    for (const [path] of named) if (typeof path !== 'string' || path === '') throw invalid('files', path, 'a path');
    if (named.length === 0) throw invalid('files', files, 'a path, or an object of paths');
    const channels = new Map<string, Channel>();
    const writers: WavWriter[] = [];
    try {
      for (const [path, { length }] of named) {
        writers.push(await WavWriter.create(path as string, sampleRate, replace ? 'replace' : 'keep', length));
      }
    } catch (error) {
      await Promise.allSettled(writers.map((writer) => writer.close()));
      throw error;
    }
    const sheets = named.map(([, names], at) => {
      const own = names.map((name) => channels.set(name, new Channel(sampleRate)).get(name)!);
      return new Sheet(writers[at]!, own, sampleRate);
    });
    return new Recorder(channels, sheets, { sampleRate, bufferMs, saveMs, replace });
  }

  /**
   * Records a source from now on, to its end. A channel has one at a time: another one takes its place.
   *
   * @param channel `caller` or `agent` in one file; otherwise a name that {@link open} was given
   * @param source an `AudioStream`, which only this recorder reads, and which it closes in the end; an `AudioStreamTrack`; or an
   *   async iterable of frames that come in real time
   * @throws {NarrowcastError} `CLOSED` after {@link close} and once a file has failed; `LOCKED` if the stream is being read, or the
   *   track is recorded already; `INVALID_ARGUMENT`
   */
  record(channel: string, source: RecorderSource): void {
    const own = this.#channels.get(channel);
    if (!own) throw invalid('channel', channel, `one of ${[...this.#channels.keys()].join(', ')}`);
    if (this.#closing || this.#failure) throw new NarrowcastError('CLOSED', 'the recorder is closed: open another one');
    let tapped: Tapped;
    let stop = () => {};
    if (source instanceof AudioStreamTrack) {
      tapped = new TappedTrack(source, this.#bufferMs, this.#timeline.seconds);
    } else if (source instanceof PcmReadable) {
      tapped = new TappedStream(source as PcmReadable<unknown>);
    } else {
      asyncIterable('source', source, 'an AudioStream, an AudioStreamTrack, or another async iterable of frames');
      const ring = new AudioStream({ sampleRate: this.#sampleRate, bufferMs: this.#bufferMs, from: {} });
      stop = feed(ring, source);
      tapped = new TappedStream(ring as PcmReadable<unknown>);
    }
    // What waits of the last one belongs before this one.
    own.source?.close();
    while (own.source && own.read(this.#timeline));
    own.finish();
    try {
      own.converter.push({ data: new Int16Array(), sampleRate: tapped.sampleRate, channels: tapped.channels });
    } catch (error) {
      tapped.abandon();
      throw error;
    }
    own.source = tapped;
    own.stop = stop;
    own.isFirst = true;
    own.state = 'ended';
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
    const to = this.#timeline.length;
    this.#seconds = to / this.#sampleRate;
    this.#stop();
    await this.#writing;
    if (!this.#failure) await this.#write(to);
    await this.#closeFiles();
    if (this.#failure) throw this.#failure;
  }

  /** No more comes of any source. */
  #stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { source } of this.#channels.values()) source?.close();
  }

  /** Writes what is there, once at a time. @param to the end of the recording */
  #write(to?: number): Promise<void> {
    return (this.#writing ??= this.#writeAll(to)
      .catch((error: unknown) => this.#broken(error))
      .finally(() => (this.#writing = undefined)));
  }

  async #writeAll(to?: number): Promise<void> {
    for (const sheet of this.#sheets) await this.#writeSheet(sheet, to);
    if (to === undefined) return;
    // What has come may go on a moment longer, and all files end together.
    const end = Math.max(...this.#sheets.map(({ length }) => length));
    this.#seconds = end / this.#sampleRate;
    for (const sheet of this.#sheets) await this.#writeSheet(sheet, end);
  }

  async #writeSheet(sheet: Sheet, to?: number): Promise<void> {
    while (await sheet.write(this.#timeline, to)) {
      if (!mayDeliver()) await new Promise<void>(afterTurn);
      delivered();
    }
  }

  async #broken(error: unknown): Promise<void> {
    if (this.#failure) return;
    this.#failure = error as NarrowcastError;
    this.#stop();
    for (const channel of this.#channels.values()) {
      channel.source?.abandon();
      channel.pending.length = 0;
      channel.finish();
    }
    if (!this.#closing) await this.#closeFiles();
    this.#fail(this.#failure);
  }

  async #closeFiles(): Promise<void> {
    for (const result of await Promise.allSettled(this.#sheets.map((sheet) => sheet.close()))) {
      if (result.status === 'rejected') this.#failure ??= result.reason as NarrowcastError;
    }
  }
}

/** Writes what a source gives to a ring, until it ends; returns what stops that. */
function feed(ring: AudioStream, source: MixerStream): () => void {
  const iterator: AsyncIterator<unknown> = source[Symbol.asyncIterator]();
  let isStopped = false;
  void (async () => {
    try {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done || isStopped) break;
        ring.write(value as Int16Array);
        if (!mayDeliver()) await new Promise<void>(afterTurn);
        delivered();
      }
    } catch (error) {
      warnOfFailure('a source of a Recorder has failed, and is not recorded any more', error);
    } finally {
      ring.close();
    }
  })();
  return () => {
    if (isStopped) return;
    isStopped = true;
    void (async () => iterator.return?.())().catch(() => {});
  };
}
