import { printable } from '../shared/format.js';
import type { Heard } from '../shared/live-table.js';
import { Recording } from '../shared/recording.js';
import type { RecordedVoice } from './result.js';
import type { Voice } from './room.js';
import type { Timeline } from '../../timeline.js';
import type { WavWriter } from '../../wav-writer.js';

/** A participant's file. Whoever comes back, or publishes again, goes on in it, where the clock is by then. */
export class VoiceFile {
  readonly identity: string;
  readonly screen: boolean;
  /** Settles when all voices that it was given have ended; rejects if the file can't be written. */
  recorded: Promise<void>;
  readonly #timeline: Timeline;
  #recording: Recording | undefined;
  /** Goes into it now, or went last. */
  #voice: Voice;
  #ended = false;
  /** Frames lost of the voices before. */
  #droppedBefore = 0;
  /** Where the first frame began, in samples. */
  #begin: number | undefined;

  /** @param created the file, which is this object's from now on */
  constructor(voice: Voice, created: Promise<WavWriter>, timeline: Timeline) {
    this.identity = voice.identity;
    this.screen = voice.screen;
    this.#voice = voice;
    this.#timeline = timeline;
    this.recorded = created.then((writer) => {
      this.#recording = new Recording(writer);
      return this.#record(voice, this.#recording);
    });
    this.recorded.catch(() => {});
  }

  /** Whether another voice can go on in it. */
  get free(): boolean {
    return this.#ended || this.#voice.over();
  }

  /** Frames read. */
  get frames(): number {
    return this.#recording?.frames ?? 0;
  }

  /** Goes on with another voice, when all is written that came before it. */
  take(voice: Voice): void {
    this.#droppedBefore += this.#voice.dropped();
    this.#voice = voice;
    this.#ended = false;
    // Without a file, this was rejected.
    this.recorded = this.recorded.then(() => this.#record(voice, this.#recording!));
    this.recorded.catch(() => {});
  }

  heard(): Heard {
    return {
      identity: `${printable(this.identity)}${this.screen ? ' (screen)' : ''}`,
      frames: this.frames,
      level: this.#recording?.takeLevel() ?? -Infinity,
      dropped: this.#dropped,
      state: this.free ? 'gone' : this.#voice.muted() ? 'muted' : undefined,
    };
  }

  /** What was recorded by now can be played, whatever becomes of this process. */
  async save(): Promise<void> {
    await this.#recording?.save();
  }

  /** Nothing more comes; what waits is still recorded. */
  stop(): void {
    this.#voice.close();
  }

  /** Samples in it, when all its voices have ended. @throws {Failure} */
  async recordedLength(): Promise<number> {
    await this.recorded;
    return this.#recording!.length;
  }

  /** Completes the file, with silence up to `length` samples, when all its voices have ended. @throws {Failure} */
  async finish(length: number): Promise<void> {
    const recording = this.#recording!;
    if (recording.length < length) await recording.fill(length - recording.length);
    await recording.close();
  }

  /** Closes the file after a failure: what is in it can be played. Never rejects. */
  async abandon(): Promise<void> {
    await Promise.allSettled([this.recorded]);
    await Promise.allSettled([this.#recording?.close()]);
  }

  /** What became of it. @param sampleRate Hz */
  result(sampleRate: number): RecordedVoice {
    const { path, frames, samples } = this.#recording!;
    return {
      identity: this.identity,
      source: this.screen ? 'screen' : 'voice',
      file: path,
      begin: (this.#begin ?? 0) / sampleRate,
      heard: samples / sampleRate,
      framesReceived: frames,
      framesDropped: this.#dropped,
    };
  }

  get #dropped(): number {
    return this.#droppedBefore + this.#voice.dropped();
  }

  async #record(voice: Voice, recording: Recording): Promise<void> {
    let first = true;
    await recording.record(voice.frames, (samples) => {
      const pause = this.#timeline.pause(recording.length, samples, () => voice.waitingMs(), first);
      first = false;
      this.#begin ??= recording.length + pause;
      return pause;
    });
    if (voice === this.#voice) this.#ended = true;
  }
}
