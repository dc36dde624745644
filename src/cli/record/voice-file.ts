import type { RecordedChannel } from '../../recorder/channel.js';
import type { Recorder } from '../../recorder/recorder.js';
import { printable } from '../shared/format.js';
import type { Heard } from '../shared/live-table.js';
import type { RecordedVoice } from './result.js';
import type { Voice } from './room.js';

/** A participant's file: one channel of a recorder. A participant who comes back, or publishes again, goes on in it, where the
 * clock is by then. */
export class VoiceFile {
  readonly identity: string;
  readonly screen: boolean;
  /** Settles when the file is there, and its voice is recorded; rejects if it can't be written. */
  ready: Promise<void>;
  readonly #recorder: Recorder;
  /** Its path, which is its channel's name, too; once it is there. */
  #path = '';
  /** Goes into it now, or went last. */
  #voice: Voice;
  /** Frames of the voices before: read, and lost. */
  #before = { read: 0, lost: 0 };
  /** Frames that were read when its level was last asked for. */
  #shown = 0;

  /** @param created the file's path, once it is a channel of the recorder */
  constructor(recorder: Recorder, voice: Voice, created: Promise<string>) {
    this.identity = voice.identity;
    this.screen = voice.screen;
    this.#recorder = recorder;
    this.#voice = voice;
    this.ready = created.then((path) => {
      this.#path = path;
      recorder.record(path, voice.stream);
    });
    this.ready.catch(() => {});
  }

  /** Whether another voice can go on in it. */
  get free(): boolean {
    return this.#voice.over() || this.#channel?.state === 'ended';
  }

  /** Frames read. */
  get frames(): number {
    return this.#before.read + this.#voice.stream.stats().framesOut;
  }

  /** Goes on with another voice, when all is written that came before it. */
  take(voice: Voice): void {
    const before = this.#voice.stream;
    this.#voice = voice;
    // Without a file, this was rejected.
    this.ready = this.ready.then(() => {
      this.#recorder.record(this.#path, voice.stream);
      // It was read to its end.
      const { framesOut, framesDropped } = before.stats();
      this.#before = { read: this.#before.read + framesOut, lost: this.#before.lost + framesDropped };
    });
    this.ready.catch(() => {});
  }

  heard(): Heard {
    const { frames } = this;
    const level = frames > this.#shown ? this.#voice.stream.level.rms : -Infinity;
    this.#shown = frames;
    return {
      identity: `${printable(this.identity)}${this.screen ? ' (screen)' : ''}`,
      frames,
      level,
      dropped: this.#dropped,
      state: this.free ? 'gone' : this.#voice.muted() ? 'muted' : undefined,
    };
  }

  /** Nothing more comes; what waits is still recorded. */
  stop(): void {
    this.#voice.close();
  }

  /** What became of it, when the recorder is closed. */
  result(): RecordedVoice {
    const { beganMs = 0, recordedMs } = this.#channel!;
    return {
      identity: this.identity,
      source: this.screen ? 'screen' : 'voice',
      file: this.#path,
      begin: beganMs / 1000,
      heard: recordedMs / 1000,
      framesReceived: this.frames,
      framesDropped: this.#dropped,
    };
  }

  get #dropped(): number {
    return this.#before.lost + this.#voice.stream.stats().framesDropped;
  }

  get #channel(): RecordedChannel | undefined {
    return this.#recorder.stats().channels[this.#path];
  }
}
