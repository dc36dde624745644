import { inspectedNow } from './alive.js';
import { playoutUnderrun } from './channels.js';

/** Shorter ones are no more than the grain of what is known, in ms: the engine plays 10 at a time. */
const SHORTEST_MS = 10;

/** What comes later than this after the voice ran dry is the next thing that is said, in ms. */
const LONGEST_MS = 1000;

/** Underruns that are remembered until a stall asks for them. */
const REMEMBERED = 32;

/** From one moment to another, by `performance.now()`. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Times that a voice was missing. */
const missing: Span[] = [];

/** Those that have something to play, or had a moment ago. */
const playing = new Set<Voice>();

/** What one object plays by a native thread: when it runs dry. */
export class Voice {
  readonly #of: WeakRef<object>;
  /** Since when it is heard, and when all that was written will have been heard, by `performance.now()`. */
  #from = 0;
  #dryAt = 0;
  /** The time that it was heard before. */
  #before: Span = { from: 0, to: 0 };
  /** Whether what comes next belongs to what was written. */
  #goesOn = false;

  /** @param of what the program knows: an `AudioSource` or an `AudioStreamTrack`; it is not held */
  constructor(of: object) {
    this.#of = new WeakRef(of);
  }

  /**
   * The program wrote something.
   *
   * @param addedMs how much
   * @param queuedMs what waits to be heard with it
   */
  wrote(addedMs: number, queuedMs: number): void {
    const now = performance.now();
    const dryMs = queuedMs <= addedMs ? now - this.#dryAt : 0;
    if (this.#goesOn && dryMs >= SHORTEST_MS && dryMs <= LONGEST_MS)
      this.#gap({ from: this.#dryAt, to: now }, 'writer');
    if (dryMs > 0) {
      this.#before = { from: this.#from, to: this.#dryAt };
      this.#from = now;
    }
    this.#dryAt = now + queuedMs;
    this.#goesOn = true;
    if (!playing.has(this)) begin(this, now);
  }

  /** What was written is all for now: the program waits until it was heard, or has ended an utterance. */
  end(): void {
    this.#goesOn = false;
  }

  /** The native thread came so late that there was a gap of this length, though the program had written in time. */
  late(ms: number): void {
    const now = performance.now();
    this.#gap({ from: now - ms, to: now }, 'thread');
  }

  /** What was written and not yet heard is not heard. */
  cut(): void {
    this.#goesOn = false;
    this.#dryAt = Math.min(this.#dryAt, performance.now());
  }

  /** How much of it is heard from one moment to another, in ms. */
  heardMs(from: number, to: number): number {
    const span = { from, to };
    return common(span, this.#before) + common(span, { from: this.#from, to: this.#dryAt });
  }

  /** Whether nothing follows any more of what was said last. */
  isOver(now: number): boolean {
    return this.#dryAt + LONGEST_MS < now;
  }

  #gap(span: Span, cause: 'writer' | 'thread'): void {
    missing.push(span);
    if (missing.length > REMEMBERED) missing.shift();
    if (!playoutUnderrun.hasSubscribers) return;
    const of = this.#of.deref();
    if (of) playoutUnderrun.publish({ ...inspectedNow(of), ms: span.to - span.from, cause });
  }
}

/** How long both have in common, in ms. */
function common(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from));
}

function begin(voice: Voice, now: number): void {
  for (const each of playing) if (each.isOver(now)) playing.delete(each);
  playing.add(voice);
}

/** What all voices of this thread had to say, and was heard, from one moment to another, in ms. */
export function voiceHeardMs(from: number, to: number): number {
  let ms = 0;
  for (const voice of playing) ms += voice.heardMs(from, to);
  return ms;
}

/** How long voices of this thread were missing from one moment to another, in ms, as far as is known by now. */
export function voiceMissingMs(from: number, to: number): number {
  return missing.reduce((sum, gap) => sum + common(gap, { from, to }), 0);
}
