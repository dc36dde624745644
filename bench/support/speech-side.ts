/**
 * One measurement of a meeting in which one participant speaks at a time, in a process of its own: tracks in LiveKit's engine,
 * played from a native thread, each read by `for await`. Sends what it cost to the process that forked it.
 *
 *   speech-side.ts SIDE PARTICIPANTS SECONDS      SIDE: peer, plain rtc-node; ours, with `deliver: 'speech'`; ours-50, with
 *                                                 `frameSizeMs: 50`, too; silent, ours in a meeting in which no participant speaks
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { AudioStream, install } from 'narrowcast/livekit';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { native } from '../../src/native.js';
import { spent } from './spent.js';
import { NOISES, RATE, spoken, withNoise } from './spoken.js';
import { ENDLESS, openTracks, play } from './tracks.js';

export type SpeechSide = 'peer' | 'ours' | 'ours-50' | 'silent';

/** What was measured. */
export interface SpeechCost {
  /** Processor time of the main thread for each second of the meeting, in µs; nothing is subtracted. */
  mainUs: number;
  /** What of that is spent without a listener: on answers to what is played. */
  playingUs: number;
  /** Of the whole process, in % of one core. */
  cpuPercent: number;
  framesRead: number;
  /** How often native code called this thread in a second; 0 for the peer, which is called for each event. */
  wakes: number;
  /** Utterances that were played to their end, and those of them that were delivered whole, sample by sample. */
  utterances: number;
  whole: number;
}

/** Quieter than the voices, in dB. */
const SNR = 20;
const IDLE_MS = 2000;
const SETTLE_MS = 1000;

const [side, participants, seconds] = [process.argv[2] as SpeechSide, Number(process.argv[3]), Number(process.argv[4])];

const { rtc, ffi, enginePath } = loadBindings();
if (side === 'peer') native.engineAttach(enginePath, describeEvents(ffi));
else install();

const scene = spoken();
const noise = NOISES.tuning['pink']!(scene.pcm.length);
/** What each participant plays, over and over: noise, and its share of the utterances. */
const tracks = openTracks(participants, RATE).map((track, who) => {
  const pcm = new Int16Array(scene.pcm.length);
  for (const [at, [begin, end]] of scene.utterances.entries()) {
    if (side !== 'silent' && at % participants === who) pcm.set(scene.pcm.subarray(begin, end), begin);
  }
  // Whole chunks of 10 ms are played.
  const length = pcm.length - (pcm.length % (RATE / 100));
  return { ...track, pcm: withNoise({ ...scene, pcm }, noise, SNR).slice(0, length) };
});

const idlePump = play(tracks, ENDLESS);
await sleep(SETTLE_MS);
const idle = await spent(IDLE_MS);
idlePump.stop();
await sleep(SETTLE_MS);

let framesRead = 0;
/** Of each participant, where samples were delivered, and whether those were the samples that were played there. */
const delivered = tracks.map(() => ({ ranges: [] as [number, number][], right: true }));

async function listen(stream: AsyncIterable<{ data: Int16Array; userdata?: Record<string, unknown> }>, who: number) {
  const { pcm } = tracks[who]!;
  const heard = delivered[who]!;
  for await (const { data, userdata } of stream) {
    framesRead++;
    const position = userdata?.['position'];
    if (typeof position !== 'number') continue;
    const last = heard.ranges.at(-1);
    if (last?.[1] === position) last[1] += data.length;
    else heard.ranges.push([position, position + data.length]);
    heard.right &&=
      data[0] === pcm[position % pcm.length] && data.at(-1) === pcm[(position + data.length - 1) % pcm.length];
  }
}

for (const [who, { track }] of tracks.entries()) {
  const options = {
    sampleRate: RATE,
    resampler: 'engine',
    speech: { deliver: 'speech' },
    ...(side === 'ours-50' && { frameSizeMs: 50 }),
  } as const;
  void listen(side === 'peer' ? new rtc.AudioStream(track, RATE, 1) : new AudioStream(track, options), who);
}
const pump = play(tracks, ENDLESS);
await sleep(SETTLE_MS);
const before = framesRead;
const busy = await spent(seconds * 1000, () => native.threadWakes());
const read = framesRead - before;
const [played] = pump.stats().map(({ sent }) => (sent * RATE) / 100);
pump.stop();
// What is on its way arrives.
await sleep(SETTLE_MS);

const over = scene.utterances
  .map((range, at) => ({ range, who: at % participants }))
  .filter(({ range }) => range[1] < played! - RATE);
const whole = over.filter(({ range: [begin, end], who }) => {
  const { ranges, right } = delivered[who]!;
  return right && ranges.some(([from, to]) => from <= begin && to >= end);
});
const cost: SpeechCost = {
  mainUs: busy.mainUs / (busy.ms / 1000),
  playingUs: idle.mainUs / (idle.ms / 1000),
  cpuPercent: busy.cpuUs / busy.ms / 10,
  framesRead: read,
  wakes: busy.counted / (busy.ms / 1000),
  utterances: over.length,
  whole: whole.length,
};
process.send!(cost, () => process.exit(0));
