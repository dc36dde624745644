import { AudioStream, install, type Engine } from '../livekit/index.js';
import { native } from '../native.js';
import type { Participant } from './participants.js';
import type { EventCounts, Listening, Played, Side } from './side.js';
import { Tracks } from './tracks.js';

/** narrowcast on LiveKit's engine, in this process, without a server. */
export class Ours implements Side {
  readonly ordered = true;
  readonly broken: Promise<never>;
  readonly #engine: Engine;
  readonly #tracks: Tracks;
  readonly #streams: AudioStream[] = [];
  #before: EventCounts = { published: 0, delivered: 0, unwanted: 0, dropped: 0, wakes: 0 };

  /**
   * @param sampleRate of tracks and streams, in Hz
   * @param frameMs length of the frames that are read
   * @throws {NarrowcastError} LiveKit is not installed, or not one that narrowcast knows
   */
  constructor(
    readonly sampleRate: number,
    readonly frameMs: number,
  ) {
    this.#engine = install();
    this.#tracks = new Tracks(sampleRate);
    this.broken = new Promise((_, reject) => this.#engine.once('panic', reject));
    // It may break before, or after, anybody looks.
    this.broken.catch(() => {});
  }

  rehearse(participants: number): () => void {
    return this.#tracks.rehearse(participants);
  }

  join(participant: Participant): Listening {
    const stream = new AudioStream(this.#tracks.open(participant), {
      sampleRate: this.sampleRate,
      numChannels: 1,
      frameSizeMs: this.frameMs,
    });
    this.#streams.push(stream);
    return {
      frames: stream,
      dropped: () => stream.stats().framesDropped,
      buffered: () => Math.round((stream.stats().bufferedMs * this.sampleRate) / 1000),
      close: () => stream.close(),
    };
  }

  play(chunks: number): void {
    this.#before = this.#counts();
    this.#tracks.play(chunks);
  }

  played(): Played[] {
    return this.#tracks.played();
  }

  silence(): void {
    this.#tracks.silence();
  }

  events(): EventCounts {
    const now = this.#counts();
    const since = this.#before;
    return {
      published: now.published - since.published,
      delivered: now.delivered - since.delivered,
      unwanted: now.unwanted - since.unwanted,
      dropped: now.dropped - since.dropped,
      wakes: now.wakes - since.wakes,
    };
  }

  async leave(): Promise<void> {
    this.silence();
    for (const stream of this.#streams) stream.close();
    await this.#tracks.close();
    this.#engine.uninstall();
  }

  #counts(): EventCounts {
    const { received, answered, frames, framesReleased, framesMalformed, heldDropped, unknown, malformed, events } =
      this.#engine.stats();
    return {
      published: received,
      delivered: frames + answered + events.delivered,
      // The frames that come between the closing of a stream and the engine's last word on it are nobody's.
      unwanted: events.unwanted + framesReleased,
      dropped: events.dropped + heldDropped + framesMalformed + unknown + malformed,
      wakes: native.threadWakes(),
    };
  }
}
