import type { AudioFrame, AudioSource, LocalAudioTrack } from '@livekit/rtc-node';
import type { Bindings } from '../../livekit/bindings.js';
import type { Pace, Participant } from './participants.js';

/** Shortest piece, in ms: two requests a second for each source, and as many answers. */
const PIECE_MS = 500;

/**
 * Pieces of 500 ms and a queue of 1 s. The queue is never empty though the JavaScript thread is blocked for a piece's
 * time once a second; for longer blocks both are longer.
 *
 * @param stallMs how long the thread is blocked each second
 */
export function paceFor(stallMs: number): Pace {
  const pieceMs = PIECE_MS * Math.max(1, Math.ceil(stallMs / PIECE_MS));
  return { pieceMs, queueMs: 2 * pieceMs };
}

/** An `AudioSource`: rtc-node's, or narrowcast's that stands in for it. */
type SourceClass = new (sampleRate: number, numChannels: number, queueSize: number) => AudioSource;

interface Voice {
  readonly source: AudioSource;
  /** Held as long as the meeting lasts: its streams end when a track is collected. */
  readonly track: LocalAudioTrack;
  readonly pcm: Int16Array;
  readonly pace: Pace;
  /** Samples that the engine took. */
  taken: number;
}

/** What is played in a meeting, on any side of it: tracks, each fed by `captureFrame` of its source. */
export class Tracks {
  readonly #rtc: Bindings['rtc'];
  readonly #Source: SourceClass;
  readonly #sampleRate: number;
  readonly #pace: Pace;
  readonly #voices: Voice[] = [];
  #silent = false;

  /**
   * @param Source makes the sources of the tracks
   * @param sampleRate Hz
   */
  constructor(rtc: Bindings['rtc'], Source: SourceClass, sampleRate: number, pace: Pace) {
    this.#rtc = rtc;
    this.#Source = Source;
    this.#sampleRate = sampleRate;
    this.#pace = pace;
  }

  /** Opens a track for each participant. */
  open(participants: readonly Participant[]): LocalAudioTrack[] {
    const paceOf = (at: number) => participants[at]!.pace ?? this.#pace;
    const make = (at: number) => new this.#Source(this.#sampleRate, 1, paceOf(at).queueMs);
    for (const [at, source] of evenlyApart(participants.length, make).entries()) {
      const { identity, pcm } = participants[at]!;
      const track = this.#rtc.LocalAudioTrack.createAudioTrack(identity, source);
      this.#voices.push({ source, track, pcm, pace: paceOf(at), taken: 0 });
    }
    return this.#voices.map(({ track }) => track);
  }

  /** A track that is open, in the order in which they were opened. */
  of(participant: number): LocalAudioTrack {
    return this.#voices[participant]!.track;
  }

  /** Plays so many samples of each voice, over and over; see {@link Backend.play}. */
  async play(samples: number): Promise<void> {
    await Promise.all(this.#voices.map((voice) => this.#say(voice, samples)));
    await Promise.all(this.#voices.map(({ source }) => source.waitForPlayout()));
  }

  played(): number[] {
    return this.#voices.map(({ taken }) => taken);
  }

  silence(): void {
    this.#silent = true;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.silence();
    // Closes its source, too.
    await Promise.all(this.#voices.map(({ track }) => track.close()));
    this.#voices.length = 0;
  }

  async #say(voice: Voice, samples: number): Promise<void> {
    const { source, pcm, pace } = voice;
    while (voice.taken < samples && !this.#silent) {
      const ms = voice.taken === 0 ? (pace.firstMs ?? pace.pieceMs) : pace.pieceMs;
      const length = Math.min((ms / 1000) * this.#sampleRate, samples - voice.taken);
      const frame = this.#rtc.AudioFrame.create(this.#sampleRate, 1, length);
      copyLooped(pcm, voice.taken, frame);
      await source.captureFrame(frame);
      voice.taken += length;
    }
  }
}

/** The engine plays a source's queue in steps of so many ms, counted from when the source was made. */
const STEP_MS = 10;

/** Least time between the steps of two sources, in ms: making one takes about that long. */
const LEAST_APART_MS = 0.6;

/** How long to try, in ms. */
const LONGEST_MS = 1000;

/** A source that took longer to make than this, in ms, has its steps at some other time than it was to. */
const TOLERANCE_MS = 1;

/**
 * Makes sources that play their steps evenly apart. Frames that come together are read after one wake, so the cost of a
 * frame depends on how many do: left to chance, no two meetings would have the same figures, nor the two sides of one.
 */
function evenlyApart(count: number, make: (at: number) => AudioSource): AudioSource[] {
  const apart = Math.max(STEP_MS / count, LEAST_APART_MS);
  const start = performance.now();
  const now = () => performance.now() - start;
  const sources: AudioSource[] = [];
  let at = 0;
  while (sources.length < count) {
    // Busy, for no timer is as exact. Nothing is measured yet.
    while (now() < at);
    const source = make(sources.length);
    const late = now() - at;
    if (late > TOLERANCE_MS && count <= STEP_MS / TOLERANCE_MS && now() < LONGEST_MS) {
      // Something else had the processor.
      void source.close();
      at += Math.ceil(late / STEP_MS) * STEP_MS;
    } else {
      sources.push(source);
      at += apart;
    }
  }
  return sources;
}

/** Fills a frame with what follows `from` in a loop. */
function copyLooped(loop: Int16Array, from: number, { data }: AudioFrame): void {
  for (let filled = 0; filled < data.length;) {
    const at = (from + filled) % loop.length;
    const part = loop.subarray(at, at + data.length - filled);
    data.set(part, filled);
    filled += part.length;
  }
}
