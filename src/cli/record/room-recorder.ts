import { join } from 'node:path';
import { fileNameOf } from './file-name.js';
import type { Heard } from '../shared/live-table.js';
import type { RecordedVoice } from './result.js';
import type { Voice } from './room.js';
import { Timeline } from '../../timeline.js';
import { VoiceFile } from './voice-file.js';
import { WavWriter } from '../../wav-writer.js';

/** How often the files are brought up to date for the case that this process does not end by itself, in ms. */
const SAVE_MS = 10_000;

/** Records what is heard in a room: a file for each participant, all from one beginning to one end. */
export class RoomRecorder {
  /** Rejects when a file can't be written. */
  readonly failed: Promise<never>;
  readonly #out: string;
  readonly #sampleRate: number;
  readonly #timeline: Timeline;
  readonly #files: VoiceFile[] = [];
  /** Names of files that were given to somebody, in lower case: to some file systems that is the same. */
  readonly #names = new Set<string>();
  readonly #saving: NodeJS.Timeout;
  #fail!: (error: unknown) => void;
  #over = false;
  #finishing: Promise<unknown> | undefined;
  /** Samples, once it is over. */
  #length: number | undefined;

  /**
   * Begins now.
   *
   * @param out folder for the files, which is there
   * @param sampleRate Hz
   * @param apart runs what is not the recording's own work
   */
  constructor(out: string, sampleRate: number, apart: (work: () => void) => void = (work) => work()) {
    this.#out = out;
    this.#sampleRate = sampleRate;
    this.#timeline = new Timeline(sampleRate);
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    // It may fail before, or after, anybody looks.
    this.failed.catch(() => {});
    this.#saving = setInterval(() => apart(() => void this.save()), SAVE_MS);
  }

  /** How long it is, in s. */
  get seconds(): number {
    return (this.#length ?? this.#timeline.length) / this.#sampleRate;
  }

  /** Frames read, of all participants. */
  get frames(): number {
    return this.#files.reduce((sum, file) => sum + file.frames, 0);
  }

  /** How many participants were heard so far. */
  get participants(): number {
    return new Set(this.#files.map(({ identity }) => identity)).size;
  }

  /** Records a voice to its end, in the file that its participant has, or in another where that one is in use. */
  record(voice: Voice): void {
    if (this.#over) return voice.close();
    const { identity, screen } = voice;
    const mine = this.#files.find((file) => file.identity === identity && file.screen === screen && file.free);
    const file = mine ?? new VoiceFile(voice, this.#create(voice), this.#timeline);
    if (mine) mine.take(voice);
    else this.#files.push(file);
    file.recorded.catch(this.#fail);
  }

  heard(): Heard[] {
    return this.#files.map((file) => file.heard());
  }

  /** What was recorded by now can be played, whatever becomes of this process. */
  async save(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.save()));
  }

  /** Ends it: what waits is recorded, and the files are completed, all as long as the recording. @throws {Failure} */
  finish(): Promise<RecordedVoice[]> {
    return (this.#finishing = this.#finish());
  }

  async #finish(): Promise<RecordedVoice[]> {
    this.#length = this.#timeline.length;
    this.#stop();
    // What waited may go on a moment longer.
    const lengths = await Promise.all(this.#files.map((file) => file.recordedLength()));
    const length = (this.#length = Math.max(this.#length, ...lengths));
    await Promise.all(this.#files.map((file) => file.finish(length)));
    return this.#files.map((file) => file.result(this.#sampleRate));
  }

  /** Closes all files after a failure: what is in them can be played. */
  async abandon(): Promise<void> {
    this.#stop();
    // It may complete the files right now.
    await Promise.allSettled([this.#finishing]);
    await Promise.all(this.#files.map((file) => file.abandon()));
  }

  #stop(): void {
    this.#over = true;
    clearInterval(this.#saving);
    for (const file of this.#files) file.stop();
  }

  /** A file of its own: nobody else's, and none that was there before. */
  async #create({ identity, screen }: Voice): Promise<WavWriter> {
    const name = `${fileNameOf(identity)}${screen ? '.screen' : ''}`;
    for (let number = 1; ; number++) {
      const unique = number === 1 ? name : `${name}-${number}`;
      const key = unique.toLowerCase();
      if (this.#names.has(key)) continue;
      this.#names.add(key);
      try {
        return await WavWriter.create(join(this.#out, `${unique}.wav`), this.#sampleRate, 'keep');
      } catch (error) {
        const { cause } = error as { cause?: NodeJS.ErrnoException };
        if (cause?.code !== 'EEXIST') throw error;
      }
    }
  }
}
