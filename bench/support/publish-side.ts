/**
 * One measurement of publishing into a room on a real server, in a process of its own: so many sources, played in one way.
 * Sends what it cost to the process that forked it.
 *
 *   publish-side.ts SIDE URL TOKEN SOURCES SECONDS      SIDE: peer, or one of our two ways
 *
 * Nothing is subtracted: the events of the room, the client's own timers and the answers of the engine are in it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as rtc from '@livekit/rtc-node';
import { AudioStreamTrack } from 'narrowcast';
import { AudioSource, install } from 'narrowcast/livekit';
import { spent } from './spent.js';
import { tone } from './tones.js';
import { wakeCounter } from './wakes.js';

/** How a source is fed: rtc-node's `captureFrame`, ours, or a track that a native thread plays. */
export type PublishSide = 'peer' | 'capture-frame' | 'pipe-to';

/** What was measured. */
export interface PublishCost {
  /** Processor time of the main thread for each 10 ms that were published, in µs. */
  readonly mainUsPerFrame: number;
  /** Processor time of the whole process, in % of one core. */
  readonly cpuPercent: number;
  /** How often native code called the main thread, for each frame. */
  readonly wakesPerFrame: number;
  /** Of the frames that time makes, those that were not published, in %; of the source that missed most. */
  readonly missingPercent: number;
}

/** Hz. */
const RATE = 48_000;
const FRAME_MS = 10;
const FRAME_SAMPLES = (RATE * FRAME_MS) / 1000;
/** Length of what is written at once into a track: speech comes from a synthesizer in pieces. */
const PIECE_MS = 200;
/** Longer than a source's queue takes to fill. */
const WARM_UP_MS = 2500;

const [side, url, token] = process.argv.slice(2) as [PublishSide, string, string];
const [count, seconds] = process.argv.slice(5).map(Number) as [number, number];

// Not without the process that started it, which may be gone by now.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

if (side !== 'peer') install();
// Each track of rtc-node's listens to its room, and Node warns of more than 10.
const room = new rtc.Room().setMaxListeners(0);
await room.connect(url, token, { autoSubscribe: false, dynacast: false });
const wakes = wakeCounter(side === 'peer' ? 'peer' : 'ours');
const pcm = tone(440, RATE, 12_000);

/** How many frames of each source were published so far, as far as JavaScript knows. */
const frames: (() => number)[] = [];
for (let at = 0; at < count; at++) {
  const source = new (side === 'peer' ? rtc.AudioSource : AudioSource)(RATE, 1);
  const track = rtc.LocalAudioTrack.createAudioTrack(`tone ${at}`, source as rtc.AudioSource);
  await room.localParticipant!.publishTrack(track, new rtc.TrackPublishOptions());
  frames.push(side === 'pipe-to' ? pipe(source) : capture(source));
}

/** A loop as in rtc-node's own examples: the source's queue, of a second, is the pace. */
function capture(source: rtc.AudioSource | AudioSource): () => number {
  let captured = 0;
  void (async () => {
    for (let at = 0; ; at = (at + FRAME_SAMPLES) % pcm.length) {
      await source.captureFrame(new rtc.AudioFrame(pcm.slice(at, at + FRAME_SAMPLES), RATE, 1, FRAME_SAMPLES));
      captured++;
    }
  })();
  return () => captured;
}

function pipe(source: rtc.AudioSource | AudioSource): () => number {
  const track = new AudioStreamTrack({ frameSizeMs: FRAME_MS });
  track.pipeTo(source).catch((error: unknown) => {
    throw error;
  });
  const samples = (RATE * PIECE_MS) / 1000;
  let at = 0;
  const write = () => {
    track.write({ data: pcm.slice(at, at + samples), sampleRate: RATE, channels: 1 });
    at = (at + samples) % pcm.length;
  };
  // Ahead by a second: what is written in time is not missed.
  for (let piece = 0; piece < 1000 / PIECE_MS; piece++) write();
  setInterval(write, PIECE_MS);
  return () => {
    const { framesOut, silenceFrames } = track.stats();
    return framesOut - silenceFrames;
  };
}

await sleep(WARM_UP_MS);
const before = { frames: frames.map((count) => count()), wakes: wakes() };
const cost = await spent(seconds * 1000);
const published = frames.map((count, at) => count() - before.frames[at]!);
const wokenFor = wakes() - before.wakes;
const sum = published.reduce((sum, each) => sum + each, 0);
const result: PublishCost = {
  mainUsPerFrame: cost.mainUs / sum,
  wakesPerFrame: wokenFor / sum,
  cpuPercent: cost.cpuUs / cost.ms / 10,
  missingPercent: 100 * (1 - Math.min(...published) / (cost.ms / FRAME_MS)),
};
await room.disconnect();
process.send!(result, () => process.exit(0));
