import type { LocalAudioTrack } from '@livekit/rtc-node';
import { loadBindings } from '../../livekit/bindings.js';
import { AudioSource, AudioStream, install, type Engine } from '../../livekit/index.js';
import { EngineWatch, type EventCounts } from '../shared/engine-watch.js';
import type { Pace, Participant } from './participants.js';
import type { Backend, Listening } from './backend.js';
import { Tracks } from './tracks.js';

/** narrowcast on LiveKit's engine, in this process, without a server. */
export class NarrowcastBackend implements Backend {
  readonly broken: Promise<never>;
  readonly #engine: Engine;
  readonly #watch: EngineWatch;
  readonly #tracks: Tracks;
  readonly #streams: AudioStream[] = [];

  /**
   * @param sampleRate of tracks and streams, in Hz
   * @param frameMs length of the frames that are read
   * @param options `speechBufferMs`: what an AudioSource takes beyond its queue; `speechOnly`: frames without speech are
   * not delivered
   * @throws {NarrowcastError} LiveKit is not installed, or not one that narrowcast knows
   */
  constructor(
    readonly sampleRate: number,
    readonly frameMs: number,
    pace: Pace,
    private readonly options: { readonly speechBufferMs?: number; readonly speechOnly?: boolean } = {},
  ) {
    const { speechBufferMs } = options;
    this.#engine = install(speechBufferMs === undefined ? {} : { speechBufferMs });
    this.#tracks = new Tracks(loadBindings().rtc, AudioSource, sampleRate, pace);
    this.#watch = new EngineWatch(this.#engine);
    this.broken = this.#watch.broken;
  }

  join(participants: readonly Participant[]): Listening[] {
    return this.#tracks.open(participants).map((track) => {
      const stream = this.#open(track);
      this.#streams.push(stream);
      return { frames: stream, dropped: () => stream.stats().framesDropped, close: () => stream.close() };
    });
  }

  forget(participant: number): void {
    void this.#open(this.#tracks.of(participant)).getReader().read();
  }

  play(samples: number): Promise<void> {
    this.#watch.begin();
    return this.#tracks.play(samples);
  }

  played(): number[] {
    return this.#tracks.played();
  }

  silence(): void {
    this.#tracks.silence();
  }

  events(): EventCounts {
    return this.#watch.events();
  }

  async leave(): Promise<void> {
    this.silence();
    for (const stream of this.#streams) stream.close();
    await this.#tracks.close();
    this.#engine.uninstall();
  }

  #open(track: LocalAudioTrack): AudioStream {
    return new AudioStream(track, {
      sampleRate: this.sampleRate,
      numChannels: 1,
      frameSizeMs: this.frameMs,
      ...(this.options.speechOnly && { speech: { deliver: 'speech' as const } }),
    });
  }
}
