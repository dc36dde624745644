/**
 * What an event costs the main thread that one of N subscribers wants, in a process of its own. The events are LiveKit's:
 * its answers to the chunks that tracks are played with, 100 a second for each track, all at about the same time and
 * whatever N is. Each is meant for one subscriber.
 *
 *   event-side.ts SIDE SUBSCRIBERS TRACKS SECONDS
 *
 * - `peer`: rtc-node's way. Its client is woken, decodes, and emits to all its listeners, which each look whether the
 *   event is its own, as rtc-node's streams do.
 * - `raw`, `decoded`: narrowcast's queue, heard with `forEach`, as a listener is; decoded by the same protobuf code.
 * - `raw-await`, `raw-drain`: the same, read with `for await`, and with `drain()` every 20 ms.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEmitter } from 'node:events';
import type { FfiEvent as LiveKitEvent } from '@livekit/rtc-ffi-bindings';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { FfiQueue } from '../../src/ffi-queue.js';
import type { Subscription } from '../../src/subscription.js';
import { spent, type Spent } from './spent.js';
import { ENDLESS, openTracks, play, played } from './tracks.js';

export type EventSide = 'peer' | 'raw' | 'decoded' | 'raw-await' | 'raw-drain';

/** What was measured. */
export interface EventCost {
  /** Processor time of the main thread for each event, in µs, without what the idle process takes in that time. */
  mainUsPerEvent: number;
  /** The same of an event without a listener, where rtc-node's client hears it; 0 with narrowcast, which drops it. */
  unwantedUs: number;
  /** Events that reached the subscriber they were for, and events sent, in the same time. */
  received: number;
  sent: number;
  /** Wakes of the main thread by narrowcast. */
  wakes: number;
}

const TICK_MS = 20;
const WARM_UP_MS = 1000;
const IDLE_MS = 1000;
/** Async ids that no other client has. */
const FIRST_ID = 2n ** 50n;

const side = process.argv[2] as EventSide;
const [subscribers, trackCount, seconds] = process.argv.slice(3).map(Number) as [number, number, number];
const { ffi, enginePath } = loadBindings();
const schema = describeEvents(ffi);

const ids = Array.from({ length: subscribers }, (_, at) => FIRST_ID + BigInt(at));
let received = 0;

function listen(): void {
  // rtc-node keeps its client for itself; this is where all copies of it look for it.
  const client = (globalThis as unknown as { _ffiClientInstance: EventEmitter })._ffiClientInstance;
  for (const id of ids) {
    client.on('ffi_event', ({ message }: LiveKitEvent) => {
      if (message.case !== 'captureAudioFrame' || message.value.asyncId !== id) return;
      received++;
    });
  }
}

function subscribe<E>(decode?: (payload: Uint8Array) => E): Subscription<E>[] {
  const types = schema.cases.map(({ name }) => name);
  const queue = new FfiQueue<string, E>(
    { types, ...(decode && { decode: ({ payload }) => decode(payload) }) },
    // The engine's own queue: install() would listen to all answers, too.
    () => native.engineQueue(),
  );
  return ids.map((id) => queue.subscribe({ types: ['captureAudioFrame'], handles: [id] }));
}

async function forAwait(subscription: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of subscription) received++;
}

const hear: Record<EventSide, () => void> = {
  peer: listen,
  raw: () => {
    for (const each of subscribe()) void each.forEach(() => void received++);
  },
  decoded: () => {
    for (const each of subscribe((payload) => ffi.FfiEvent.fromBinary(payload)))
      void each.forEach(() => void received++);
  },
  'raw-await': () => {
    for (const each of subscribe()) void forAwait(each);
  },
  'raw-drain': () => {
    const subscriptions = subscribe();
    setInterval(() => {
      for (const each of subscriptions) received += each.drain().length;
    }, TICK_MS);
  },
};

const tracks = openTracks(trackCount);
// After rtc-node's client has opened them, for it takes the engine's callback when it is made.
// The number of a thread is asked for once it is attached; no other thread is one here.
native.engineAttach(enginePath, schema, side === 'peer' ? undefined : 1);
await sleep(500);
const idle = await spent(IDLE_MS);
const perEvent = ({ mainUs, ms, counted }: Spent) => (mainUs - (idle.mainUs / idle.ms) * ms) / counted;

const pump = play(tracks, ENDLESS, (at) => ids[at % subscribers]!);
const sent = () => played(pump);
await sleep(WARM_UP_MS);
const unheard = await spent(IDLE_MS, sent);
hear[side]();
await sleep(WARM_UP_MS);
const before = { received, wakes: native.threadWakes() };
const heard = await spent(seconds * 1000, sent);
const result: EventCost = {
  mainUsPerEvent: perEvent(heard),
  unwantedUs: perEvent(unheard),
  received: received - before.received,
  sent: heard.counted,
  wakes: native.threadWakes() - before.wakes,
};
pump.stop();
if (result.received < 0.98 * result.sent) throw new Error(`${result.received} of ${result.sent} events arrived`);
process.send!(result, () => process.exit(0));
