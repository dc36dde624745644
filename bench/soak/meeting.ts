import { setTimeout as sleep } from 'node:timers/promises';
import { openTracks, play } from '../../__test__/support/engine-meeting.mjs';
import type { Client, Counts, Frames } from './client.js';
import { leftovers, rest, Streams, type Leftovers } from './leftovers.js';
import { MemoryLog } from './memory.js';
import { block } from '../../__test__/support/wait.mjs';

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

/** What a meeting left behind, and what it was. */
export interface Aftermath extends Leftovers {
  /** The stream that was not read until the end. */
  readonly neverRead: NeverRead;
  readonly did: { readonly cancelled: number; readonly forgotten: number; readonly framesRead: number };
}

/** What became of the frames of the unread stream. */
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
      await sleep(Math.max(0, start + Math.min((churn + 1) * CHURN_MS, durationMs) - performance.now()));
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

  // Before the tracks end, which would end what was forgotten, too.
  const aftermath = { ...(await leftovers(client, streams, listenersBefore)), memory, neverRead, did };
  await Promise.all(tracks.map(({ track }) => track.close()));
  return aftermath;
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
    // A frame that is there comes within a turn or two of the event loop: the reads of a turn have a budget.
    const read = await Promise.race([reader.read(), sleep(100)]);
    if (!read?.value) break;
    if (waiting++ === 0) droppedBefore = Number(read.value.userdata['droppedBefore'] ?? 0);
  }
  await reader.cancel();
  return { waiting, droppedBefore };
}
