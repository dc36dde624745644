import { PcmConverter } from '../pcm-converter.js';
import { type Timeline, TOLERANCE_MS } from '../timeline.js';
import type { Tapped } from './source.js';

/** What became of one channel of a recording. */
export interface RecordedChannel {
  /** Where its first sample is, in ms since the recording began; undefined before there is one. */
  beganMs: number | undefined;
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

/** How far samples may be late because a resampler holds them back, in ms. */
const RESAMPLER_MS = 40;

/** In samples. */
const lengthOf = (piece: Int16Array | number) => (typeof piece === 'number' ? piece : piece.length);

/** One voice of a recording. */
export class Channel {
  #source: Tapped | undefined;
  /** Whether nothing was read of the source so far. */
  #isFirst = true;
  /** Without a source. */
  #state: 'waiting' | 'ended' = 'waiting';
  #began: number | undefined;
  #recorded = 0;
  #lostMs = 0;
  /** Where the next sample belongs if it follows the last one: samples since the recording began. */
  end = 0;
  /** What was read and is not in the file, from `end` on: samples, or a number of samples of silence. */
  readonly #pending: (Int16Array | number)[] = [];
  readonly #converter: PcmConverter;
  readonly #sampleRate: number;

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
    this.#converter = new PcmConverter(sampleRate, 1);
  }

  /** Whether something was read that is not in the file. */
  get isPending(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Goes on with another source. What waits of the last one belongs before it.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`: it can't be converted
   */
  take(source: Tapped, timeline: Timeline): void {
    this.close();
    while (this.#source && this.read(timeline));
    this.#finish();
    try {
      const { sampleRate, channels } = source;
      this.#converter.push({ data: new Int16Array(), sampleRate, channels });
    } catch (error) {
      source.abandon();
      throw error;
    }
    this.#source = source;
    this.#isFirst = true;
    this.#state = 'ended';
  }

  /** No more comes of its source; what waits can be read. */
  close(): void {
    this.#source?.close();
  }

  /** Its file has failed: what was not written is given up. */
  abandon(): void {
    this.#source?.abandon();
    this.#pending.length = 0;
    this.#finish();
  }

  /** Reads a piece, and finds out where it belongs. Returns whether there was one. */
  read(timeline: Timeline): boolean {
    const source = this.#source;
    const piece = source?.read();
    if (!source || !piece) {
      if (source?.ended) this.#finish();
      return this.isPending;
    }
    const { sampleRate, channels } = source;
    const scaled = (samples: number) => Math.round((samples * this.#sampleRate) / sampleRate);
    const samples = scaled(piece.data.length / channels);
    let pause = scaled(piece.lost);
    // More than one piece is read where another source takes the place.
    const end = this.#pending.reduce<number>((sum, each) => sum + lengthOf(each), this.end);
    if (piece.at !== undefined) pause = scaled(piece.at) - end;
    else pause += timeline.pause(end + pause, samples, () => source.waitingMs, this.#isFirst);
    this.#isFirst = false;
    // What a resampler holds back is no pause.
    if (pause > (piece.at === undefined ? 0 : (RESAMPLER_MS * this.#sampleRate) / 1000)) {
      pause -= this.#take(this.#converter.flush());
      if (pause > 0) this.#pending.push(pause);
    }
    this.#take(this.#converter.push({ data: piece.data, sampleRate, channels }));
    return true;
  }

  /** The source has ended. */
  #finish(): void {
    const source = this.#source;
    if (!source) return;
    this.#take(this.#converter.flush());
    this.#lostMs += source.lostMs;
    this.#source = undefined;
  }

  /** Until where the channel is known by now: what a source gives may be late. */
  horizon(now: number): number {
    if (this.isPending || (this.#source?.waitingMs ?? 0) > 0) return this.end;
    return Math.max(this.end, now - (TOLERANCE_MS * this.#sampleRate) / 1000);
  }

  /** Until where the channel is silent, from its end on. */
  quietUntil(now: number): number {
    const [next] = this.#pending;
    return typeof next === 'number' ? this.end + next : this.horizon(now);
  }

  /** Goes over silence, up to where {@link quietUntil} says. */
  skip(samples: number): void {
    const [next] = this.#pending;
    this.end += samples;
    if (typeof next !== 'number') return;
    if (next > samples) this.#pending[0] = next - samples;
    else this.#pending.shift();
  }

  /** Puts what is pending into a window that begins at `base`, as far as there is room; its channels are `step` samples wide. */
  place(window: Int16Array, base: number, at: number, step: number): void {
    for (let [next] = this.#pending; next !== undefined; [next] = this.#pending) {
      const length = lengthOf(next);
      const count = Math.min(length, window.length / step - (this.end - base));
      if (count <= 0) return;
      if (typeof next !== 'number') {
        this.#began ??= this.end;
        for (let i = 0, to = (this.end - base) * step + at; i < count; i++, to += step) window[to] = next[i]!;
      }
      this.end += count;
      if (count === length) this.#pending.shift();
      else this.#pending[0] = typeof next === 'number' ? length - count : next.subarray(count);
    }
  }

  stats(): RecordedChannel {
    const source = this.#source;
    const ms = (samples: number) => (samples / this.#sampleRate) * 1000;
    const pending = this.#pending.reduce<number>((sum, each) => sum + (typeof each === 'number' ? 0 : each.length), 0);
    return {
      beganMs: this.#began === undefined ? undefined : ms(this.#began),
      recordedMs: ms(this.#recorded),
      lostMs: this.#lostMs + (source?.lostMs ?? 0),
      bufferedMs: ms(pending) + (source?.waitingMs ?? 0),
      state: source ? 'recording' : this.#state,
    };
  }

  /** Returns how many samples that were. */
  #take(pieces: Int16Array[]): number {
    let samples = 0;
    for (const piece of pieces) {
      samples += piece.length;
      // The memory that it was read into is used again.
      if (piece.length > 0) this.#pending.push(piece.slice());
    }
    this.#recorded += samples;
    return samples;
  }
}
