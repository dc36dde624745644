import { fromNative } from '../errors.js';
import { native, type Native } from '../native.js';

/** What a source plays. */
export interface PumpSource {
  /** Handle of an rtc-node `AudioSource` whose `queueSize` is 0. */
  handle: bigint;
  /** Hz, a multiple of 100. */
  sampleRate: number;
  /** Channels, interleaved in `pcm`. */
  channels: number;
  /** Played over and over: whole chunks of 10 ms. Copied. */
  pcm: Int16Array;
  /** Chunks of 10 ms to play. */
  chunks: number;
  /** The async id of all its requests, to hear the engine's answers in JavaScript; without, they are taken natively. */
  answersTo?: bigint;
}

/** What became of a source's chunks of 10 ms. */
export type PumpStats = Native.NativeCaptureStats;

/** A pump plays on though the program no longer holds it: as a track does whose source it feeds. */
const playing = new Set<CapturePump>();

/**
 * Plays PCM into LiveKit sources in real time from a native thread, so that a blocked JavaScript thread makes no gap in
 * what is played: the other end of the meeting, in the command, tests and benchmarks.
 */
export class CapturePump {
  readonly #native: Native.NativeCapturePump;

  /** Starts to play. @throws {NarrowcastError} `INVALID_ARGUMENT`, `ENGINE_NOT_INSTALLED` */
  constructor(sources: readonly PumpSource[]) {
    this.#native = fromNative(() => new native.NativeCapturePump([...sources]));
    playing.add(this);
  }

  stats(): PumpStats[] {
    return this.#native.stats();
  }

  /** Stops: when this returns, nothing more is played. Call it when all was played, too. */
  stop(): void {
    this.#native.stop();
    playing.delete(this);
  }
}
