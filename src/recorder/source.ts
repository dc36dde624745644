import type { MixerStream } from '../audio-mixer.js';
import { AudioStream } from '../audio-stream.js';
import { AudioStreamTrack, nativeTrackOf } from '../audio-stream-track.js';
import { fromNative } from '../errors.js';
import type { Native } from '../native.js';
import { PcmReadable, readerOf } from '../pcm-readable.js';
import type { PcmReader, ReadReport } from '../pcm-reader.js';
import { warnOfFailure } from '../report-error.js';
import { afterTurn, delivered, mayDeliver } from '../turn-budget.js';
import { asyncIterable } from '../validate.js';
import { END } from '../waiters.js';

/** What is recorded: the audio that comes in, what an agent says, or frames of any rate that come in real time. */
export type RecorderSource = AudioStreamTrack | MixerStream;

/** How much is read at a time, in ms. */
const PIECE_MS = 100;

/** Samples that were read, and where they belong: in samples of the source's rate. */
interface Piece {
  readonly data: Int16Array;
  /** Since the recording began, where that is known. */
  readonly at?: number;
  /** Lost before it. */
  readonly lost: number;
}

/** A source, as a channel reads it: without promises. */
export interface Tapped {
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

/** A stream of narrowcast's, which only the recorder reads meanwhile. */
class TappedStream implements Tapped {
  readonly sampleRate: number;
  readonly channels: number;
  readonly #stream: PcmReadable<unknown>;
  readonly #reader: PcmReader<unknown>;
  readonly #lock: { releaseLock(): void };
  readonly #scratch: Int16Array;
  readonly #report: ReadReport = { droppedBefore: 0 };
  #next: number | undefined;
  /** Frames that it had lost before it was recorded. */
  readonly #lostBefore: number;
  #isOver = false;
  readonly #stop: () => void;

  /** @param stop what feeds the stream, if that is this recorder's own */
  constructor(stream: PcmReadable<unknown>, stop = () => {}) {
    this.#stream = stream;
    this.#stop = stop;
    this.#reader = readerOf(stream);
    this.#lock = stream.getReader();
    this.#lostBefore = this.#reader.stats().framesDropped;
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
    const { frameSamples } = this.#reader.format;
    const frames = this.#reader.stats().framesDropped - this.#lostBefore;
    return ((frames * frameSamples) / this.channels / this.sampleRate) * 1000;
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
    this.#next = position + samples / this.channels;
    return { data: this.#scratch.subarray(0, samples), lost: gap };
  }

  close(): void {
    this.#stop();
    this.#stream.close();
  }

  abandon(): void {
    this.#stop();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lock.releaseLock();
  }
}

/**
 * Opens a source to be read by a channel alone.
 *
 * @param sampleRate of the recording, in Hz
 * @param beginSeconds where the recording is now
 * @throws {NarrowcastError} `LOCKED`, `INVALID_ARGUMENT`
 */
export function tap(source: RecorderSource, sampleRate: number, bufferMs: number, beginSeconds: number): Tapped {
  if (source instanceof AudioStreamTrack) return new TappedTrack(source, bufferMs, beginSeconds);
  if (source instanceof PcmReadable) return new TappedStream(source as PcmReadable<unknown>);
  asyncIterable('source', source, 'an AudioStream, an AudioStreamTrack, or another async iterable of frames');
  const ring = new AudioStream({ sampleRate, bufferMs, from: {} });
  return new TappedStream(ring as PcmReadable<unknown>, feed(ring, source));
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
