import type { Timeline } from '../timeline.js';
import type { WavWriter } from '../wav-writer.js';
import type { Channel } from './channel.js';

/** How much of a file is put together in memory, in ms. */
export const WINDOW_MS = 1000;

/** One file, and the part of it that is being put together. */
export class Sheet {
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

  close(): Promise<void> {
    return this.#writer.close();
  }
}
