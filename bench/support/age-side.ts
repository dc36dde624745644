/**
 * One measurement of how old frames are when they are read, in a process of its own: tracks in LiveKit's engine, played from a
 * native thread whose clock does not drift. Sends it to the process that forked it.
 *
 *   age-side.ts SIDE STREAMS SECONDS      SIDE: peer or ours
 *
 * Each chunk of 10 ms has a level of its own, one of 100 in a second. So a frame says which chunk it is, as long as no frame is
 * as old as a second; and the chunk's number says when the pump's clock had it due. Both sides are played by the same pump.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { AudioStream, install } from 'narrowcast/livekit';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { ENDLESS, openTracks, play, SAMPLE_RATE } from './tracks.js';

/** Who reads. */
export type AgeSide = 'peer' | 'ours';

/** Ages of frames, in ms: half of them, and all but one in a hundred, are at most that old. */
export interface Ages {
  readonly p50: number;
  readonly p99: number;
}

const CHUNK_MS = 10;
const CHUNK = (SAMPLE_RATE * CHUNK_MS) / 1000;
/** Chunks that differ, and how far apart their levels are. */
const CHUNKS = 100;
const STEP = 300;
const WARM_UP_MS = 1500;

// Not without the process that started it, which may be gone by now.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

const [side, streams, seconds] = [process.argv[2] as AgeSide, Number(process.argv[3]), Number(process.argv[4])];
const { rtc, ffi, enginePath } = loadBindings();
if (side === 'peer') native.engineAttach(enginePath, describeEvents(ffi));
else install();

const pcm = Int16Array.from({ length: CHUNKS * CHUNK }, (_, i) => (1 + Math.floor(i / CHUNK)) * STEP);
const tracks = openTracks(streams).map((track) => ({ ...track, pcm }));
let ages: number[] = [];
let start = Infinity;

async function read(frames: AsyncIterable<{ data: Int16Array }>): Promise<void> {
  for await (const { data } of frames) {
    const now = performance.now() - start;
    const chunk = Math.round(data[data.length >> 1]! / STEP) - 1;
    // Silence before the first chunk is none.
    if (chunk < 0) continue;
    const loop = CHUNKS * CHUNK_MS;
    ages.push((((now - chunk * CHUNK_MS) % loop) + loop) % loop);
  }
}

const Stream = side === 'ours' ? AudioStream : rtc.AudioStream;
for (const { track } of tracks) void read(new Stream(track, SAMPLE_RATE, 1));
await sleep(WARM_UP_MS);
const pump = play(tracks, ENDLESS);
start = performance.now();
await sleep(WARM_UP_MS);
ages = [];
await sleep(seconds * 1000);
const sorted = ages.toSorted((one, other) => one - other);
pump.stop();
const expected = (streams * seconds * 1000) / CHUNK_MS;
if (sorted.length < expected * 0.9) throw new Error(`${sorted.length} of ${expected} frames were read`);
const at = (share: number) => sorted[Math.floor(sorted.length * share)]!;
const result: Ages = { p50: at(0.5), p99: at(0.99) };
process.send!(result, () => process.exit(0));
