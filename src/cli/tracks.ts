import type { AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import { loadBindings } from '../livekit/bindings.js';
import { CapturePump } from '../livekit/capture-pump.js';
import type { Participant } from './participants.js';
import type { Played } from './side.js';

/** More than any meeting has: 100 days. */
const ENDLESS_CHUNKS = 100 * 86_400 * 100;

/** What rtc-node's AudioSource has, and does not declare. */
interface SourceInternals {
  readonly ffiHandle: { readonly handle: bigint };
}

interface Voice {
  readonly source: AudioSource;
  /** Held as long as the meeting lasts: its streams end when a track is collected. */
  readonly track: LocalAudioTrack;
  readonly pcm: Int16Array;
}

/**
 * What is played in a meeting, on any side of it: rtc-node's own tracks, fed by narrowcast's native thread, so that a
 * blocked JavaScript thread makes no gap in what is played. The thread must be attached to the engine.
 */
export class Tracks {
  readonly #sampleRate: number;
  readonly #voices: Voice[] = [];
  #pump: CapturePump | undefined;

  /** @param sampleRate Hz */
  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** Opens a track. */
  open({ identity, pcm }: Participant): LocalAudioTrack {
    const { rtc } = loadBindings();
    const source = this.#source();
    const track = rtc.LocalAudioTrack.createAudioTrack(identity, source);
    this.#voices.push({ source, track, pcm });
    return track;
  }

  /** A track that is open, in the order in which they were opened. */
  of(participant: number): LocalAudioTrack {
    return this.#voices[participant]!.track;
  }

  /**
   * Plays silence into sources without a track, until the function is called that this returns. Not into those of the
   * meeting: what is under way when it ends would still come out of them.
   */
  rehearse(participants: number): () => void {
    const sources = Array.from({ length: participants }, () => this.#source());
    const silence = new Int16Array(this.#sampleRate / 100);
    const pump = new CapturePump(sources.map((source) => this.#toPlay(source, silence, ENDLESS_CHUNKS)));
    return () => {
      pump.stop();
      for (const source of sources) void source.close();
    };
  }

  play(chunks: number): void {
    this.#pump = new CapturePump(this.#voices.map(({ source, pcm }) => this.#toPlay(source, pcm, chunks)));
  }

  played(): Played[] {
    return this.#pump?.stats() ?? this.#voices.map(() => ({ sent: 0, captured: 0, failed: 0 }));
  }

  silence(): void {
    this.#pump?.stop();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.silence();
    // Closes its source, too.
    await Promise.all(this.#voices.map(({ track }) => track.close()));
    this.#voices.length = 0;
  }

  #source(): AudioSource {
    // Without a queue of its own a source hands on what it gets at once, and changes nothing.
    return new (loadBindings().rtc.AudioSource)(this.#sampleRate, 1, 0);
  }

  #toPlay(source: AudioSource, pcm: Int16Array, chunks: number) {
    const { handle } = (source as unknown as SourceInternals).ffiHandle;
    return { handle, sampleRate: this.#sampleRate, channels: 1, pcm, chunks };
  }
}
