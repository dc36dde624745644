import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ReadableStreamDefaultReader } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { Room, RoomEvent, type AudioFrame, type RemoteParticipant, type Track } from '@livekit/rtc-node';
import { RoomServiceClient } from 'livekit-server-sdk';
import type { LivekitServer } from '../../__test__/support/livekit-server.js';
import { Publishers, token } from '../support/publishers.js';
import type { Client, Counts, Frames } from './client.js';
import { leftovers, Streams, until, type Leftovers } from './leftovers.js';
import { MemoryLog } from './memory.js';

/** Who is heard, each from another process. The first one stays, the others come and go. */
const PUBLISHERS = ['a', 'b', 'c', 'd'];
const LISTENER = 'listener';
/**
 * How long the room is open before it is closed and opened again, in ms. Not shorter: the engine itself keeps memory of
 * each room for good, with plain rtc-node as well, when everything in JavaScript is collected and no handle is left.
 */
const SESSION_MS = 360_000;
/** How often a participant leaves and joins again, in ms. */
const CHURN_MS = 5000;
/** How long who reads slowly takes for a frame of 10 ms, in ms: the stream is full after 12 s. */
const SLOW_MS = 50;
/** How long before the room is closed who reads slowly stops doing so, in ms: what waits can be read before that. */
const CATCH_UP_MS = 1000;
/** How often the event loop is looked at, in ms. */
const LAG_RESOLUTION_MS = 10;
/** How long joining, or the end of what was heard, may take, in ms. */
const LIMIT_MS = 60_000;

type Reader = ReadableStreamDefaultReader<AudioFrame>;

/** What a room on a real server left behind, and what happened in it. */
export interface RoomAftermath extends Leftovers {
  /** How late the event loop was, in ms. */
  readonly lagMs: { readonly p50: number; readonly p99: number };
  /** The streams that were read slowly, one for each time the room was open. */
  readonly slow: SlowlyRead;
  readonly did: {
    readonly opened: number;
    readonly left: number;
    readonly cancelled: number;
    readonly forgotten: number;
    readonly framesRead: number;
  };
}

/** What became of the frames of streams that were read too slowly, and to their ends. */
interface SlowlyRead {
  readonly framesRead: number;
  /** Dropped before those that were read, as they say. */
  readonly droppedBefore: number;
  /** What the streams themselves say; undefined where streams don't count. */
  readonly counts?: Counts | undefined;
  /** How many of the streams did not account for every frame. A part of one may wait in the resampler. */
  readonly unaccounted: number;
}

/** Everything that is counted while a meeting is held. */
interface Held {
  readonly client: Client;
  readonly server: LivekitServer;
  readonly service: RoomServiceClient;
  readonly roomName: string;
  readonly publishers: Publishers;
  readonly streams: Streams;
  /** What rtc-node has made: each releases its handle when it is collected. */
  readonly remembered: WeakRef<object>[];
  readonly did: { -readonly [K in keyof RoomAftermath['did']]: number };
  readonly slow: { -readonly [K in keyof Counts]: number } & {
    framesRead: number;
    droppedBefore: number;
    counted: boolean;
    unaccounted: number;
  };
}

/**
 * Is in a room on a real server for `minutes`, with others who come and go. The room is closed again and again, by this
 * side and by the server in turn, and opened again; one stream is always read too slowly.
 */
export async function holdRoomMeeting(
  client: Client,
  side: string,
  minutes: number,
  server: LivekitServer,
): Promise<RoomAftermath> {
  const roomName = `soak ${side}`;
  const held: Held = {
    client,
    server,
    service: new RoomServiceClient(server.url.replace('ws', 'http'), server.apiKey, server.apiSecret),
    roomName,
    publishers: new Publishers(server, roomName),
    streams: new Streams(client),
    remembered: [],
    did: { opened: 0, left: 0, cancelled: 0, forgotten: 0, framesRead: 0 },
    slow: {
      framesRead: 0,
      droppedBefore: 0,
      counted: false,
      unaccounted: 0,
      framesIn: 0,
      framesOut: 0,
      framesDropped: 0,
      framesBuffered: 0,
    },
  };
  const listenersBefore = client.listeners();
  const durationMs = minutes * 60_000;
  // Closed by each side at least once.
  const sessions = Math.max(2, Math.round(durationMs / SESSION_MS));
  for (const identity of PUBLISHERS) await held.publishers.join(identity);
  // Node loads what it takes to ask a server when it first does: not in the middle of it.
  await held.service.listRooms();
  const delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  const log = new MemoryLog(durationMs);
  delays.enable();
  for (let session = 0; session < sessions; session++) {
    await holdSession(held, durationMs / sessions, session % 2 === 0 ? 'listener' : 'server');
    sweep(held);
  }
  delays.disable();
  const memory = log.stop();
  await held.publishers.stop();

  const left = await leftovers(client, held.streams, listenersBefore, () => sweep(held));
  const lag = (percentile: number) => Math.max(0, delays.percentile(percentile) / 1e6 - LAG_RESOLUTION_MS);
  const { framesRead, droppedBefore, unaccounted, counted, ...counts } = held.slow;
  return {
    ...left,
    memory,
    lagMs: { p50: lag(50), p99: lag(99) },
    slow: { framesRead, droppedBefore, counts: counted ? counts : undefined, unaccounted },
    did: held.did,
  };
}

/** Opens the room, listens to everybody for `durationMs`, and is there until it was closed. */
async function holdSession(held: Held, durationMs: number, closedBy: 'listener' | 'server'): Promise<void> {
  const { server, service, roomName, publishers, streams, remembered, did } = held;
  const end = performance.now() + durationMs;
  const room = new Room();
  remembered.push(new WeakRef(room));
  const reading: Promise<void>[] = [];
  const readers = new Set<Reader>();
  let steady: Track | undefined;
  room.on(RoomEvent.TrackSubscribed, (track: Track, _: unknown, participant: RemoteParticipant) => {
    remembered.push(new WeakRef(track), new WeakRef(track.ffi_handle), new WeakRef(participant));
    if (participant.identity === PUBLISHERS[0]) {
      steady = track;
      reading.push(readSlowly(held, streams.open(track), readers, end - CATCH_UP_MS));
    } else reading.push(readAll(held, streams.open(track), readers));
  });
  const closed = new Promise<unknown>((resolve) => room.once(RoomEvent.Disconnected, resolve));
  await room.connect(server.url, await token(server, roomName, LISTENER), { autoSubscribe: true, dynacast: false });
  did.opened++;
  remembered.push(new WeakRef(room.localParticipant!));
  if (!(await until(() => steady !== undefined, LIMIT_MS)))
    throw new Error(`no participant was heard within ${LIMIT_MS} ms`);

  await forget(streams.open(steady!));
  did.forgotten++;
  while (performance.now() < end) {
    const next = performance.now() + CHURN_MS;
    const identity = PUBLISHERS[1 + (did.left % (PUBLISHERS.length - 1))]!;
    await publishers.leave(identity);
    did.left++;
    await cancel(streams.open(steady!));
    did.cancelled++;
    await publishers.join(identity);
    await sleep(Math.max(0, Math.min(next, end) - performance.now()));
  }

  if (closedBy === 'listener') await room.disconnect();
  else await service.removeParticipant(roomName, LISTENER);
  await within(LIMIT_MS, closed, 'the room was not closed');
  // rtc-node ends what was heard where the program leaves the room, but not where the server closes it.
  if (closedBy === 'server') for (const reader of readers) void reader.cancel();
  await within(LIMIT_MS, Promise.all(reading), 'what was heard did not end with the room');
}

/** Reads to the end, in which it leaves `readers`. */
async function* frames(stream: Frames, readers: Set<Reader>): AsyncGenerator<AudioFrame, void> {
  const reader = stream.getReader();
  readers.add(reader);
  for (;;) {
    const { value } = await reader.read();
    if (!value) break;
    yield value;
  }
  readers.delete(reader);
}

async function readAll({ did }: Held, stream: Frames, readers: Set<Reader>): Promise<void> {
  for await (const _ of frames(stream, readers)) did.framesRead++;
}

/** Too slowly until `end`; what the stream has buffered by then, at once. */
async function readSlowly({ client, slow }: Held, stream: Frames, readers: Set<Reader>, end: number): Promise<void> {
  for await (const { userdata } of frames(stream, readers)) {
    slow.framesRead++;
    slow.droppedBefore += Number(userdata['droppedBefore'] ?? 0);
    if (performance.now() < end) await sleep(SLOW_MS);
  }
  const counts = client.count(stream);
  if (!counts) return;
  const { framesIn, framesOut, framesDropped, framesBuffered } = counts;
  slow.counted = true;
  slow.framesIn += framesIn;
  slow.framesOut += framesOut;
  slow.framesDropped += framesDropped;
  slow.framesBuffered += framesBuffered;
  if (Math.abs(framesIn - framesOut - framesDropped - framesBuffered) >= 1) slow.unaccounted++;
}

/** Reads one frame, and cancels in mid-flow. */
async function cancel(stream: Frames): Promise<void> {
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
}

/** Reads one frame, and lets go. */
async function forget(stream: Frames): Promise<void> {
  await stream.getReader().read();
}

/** How much of what rtc-node has made was not collected yet. */
function sweep({ streams, remembered }: Held): number {
  streams.sweep();
  const alive = remembered.filter((each) => each.deref() !== undefined);
  remembered.splice(0, remembered.length, ...alive);
  return alive.length;
}

async function within<T>(limitMs: number, promise: Promise<T>, failed: string): Promise<T> {
  let timer: NodeJS.Timeout;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${failed} within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
