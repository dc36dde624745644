import { setTimeout as sleep } from 'node:timers/promises';
import { block, openTracks, play } from '../../__test__/support/engine-meeting.mjs';
import type { Client, Counts, Frames } from './client.js';
import { MemoryLog, type MemoryTrend } from './memory.js';

/** Of tracks and streams, in Hz. */
export const SAMPLE_RATE = 16_000;
/** Length of the engine's frames, in ms. */
export const FRAME_MS = 10;
/** What a stream of narrowcast buffers unless it is told otherwise, in frames. */
export const RING_FRAMES = 10_000 / FRAME_MS;

/** Tracks that are played, each with a stream that is read. */
const TRACKS = 8;
/** How often streams are opened and cancelled, in ms. */
const CHURN_MS = 2000;
/** Streams that are opened and cancelled each time. */
const CHURN_STREAMS = 4;
/** How long the thread is blocked before they are cancelled, in ms: frames pile up behind it. */
const STALL_MS = 60;
/**
 * How often a stream is forgotten, in churns. Not more often: to rtc-node each costs 4 MB a minute and a share of every
 * event, for ever, and in 10 minutes it would do nothing else.
 */
const FORGET_EVERY = 15;
/** Streams that are forgotten, at most. */
const FORGET_AT_MOST = 20;
/** Full collections after which what is still there is there for good; what is collected takes two or three. */
const COLLECTIONS = 20;
/** How long everything must be quiet, and how long that may take, in ms. */
const REST_MS = 250;
const REST_LIMIT_MS = 30_000;

/** What a meeting left behind, and what it was. */
export interface Aftermath {
  /** Native handles that the engine still knows. */
  readonly handles: { readonly frames: number; readonly streams: number };
  /** More listeners to the engine's events than in the beginning. */
  readonly listeners: number;
  /** Streams that nobody holds: those that the engine still feeds, and those that the collector did not get. */
  readonly streams: { readonly open: number; readonly notCollected: number };
  readonly memory: MemoryTrend;
  /** The stream that nobody read, until the end. */
  readonly neverRead: NeverRead;
  readonly did: { readonly cancelled: number; readonly forgotten: number; readonly framesRead: number };
  /** What should never happen and did, in words. */
  readonly faults: readonly string[];
}

/** What became of the frames of a stream that nobody read. */
export interface NeverRead {
  /** Played into its track. */
  readonly played: number;
  /** What the stream itself says; undefined where streams don't count. */
  readonly counts?: Counts | undefined;
  /** Frames that waited in it when all was over. */
  readonly waiting: number;
  /** Dropped before the first of them, as that frame says. */
  readonly droppedBefore: number;
}

/** Holds a meeting for `minutes`, in which streams are read, cancelled, forgotten and never read. */
export async function holdMeeting(client: Client, minutes: number): Promise<Aftermath> {
  const tracks = openTracks(TRACKS);
  const listenersBefore = client.listeners();
  const streams = new Streams(client);
  const did = { cancelled: 0, forgotten: 0, framesRead: 0 };

  const { memory, neverRead } = await (async () => {
    const durationMs = minutes * 60_000;
    const unread = streams.open(tracks[0]!.track);
    let over = false;
    const readers = tracks.map(async ({ track }) => {
      for await (const _ of streams.open(track)) {
        did.framesRead++;
        if (over) break;
      }
    });
    // Longer than the meeting lasts, however slow it is.
    const pump = play(tracks, 2 ** 32);
    const log = new MemoryLog(durationMs);
    const start = performance.now();
    // As many on a slow machine as on a fast one.
    for (let churn = 0; churn * CHURN_MS < durationMs; churn++) {
      did.cancelled += await cancelBehindStall(tracks.slice(0, CHURN_STREAMS).map(({ track }) => streams.open(track)));
      if (churn % FORGET_EVERY === 0 && did.forgotten < FORGET_AT_MOST) {
        await forget(streams.open(tracks[churn % TRACKS]!.track));
        did.forgotten++;
      }
      streams.sweep();
      await sleep(start + Math.min((churn + 1) * CHURN_MS, durationMs) - performance.now());
    }
    const memory = log.stop();
    over = true;
    await Promise.all(readers);
    pump.stop();
    await rest(client);
    const counts = client.count(unread);
    const neverRead = { played: pump.stats()[0]!.captured, counts, ...(await drain(unread)) };
    return { memory, neverRead };
  })();

  for (let i = 0; i < COLLECTIONS; i++) {
    gc!();
    // Not before it, for what one looks at stays until one's turn ends.
    if (streams.sweep() === 0 && client.streams() === 0) break;
    await sleep(10);
  }
  await rest(client);
  // Before the tracks end, which would end what was forgotten, too.
  const aftermath = {
    streams: { open: client.streams(), notCollected: streams.sweep() },
    listeners: client.listeners() - listenersBefore,
    handles: client.handles(),
    memory,
    neverRead,
    did,
    faults: client.faults(),
  };
  await Promise.all(tracks.map(({ track }) => track.close()));
  return aftermath;
}

/** Opens streams, and knows which of them are still there without keeping them. */
class Streams {
  #alive: WeakRef<Frames>[] = [];

  constructor(readonly client: Client) {}

  open(track: Parameters<Client['open']>[0]): Frames {
    const stream = this.client.open(track);
    this.#alive.push(new WeakRef(stream));
    return stream;
  }

  /** How many have not been collected. */
  sweep(): number {
    this.#alive = this.#alive.filter((stream) => stream.deref() !== undefined);
    return this.#alive.length;
  }
}

/** Cancels streams in mid-flow, while frames of theirs wait that JavaScript could not look at yet. */
async function cancelBehindStall(streams: readonly Frames[]): Promise<number> {
  const readers = streams.map((stream) => stream.getReader());
  await Promise.all(readers.map((reader) => reader.read()));
  block(STALL_MS);
  await Promise.all(readers.map((reader) => reader.cancel()));
  return streams.length;
}

/** Reads one frame, and lets go. */
async function forget(stream: Frames): Promise<void> {
  await stream.getReader().read();
}

/** Reads what waits in a stream that gets no more, and cancels it. */
async function drain(stream: Frames): Promise<{ waiting: number; droppedBefore: number }> {
  const reader = stream.getReader();
  let waiting = 0;
  let droppedBefore = 0;
  for (;;) {
    // A frame that is there comes before whatever else the thread has to do.
    const read = await Promise.race([reader.read(), new Promise<void>(setImmediate)]);
    if (!read?.value) break;
    if (waiting++ === 0) droppedBefore = Number(read.value.userdata['droppedBefore'] ?? 0);
  }
  await reader.cancel();
  return { waiting, droppedBefore };
}

/** Waits until no events come any more. */
async function rest(client: Client): Promise<void> {
  let last = -1;
  let since = 0;
  const calm = await until(() => {
    const events = client.events();
    if (events !== last) since = performance.now();
    last = events;
    return performance.now() - since > REST_MS;
  }, REST_LIMIT_MS);
  if (!calm) throw new Error(`events still come ${REST_LIMIT_MS} ms after nothing is played any more`);
}

/** Waits for a condition, for `limitMs` at most; returns whether it holds. */
async function until(condition: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    await sleep(10);
  }
  return true;
}
