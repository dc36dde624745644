// The thread's one loop that hands out what the engine sends: answers and events.
//
// rtc-node's client hands out each event in a callback scope of its own: Node runs the microtasks and `nextTick` callbacks
// that it leads to before the next event. This loop keeps that, at the same cost: while events wait, it rings its own
// doorbell after each, and Node answers that in the same turn of the event loop, in a new callback scope.

import { answerDoorbell } from '../diagnostics/stalls.js';
import { EventReader, LAGGED, scratchNumber, type RawEvent } from '../event-reader.js';
import { native, type Native } from '../native.js';
import { delivered, mayDeliver } from '../turn-budget.js';
import { END, NOTHING } from '../waiters.js';
import { reportError } from '../report-error.js';

/** Where the loop takes events from. */
export interface Inbox {
  /** Native code has rung for it. */
  notified(): void;
  /** Whether an event waits. If none does, native code rings for the next one. */
  hasNext(): boolean;
  /** Whether it is an answer: a caller waits for it, and made room for it by its request. */
  nextIsAnswer(): boolean;
  /** Hands out the next event. What this throws is reported as an uncaught error. */
  handOutNext(): void;
}

const doorbell = native.openDoorbell(handOutOne, 0, 0);

/** Room for the tokens of one answer: where more rang, another wake is on its way. */
const tokens = new Uint32Array(16);

/** The inboxes of this thread, by the tokens that they ring with. */
const inboxes = new Map<number, Inbox>();

/** Those that may have events, in the order of their turns. */
const ready = new Set<Inbox>();

/** Whether timers and I/O have a turn before the next event. Answers go on: rtc-node's own client gives no turn away. */
let paused = false;

/** Has the loop look into an inbox that got something from JavaScript. */
export function handOutSoon(inbox: Inbox): void {
  ready.add(inbox);
  native.ringAgain(doorbell);
}

/** Each call is a callback scope. */
function handOutOne(): void {
  const count = answerDoorbell(doorbell, tokens, true);
  for (let at = 0; at < count; at++) {
    const inbox = inboxes.get(tokens[at]!);
    if (!inbox) continue;
    inbox.notified();
    ready.add(inbox);
  }
  let inbox = nextInbox();
  if (inbox && !inbox.nextIsAnswer() && !mayDeliver()) {
    pause();
    inbox = nextInbox();
  }
  if (!inbox) return;
  if (!inbox.nextIsAnswer()) delivered();
  try {
    inbox.handOutNext();
  } catch (error) {
    reportError(error);
  }
  // The inboxes take turns.
  ready.delete(inbox);
  ready.add(inbox);
  if (nextInbox()) native.ringAgain(doorbell);
}

/** The first one that has an event to hand out now. */
function nextInbox(): Inbox | undefined {
  for (const inbox of ready) {
    if (!inbox.hasNext()) ready.delete(inbox);
    else if (!paused || inbox.nextIsAnswer()) return inbox;
  }
  return undefined;
}

function pause(): void {
  paused = true;
  setImmediate(() => {
    paused = false;
    native.ringAgain(doorbell);
  });
}

/** Which events of a native queue an inbox is for. */
export interface InboxFilter {
  /** Indices into the queue's types. */
  readonly kinds: readonly number[];
  /** The thread. */
  readonly group: number;
  /** Whether what events own is taken over with them. */
  readonly own: boolean;
}

/** An inbox that a native queue fills. It has no bound: an answer that is lost is an await that never ends. */
export class NativeInbox {
  readonly #native: Native.NativeSubscription;
  readonly #reader: EventReader;
  /** Taken from the native queue, and not handed out yet. */
  #next: RawEvent | undefined;

  /** @param inbox what the loop sees of it */
  constructor(queue: Native.NativeQueue, { kinds, group, own }: InboxFilter, inbox: Inbox) {
    const options = { kinds: [...kinds], group, own, doorbell, scratch: scratchNumber };
    this.#native = queue.subscribe({ ...options, overflow: 'grow', capacity: 1 });
    this.#reader = new EventReader(this.#native);
    inboxes.set(this.#reader.token, inbox);
    // It waits from now on.
    this.hasNext();
  }

  get closed(): boolean {
    return this.#native.closed;
  }

  /** Native code has rung, or may have: the next look is a native one. */
  notified(): void {
    this.#reader.notified();
  }

  hasNext(): boolean {
    if (this.#next) return true;
    const event = this.#reader.read(1, true);
    if (event === NOTHING) return false;
    if (event === END || event === LAGGED) {
      inboxes.delete(this.#reader.token);
      return false;
    }
    this.#next = event;
    return true;
  }

  /** Index of the type of the event that {@link hasNext} found. */
  get nextKind(): number | undefined {
    return this.#next?.kind;
  }

  /**
   * Takes the next event. If it owns something, the caller says by {@link settle} whether it takes that over, before it
   * takes another.
   */
  take(): RawEvent | undefined {
    const event = this.hasNext() ? this.#next : undefined;
    this.#next = undefined;
    return event;
  }

  /** What `event` owns belongs to the caller from now on, or, if it was not `taken`, is released. */
  settle(event: RawEvent, taken: boolean): void {
    if (event.owns) this.#reader.settle(taken);
  }

  /** Changes the kinds of the events that come from now on. */
  setKinds(kinds: readonly number[]): void {
    this.#native.setFilter([...kinds]);
  }

  /** Nothing more comes. What waits is still handed out. */
  close(): void {
    this.#native.close();
  }

  /** Nothing more comes, and what waits is dropped. */
  abandon(): void {
    this.#native.abandon();
    this.#next = undefined;
    inboxes.delete(this.#reader.token);
  }
}
