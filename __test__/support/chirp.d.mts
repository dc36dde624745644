/** An utterance of `ms` that starts with `hz`, and rises by `hzPerMs`. */
export interface Chirp {
  readonly hz: number;
  readonly hzPerMs: number;
  readonly ms: number;
}

/** What was heard of one, in ms. */
export interface Heard {
  /** From which ms of it to which. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The longest silence between the two. */
  readonly silenceMs: number;
  /** The longest part that was left out. */
  readonly missingMs: number;
  /** Silences of at least 10 ms, and how long they are in all. */
  readonly gaps: number;
  readonly gapMs: number;
}

/** Hz. */
export const RATE: number;
export function chirp(utterance: Chirp): Int16Array<ArrayBuffer>;
export function heardOf(utterance: Chirp, pcm: Int16Array): Heard | undefined;
