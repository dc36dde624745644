import { fromNative } from '../errors.js';
import { native } from '../native.js';

/** This thread, as one of those that ask the engine. Its async ids are its own, and none is given out twice. */
export interface Asker {
  /** What its answers have for a type in the native queue of answers to narrowcast's own requests. */
  readonly answersType: string;
  /** What concerns it alone has this number in the engine's queue. */
  readonly group: number;
  /** The async id of a request that narrowcast's own classes make. */
  nextOwnId(): bigint;
  /** The async id of a request that comes through rtc-node's client. */
  nextClientId(): bigint;
}

/** Async ids say which thread asked: this many bits count its requests, and the thread is above. */
const COUNT_BITS = 40n;

/** Kept where all copies of narrowcast find it, and from one `install()` to the next: late answers may still come. */
const ASKER = Symbol.for('narrowcast.livekit.asker');
const shared = globalThis as { [ASKER]?: Asker };

/** The asker that this thread is; the engine must be attached. */
export function asker(): Asker {
  return (shared[ASKER] ??= newAsker());
}

function newAsker(): Asker {
  const { type, base, group } = fromNative(() => native.engineAsker());
  let lastOwnId = base;
  let lastClientId = BigInt(group) << COUNT_BITS;
  return { answersType: type, group, nextOwnId: () => ++lastOwnId, nextClientId: () => ++lastClientId };
}
