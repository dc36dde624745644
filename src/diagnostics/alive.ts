import { threadId } from 'node:worker_threads';
import { VERSION } from '../version.js';
import { streamClose, streamDrop, streamOpen } from './channels.js';
import { place } from './place.js';

/** What is followed from its opening to its end. */
export type InspectedKind = 'streams' | 'videoStreams' | 'sources' | 'tracks' | 'subscriptions' | 'listeners';

/** How many objects of one kind this thread has opened, and what became of them. */
export interface KindCounts {
  /** Made by the program. */
  opened: number;
  /** Ended by the program, or with their track or room. */
  closed: number;
  /** Collected by the garbage collector without having been closed. */
  forgotten: number;
}

/** What is known of every object that is alive. */
export interface Inspected {
  /** Counts from 1 in each thread. */
  id: number;
  /** Since it was opened. */
  ageMs: number;
  /** Node's `threadId` of the thread that it belongs to. */
  thread: number;
  /** With `NARROWCAST_TRACE=1`: the file and line of the program that opened it. */
  place?: string;
}

/** One object. Holds it weakly, and so does what `describe` closes over. */
interface Entry {
  readonly id: number;
  readonly kind: InspectedKind;
  readonly since: number;
  readonly place: string | undefined;
  readonly object: WeakRef<object>;
  readonly describe: (object: never) => object;
  /** Lost frames that its reader was told of. */
  dropsTold: number;
  /** The frames that had been read at an earlier look, and the first look that found so many. */
  seen: { readonly framesOut: number; readonly at: number } | undefined;
}

interface Registry {
  readonly entries: Set<Entry>;
  readonly byObject: WeakMap<object, Entry>;
  readonly counts: Record<InspectedKind, KindCounts>;
  last: number;
}

/** Of what is known of an audio stream: what became of its frames. */
interface Frames {
  readonly framesIn: number;
  readonly framesOut: number;
  readonly framesDropped: number;
  readonly framesCleared: number;
}

/** All copies of narrowcast in a thread share what is alive in it. */
const ALIVE = Symbol.for(`narrowcast.alive.${VERSION}`);
const shared = globalThis as { [ALIVE]?: Registry };

const none = (): KindCounts => ({ opened: 0, closed: 0, forgotten: 0 });

const { entries, byObject, counts } = (shared[ALIVE] ??= {
  entries: new Set(),
  byObject: new WeakMap(),
  counts: {
    streams: none(),
    videoStreams: none(),
    sources: none(),
    tracks: none(),
    subscriptions: none(),
    listeners: none(),
  },
  last: 0,
});

const collected = new FinalizationRegistry<Entry>((entry) => {
  if (!entries.delete(entry)) return;
  counts[entry.kind].forgotten++;
  if (isStream(entry) && streamClose.hasSubscribers) {
    streamClose.publish({ ...identity(entry, performance.now()), ...medium(entry), reason: 'forgotten' });
  }
});

/**
 * Follows an object, without holding it, from now until {@link closed} or its collection.
 *
 * @param describe may not be a closure of a scope that has the object
 */
export function opened<T extends object>(kind: InspectedKind, object: T, describe: (object: T) => object): void {
  // A listener that is added twice is one.
  if (entries.has(byObject.get(object)!)) return;
  const entry: Entry = {
    id: ++shared[ALIVE]!.last,
    kind,
    since: performance.now(),
    place: place(),
    object: new WeakRef(object),
    describe,
    dropsTold: 0,
    seen: undefined,
  };
  entries.add(entry);
  byObject.set(object, entry);
  collected.register(object, entry, entry);
  counts[kind].opened++;
  if (isStream(entry) && streamOpen.hasSubscribers) streamOpen.publish(message(entry, object));
}

/** The object has ended. Twice: nothing. */
export function closed(object: object): void {
  const entry = leave(object);
  if (!entry) return;
  counts[entry.kind].closed++;
  if (isStream(entry) && streamClose.hasSubscribers) {
    streamClose.publish({ ...message(entry, object), reason: 'closed' });
  }
}

/** A stream's reader was told that so many frames are lost. */
export function dropped(stream: object, frames: number): void {
  const entry = byObject.get(stream);
  if (!entry) return;
  entry.dropsTold += frames;
  if (streamDrop.hasSubscribers) streamDrop.publish({ ...message(entry, stream), frames });
}

/** The object is a part of another one: it is not one of its own. */
export function hide(object: object): void {
  const entry = leave(object);
  if (entry) counts[entry.kind].opened--;
}

function leave(object: object): Entry | undefined {
  const entry = byObject.get(object);
  if (!entry || !entries.delete(entry)) return undefined;
  collected.unregister(entry);
  return entry;
}

/** What is alive of a kind in this thread, the oldest first. */
export function alive<T>(kind: InspectedKind, now: number): (Inspected & T)[] {
  const found: (Inspected & T)[] = [];
  for (const entry of entries) {
    const object = entry.kind === kind ? entry.object.deref() : undefined;
    if (object) found.push(inspected(entry, object, now) as Inspected & T);
  }
  return found;
}

/** What this thread has opened so far. */
export function aliveCounts(): Record<InspectedKind, KindCounts> {
  return structuredClone(counts);
}

/** Frames of this thread's audio streams: those that wait to be read, and those lost that no reader was told of yet. */
export function unreadFrames(): { waiting: number; lost: number } {
  let [waiting, lost] = [0, 0];
  for (const entry of entries) {
    const object = entry.kind === 'streams' ? entry.object.deref() : undefined;
    if (!object) continue;
    const { framesIn, framesOut, framesDropped, framesCleared } = entry.describe(object as never) as Frames;
    waiting += framesIn - framesOut - framesDropped - framesCleared;
    lost += framesDropped - entry.dropsTold;
  }
  return { waiting, lost };
}

/** What is known of an object at this moment; undefined if it is not alive. */
export function inspectedNow(object: object): Inspected | undefined {
  const entry = byObject.get(object);
  return entry && inspected(entry, object, performance.now());
}

const isStream = ({ kind }: Entry) => kind === 'streams' || kind === 'videoStreams';
const medium = ({ kind }: Entry) => ({ medium: kind === 'streams' ? 'audio' : 'video' });
const message = (entry: Entry, object: object) => ({
  ...inspected(entry, object, performance.now()),
  ...medium(entry),
});

function identity({ id, since, place }: Entry, now: number): Inspected {
  return { id, ageMs: Math.round(now - since), thread: threadId, ...(place !== undefined && { place }) };
}

function inspected(entry: Entry, object: object, now: number): Inspected {
  const known = entry.describe(object as never) as { framesOut?: number; framesIn?: number; unreadMs?: number };
  if (known.unreadMs !== undefined) {
    const { framesOut = 0 } = known;
    if (entry.seen?.framesOut !== framesOut) entry.seen = { framesOut, at: framesOut === 0 ? entry.since : now };
    if (known.unreadMs > 0) known.unreadMs = Math.round(Math.max(known.unreadMs, now - entry.seen.at));
  }
  return { ...identity(entry, now), ...known };
}
