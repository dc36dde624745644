import type { AudioStream, LocalAudioTrack } from '@livekit/rtc-node';
import { type Bindings, loadBindings } from '../../livekit/bindings.js';
import type { Pace, Participant } from './participants.js';
import type { EventCounts } from '../shared/engine-watch.js';
import type { Backend, Listening } from './backend.js';
import { Tracks } from './tracks.js';

/**
 * `@livekit/rtc-node` as it is, with its own client, AudioSource and AudioStream, in a process in which narrowcast is not
 * installed.
 */
export class RtcNodeBackend implements Backend {
  /** rtc-node tells of a panic like of everything else: listening for it would be work for the thread measured. */
  readonly broken = new Promise<never>(() => {});
  readonly #rtc: Bindings['rtc'];
  readonly #tracks: Tracks;

  /**
   * @param sampleRate of tracks and streams, in Hz
   * @param frameMs length of the frames that are read
   * @throws {NarrowcastError} LiveKit is not installed, or not one that narrowcast knows
   */
  constructor(
    readonly sampleRate: number,
    readonly frameMs: number,
    pace: Pace,
  ) {
    this.#rtc = loadBindings().rtc;
    this.#tracks = new Tracks(this.#rtc, this.#rtc.AudioSource, sampleRate, pace);
  }

  join(participants: readonly Participant[]): Listening[] {
    return this.#tracks.open(participants).map((track) => {
      // A stream that is being read can't be cancelled from outside. It ends with its track.
      return { frames: this.#open(track), dropped: () => null, close: () => void track.close(false) };
    });
  }

  forget(participant: number): void {
    void this.#open(this.#tracks.of(participant)).getReader().read();
  }

  play(samples: number): Promise<void> {
    return this.#tracks.play(samples);
  }

  played(): number[] {
    return this.#tracks.played();
  }

  silence(): void {
    this.#tracks.silence();
  }

  /** To count what it hears, each event would have to be looked at once more. */
  events(): EventCounts | null {
    return null;
  }

  async leave(): Promise<void> {
    await this.#tracks.close();
  }

  #open(track: LocalAudioTrack): AudioStream {
    return new this.#rtc.AudioStream(track, {
      sampleRate: this.sampleRate,
      numChannels: 1,
      frameSizeMs: this.frameMs,
    });
  }
}
