/**
 * One measurement of a room on a real server, in a process of its own: everybody in it is listened to. Sends what it cost
 * to the process that forked it.
 *
 *   room-side.ts SIDE URL TOKEN PUBLISHERS SECONDS      SIDE: peer or ours
 *
 * Nothing is subtracted: the events of the room, the client's own timers and the answers of the engine are in it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as rtc from '@livekit/rtc-node';
import { AudioStream, install } from 'narrowcast/livekit';
import { loopTurns, spent } from './spent.js';
import { wakeCounter } from './wakes.js';
import { until } from '../../__test__/support/wait.mjs';

/** Who listens. */
export type RoomSide = 'peer' | 'ours';

/** What was measured. */
export interface RoomCost {
  /** Processor time of the main thread for each frame read, in µs. */
  readonly mainUsPerFrame: number;
  /** Processor time of the whole process, in % of one core. */
  readonly cpuPercent: number;
  /** For each frame read: how often native code called the main thread, and how often its event loop went round. */
  readonly wakesPerFrame: number;
  readonly turnsPerFrame: number;
  /** Of the frames that a publisher's time makes, those that were not read, in %; of the track that missed most. */
  readonly missingPercent: number;
  /** Of the samples that the engine played out, those that it had to make up, in %. */
  readonly concealedPercent: number;
}

/** Hz of what is read. */
const SAMPLE_RATE = 16_000;
const FRAME_MS = 10;
const WARM_UP_MS = 2500;

const [side, url, token] = process.argv.slice(2) as [RoomSide, string, string];
const [publishers, seconds] = process.argv.slice(5).map(Number) as [number, number];

// Not without the process that started it, which may be gone by now.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

if (side === 'ours') install();
// Each track of rtc-node's listens to its room, and Node warns of more than 10.
const room = new rtc.Room().setMaxListeners(0);
const tracks: rtc.Track[] = [];
room.on(rtc.RoomEvent.TrackSubscribed, (track: rtc.Track) => tracks.push(track));
await room.connect(url, token, { autoSubscribe: true, dynacast: false });
await until(() => tracks.length === publishers, `${publishers} are heard`);

const wakes = wakeCounter(side);
/** Frames read of each track. */
const frames = tracks.map(() => 0);
for (const [at, track] of tracks.entries()) void read(at, open(track));

function open(track: rtc.Track): AsyncIterable<unknown> {
  return side === 'ours' ? new AudioStream(track, SAMPLE_RATE, 1) : new rtc.AudioStream(track, SAMPLE_RATE, 1);
}

async function read(at: number, stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) frames[at]!++;
}

/** Samples of all tracks that were played out so far, and those of them that were made up. */
async function playedOut(): Promise<{ samples: number; concealed: number }> {
  // Whether there is one connection or one for each direction is up to the server.
  const { publisherStats, subscriberStats } = await room.getRtcStats();
  const sums = { samples: 0, concealed: 0 };
  for (const { stats } of [...publisherStats, ...subscriberStats]) {
    if (stats.case !== 'inboundRtp') continue;
    sums.samples += Number(stats.value.inbound!.totalSamplesReceived);
    sums.concealed += Number(stats.value.inbound!.concealedSamples);
  }
  return sums;
}

await sleep(WARM_UP_MS);
const before = { out: await playedOut(), frames: [...frames], wakes: wakes(), turns: loopTurns() };
const cost = await spent(seconds * 1000);
const wokenFor = wakes() - before.wakes;
const turns = loopTurns() - before.turns;
const readOfEach = frames.map((count, at) => count - before.frames[at]!);
const out = await playedOut();

const framesRead = readOfEach.reduce((sum, count) => sum + count, 0);
const result: RoomCost = {
  mainUsPerFrame: cost.mainUs / framesRead,
  cpuPercent: cost.cpuUs / cost.ms / 10,
  wakesPerFrame: wokenFor / framesRead,
  turnsPerFrame: turns / framesRead,
  missingPercent: 100 * (1 - Math.min(...readOfEach) / (cost.ms / FRAME_MS)),
  concealedPercent: (100 * (out.concealed - before.out.concealed)) / (out.samples - before.out.samples),
};
await room.disconnect();
process.send!(result, () => process.exit(0));
