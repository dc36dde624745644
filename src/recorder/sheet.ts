import type { Timeline } from '../timeline.js';
import { afterTurn, delivered, mayDeliver } from '../turn-budget.js';
import type { WavWriter } from '../wav-writer.js';
import type { Channel } from './channel.js';

/** How much of a file is put together in memory, in ms. */
export const WINDOW_MS = 1000;

/** One file, and the part of it that is being put together. A disk that hangs holds up no other file. */
export class Sheet {
  readonly #writer: WavWriter;
  readonly #channels: readonly Channel[];
  readonly #window: Int16Array;
  /** Where the window begins: samples of each channel since the recording began. */
  #base = 0;
  /** What is being written, one after the other; never rejects. */
  #writing: Promise<void> = Promise.resolve();
  #updating: Promise<void> | undefined;

  constructor(writer: WavWriter, channels: readonly Channel[], sampleRate: number) {
    this.#writer = writer;
    this.#channels = channels;
    this.#window = new Int16Array(Math.ceil((sampleRate * WINDOW_MS) / 1000) * channels.length);
  }

  /** Writes what is known by now, unless that is being done. */
  update(timeline: Timeline): Promise<void> {
    return (this.#updating ??= this.#enqueue(timeline).finally(() => (this.#updating = undefined)));
  }

  /** Writes all that has come. @param to where the recording ends */
  finish(timeline: Timeline, to: number): Promise<void> {
    return this.#enqueue(timeline, to);
  }

  #enqueue(timeline: Timeline, to?: number): Promise<void> {
    const written = this.#writing.then(async () => {
      while (await this.#write(timeline, to)) {
        if (!mayDeliver()) await new Promise<void>(afterTurn);
        delivered();
      }
    });
    this.#writing = written.catch(() => {});
    return written;
  }

  /** Writes a piece. Returns whether there was one. */
  async #write(timeline: Timeline, to: number | undefined): Promise<boolean> {
    const step = this.#channels.length;
    const now = timeline.length;
    const isEmpty = this.#channels.every(({ end }) => end <= this.#base);
    const quiet = Math.floor(Math.min(...this.#channels.map((channel) => channel.quietUntil(now)))) - this.#base;
    if (isEmpty && quiet * step > this.#window.length) {
      // Long silence is not put together: on most disks it takes no room.
      this.#base += quiet;
      for (const channel of this.#channels) channel.skip(quiet);
      await this.#writer.silence(quiet * step);
      return true;
    }
    let moved = false;
    for (const [at, channel] of this.#channels.entries()) {
      for (;;) {
        channel.place(this.#window, this.#base, at, step);
        if (channel.isPending || !channel.read(timeline)) break;
        moved = true;
      }
    }
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

  get path(): string {
    return this.#writer.path;
  }

  save(): Promise<void> {
    return this.#writer.save();
  }

  /** The file has failed: what was not written is given up. */
  abandon(): void {
    for (const channel of this.#channels) channel.abandon();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
