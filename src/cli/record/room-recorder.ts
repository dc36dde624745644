import { join } from 'node:path';
import { Recorder } from '../../recorder/recorder.js';
import type { Heard } from '../shared/live-table.js';
import { fileNameOf } from './file-name.js';
import type { RecordedVoice } from './result.js';
import type { Voice } from './room.js';
import { VoiceFile } from './voice-file.js';

/** How often the files are brought up to date for the case that this process does not end by itself, in ms. */
const SAVE_MS = 10_000;

/** Records what is heard in a room: a file for each participant, all from one beginning to one end. */
export class RoomRecorder {
  /** Rejects when a file can't be written. */
  readonly failed: Promise<never>;
  readonly #out: string;
  readonly #recorder: Recorder;
  readonly #files: VoiceFile[] = [];
  /** Names of files that were given to a participant, in lower case: to some file systems that is the same. */
  readonly #names = new Set<string>();
  #fail!: (error: unknown) => void;
  #over = false;
  #finishing: Promise<unknown> | undefined;

  private constructor(out: string, recorder: Recorder) {
    this.#out = out;
    this.#recorder = recorder;
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    // It may fail before, or after, anything waits for it.
    this.failed.catch(() => {});
    void recorder.failed.then(this.#fail);
  }

  /**
   * Begins now.
   *
   * @param out folder for the files, which is there
   * @param sampleRate Hz
   */
  static async open(out: string, sampleRate: number): Promise<RoomRecorder> {
    return new RoomRecorder(out, await Recorder.open({}, { sampleRate, saveMs: SAVE_MS }));
  }

  /** How long it is, in s. */
  get seconds(): number {
    return this.#recorder.stats().seconds;
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
    let file = this.#files.find((each) => each.identity === identity && each.screen === screen && each.free);
    if (file) file.take(voice);
    else this.#files.push((file = new VoiceFile(this.#recorder, voice, this.#create(voice))));
    file.ready.catch(this.#fail);
  }

  heard(): Heard[] {
    return this.#files.map((file) => file.heard());
  }

  /** What was recorded by now can be played, whatever becomes of this process. */
  save(): Promise<void> {
    return this.#recorder.save();
  }

  /** Ends it: what waits is recorded, and the files are completed, all as long as the recording. @throws {Failure} */
  finish(): Promise<RecordedVoice[]> {
    return (this.#finishing = this.#finish());
  }

  async #finish(): Promise<RecordedVoice[]> {
    this.#stop();
    await Promise.all(this.#files.map(({ ready }) => ready));
    await this.#recorder.close();
    return this.#files.map((file) => file.result());
  }

  /** Closes all files after a failure: what is in them can be played. */
  async abandon(): Promise<void> {
    this.#stop();
    await Promise.allSettled([this.#finishing, ...this.#files.map(({ ready }) => ready)]);
    await Promise.allSettled([this.#recorder.close()]);
  }

  #stop(): void {
    this.#over = true;
    for (const file of this.#files) file.stop();
  }

  /** A file that is not in use, and was not there before. Returns its path, which is its channel's name. */
  async #create({ identity, screen }: Voice): Promise<string> {
    const name = `${fileNameOf(identity)}${screen ? '.screen' : ''}`;
    for (let number = 1; ; number++) {
      const unique = number === 1 ? name : `${name}-${number}`;
      const key = unique.toLowerCase();
      if (this.#names.has(key)) continue;
      this.#names.add(key);
      const path = join(this.#out, `${unique}.wav`);
      try {
        await this.#recorder.add(path, path);
        return path;
      } catch (error) {
        const { cause } = error as { cause?: NodeJS.ErrnoException };
        if (cause?.code !== 'EEXIST') throw error;
      }
    }
  }
}
