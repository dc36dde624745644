/** How far a recording may be behind, in ms, while its frames come one after the other: clocks differ, threads wait. */
export const TOLERANCE_MS = 200;

/**
 * Where in its recording something belongs that is heard now, so that all recordings of a room can be played together:
 * each begins when the recording of the room began.
 *
 * Frames come in real time, and wait in a buffer until they are read: a frame belongs where the clock is, less what waits
 * behind it. Frames of one stream follow each other without a gap; only where they are later than that by more than 200
 * ms was there a pause, or a loss.
 */
export class Timeline {
  readonly #sampleRate: number;
  readonly #now: () => number;
  readonly #start: number;

  /** Begins now. @param sampleRate Hz @param now a clock, in ms */
  constructor(sampleRate: number, now: () => number = () => performance.now()) {
    this.#sampleRate = sampleRate;
    this.#now = now;
    this.#start = now();
  }

  /** Since the beginning, in s. */
  get seconds(): number {
    return (this.#now() - this.#start) / 1000;
  }

  /** Samples since the beginning. */
  get length(): number {
    return Math.round(this.seconds * this.#sampleRate);
  }

  /**
   * Samples of silence before a frame that was read just now.
   *
   * @param length samples of the recording until here
   * @param frame samples of the frame
   * @param waitingMs how much waits behind it
   * @param first whether it is the first one of its stream
   */
  pause(length: number, frame: number, waitingMs: () => number, first: boolean): number {
    const tolerance = first ? 0 : (TOLERANCE_MS / 1000) * this.#sampleRate;
    const behind = this.length - frame - length;
    // Asking what waits costs more than all of this.
    if (behind <= tolerance) return 0;
    const pause = behind - Math.round((waitingMs() / 1000) * this.#sampleRate);
    return pause > tolerance ? pause : 0;
  }
}
