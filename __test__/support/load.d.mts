/** What a source plays. */
export interface LoadSource {
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
  /** The async id of all its requests, to hear the engine's answers in JavaScript. */
  answersTo?: bigint;
}

/** What is played. */
export interface LoadPump {
  /** What became of each source's chunks: `captured` are those that the engine did not refuse at once. */
  stats(): { sent: number; captured: number; failed: number; overdue: number }[];
  /** Stops: when this returns, nothing more is played. */
  stop(): void;
}

/** Plays each source's `pcm` over and over, in real time, until so many chunks of 10 ms are played. */
export function playLoad(sources: LoadSource[]): LoadPump;

/** The test build: of what it has beside the shipped addon, this is what benchmarks use. */
export const testAddon: {
  /** How many chunks of a track were handed to the engine how late, in classes of 50 µs; of the test build's own tracks. */
  trackLateness(token: number): number[];
  /** How long libsoxr itself takes, in ns. */
  timeLibsoxr(inputRate: number, outputRate: number, input: Int16Array, output: Int16Array, rounds: number): number;
};
