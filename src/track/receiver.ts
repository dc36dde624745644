import { native } from '../native.js';
import { NOTHING, Waiters } from '../waiters.js';
import type { NativeTrack } from './native-track.js';
import type { Playouts } from './playouts.js';
import { TimedAudioFrame } from './timed-frame.js';

/** A timer's grain is a ms: rather than a ms late, a frame may go out half of one early. */
const EARLY_MS = 0.5;

/** Gives a program the frames of a track when they are due. */
export class Receiver {
  readonly #track: NativeTrack;
  readonly #playouts: Playouts;
  /** The pending calls. */
  readonly #waiters: Waiters<TimedAudioFrame>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #due = () => this.#waiters.ready();
  #pts = 0;
  /** A frame's memory that was not filled yet. */
  #spare: Int16Array | undefined;

  constructor(track: NativeTrack, playouts: Playouts) {
    this.#track = track;
    this.#playouts = playouts;
    this.#waiters = new Waiters({
      poll: () => this.#nextFrame(),
      readable: () => this.#lookIn(native.trackDueIn(track.token, performance.now() + EARLY_MS)),
      // A look that finds nothing has set the timer.
      listen: () => {},
      unlisten: () => clearTimeout(this.#timer),
    });
  }

  /** Whether a call is pending. */
  get pending(): boolean {
    return this.#waiters.pending;
  }

  /** The next frame, when it is due. */
  next(): Promise<TimedAudioFrame> {
    return this.#waiters.next((frame) => frame as TimedAudioFrame);
  }

  /** Rejects what is pending. */
  fail(reason: unknown): void {
    this.#waiters.fail(reason);
  }

  #nextFrame(): TimedAudioFrame | typeof NOTHING {
    const { token, sampleRate, numChannels, samplesPerChannel } = this.#track;
    const data = (this.#spare ??= new Int16Array(samplesPerChannel * numChannels));
    if (!this.#lookIn(native.trackRecv(token, data, performance.now() + EARLY_MS))) return NOTHING;
    this.#spare = undefined;
    const frame = new TimedAudioFrame(data, sampleRate, numChannels, samplesPerChannel, this.#pts);
    this.#pts += samplesPerChannel;
    if (!this.#playouts.isEmpty) this.#playouts.settle();
    return frame;
  }

  /** Whether a frame is due that is due in `ms`. If not, the pending calls look again when it is. */
  #lookIn(ms: number): boolean {
    if (ms > 0) this.#timer = setTimeout(this.#due, Math.ceil(ms));
    return ms <= 0;
  }
}
