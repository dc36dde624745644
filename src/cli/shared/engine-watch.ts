import type { Engine } from '../../livekit/index.js';
import { native } from '../../native.js';

/** The engine's events, all kinds together, in this process. */
export interface EventCounts {
  /** Sent by the engine. */
  readonly published: number;
  /**
   * Reached the stream, native code or queue that wanted them: audio frames copied into their stream, answers to what
   * native code had asked, and events that JavaScript read from a queue.
   */
  readonly delivered: number;
  /** Wanted by no listener: dropped natively, unseen by JavaScript. */
  readonly unwanted: number;
  /** Wanted, and lost: a queue was full, or they could not be read. */
  readonly dropped: number;
  /** How often native code woke the JavaScript thread. */
  readonly wakes: number;
}

/** What a command wants to know of the engine while it runs: whether it can go on, and what it sent. */
export class EngineWatch {
  /** Rejects when the engine panicked. */
  readonly broken: Promise<never>;
  readonly #engine: Engine;
  #before: EventCounts = { published: 0, delivered: 0, unwanted: 0, dropped: 0, wakes: 0 };

  constructor(engine: Engine) {
    this.#engine = engine;
    this.broken = new Promise((_, reject) => engine.once('panic', reject));
    // It may break before, or after, `broken` is awaited.
    this.broken.catch(() => {});
  }

  /** What was counted until now is not what {@link events} is about. */
  begin(): void {
    this.#before = this.#counts();
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

  #counts(): EventCounts {
    const { received, answered, frames, framesReleased, framesMalformed, heldDropped, unknown, malformed, events } =
      this.#engine.stats();
    return {
      published: received,
      delivered: frames + answered + events.delivered,
      // The frames that come between the closing of a stream and the engine's last word on it belong to no stream.
      unwanted: events.unwanted + framesReleased,
      dropped: events.dropped + heldDropped + framesMalformed + unknown + malformed,
      wakes: native.threadWakes(),
    };
  }
}
