import type { AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import { AudioStream, install, type Engine } from '../livekit/index.js';
import { loadBindings } from '../livekit/bindings.js';
import { CapturePump, type PumpSource } from '../livekit/capture-pump.js';
import { native } from '../native.js';
import type { Participant } from './participants.js';
import type { EventCounts, Listening, Played, Side } from './side.js';

/** What rtc-node's AudioSource has, and does not declare. */
interface SourceInternals {
  readonly ffiHandle: { readonly handle: bigint };
}

interface Seat {
  readonly source: AudioSource;
  /** Held as long as the meeting lasts: the stream ends when its track is collected. */
  readonly track: LocalAudioTrack;
  readonly stream: AudioStream;
  readonly pcm: Int16Array;
}

/** narrowcast on LiveKit's engine, in this process, without a server. */
export class Ours implements Side {
  readonly broken: Promise<never>;
  readonly #engine: Engine;
  readonly #seats: Seat[] = [];
  #pump: CapturePump | undefined;
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
    this.broken = new Promise((_, reject) => this.#engine.once('panic', reject));
    // It may break before, or after, anybody looks.
    this.broken.catch(() => {});
  }

  join({ identity, pcm }: Participant): Listening {
    const { rtc } = loadBindings();
    // Without a queue of its own a source hands on what it gets at once, and changes nothing.
    const source = new rtc.AudioSource(this.sampleRate, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack(identity, source);
    const stream = new AudioStream(track, {
      sampleRate: this.sampleRate,
      numChannels: 1,
      frameSizeMs: this.frameMs,
    });
    this.#seats.push({ source, track, stream, pcm });
    return {
      frames: stream,
      dropped: () => stream.stats().framesDropped,
      buffered: () => Math.round((stream.stats().bufferedMs * this.sampleRate) / 1000),
      close: () => stream.close(),
    };
  }

  play(chunks: number): void {
    this.#before = this.#counts();
    this.#pump = new CapturePump(
      this.#seats.map(({ source, pcm }): PumpSource => {
        const { handle } = (source as unknown as SourceInternals).ffiHandle;
        return { handle, sampleRate: this.sampleRate, channels: 1, pcm, chunks };
      }),
    );
  }

  played(): Played[] {
    return this.#pump?.stats() ?? this.#seats.map(() => ({ sent: 0, captured: 0, failed: 0 }));
  }

  silence(): void {
    this.#pump?.stop();
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
    for (const { stream } of this.#seats) stream.close();
    // Closes its source, too.
    await Promise.all(this.#seats.map(({ track }) => track.close()));
    this.#seats.length = 0;
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
