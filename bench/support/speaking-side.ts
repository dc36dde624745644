/**
 * One measurement of how an agent speaks, in a process of its own: LiveKit's engine in this process, and a listener that
 * knows each 10 ms of each utterance by its samples. Sends what it measured.
 *
 *   speaking-side.ts WHAT VOICE SEED      WHAT: barge-ins, delays, blocked or memory
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import * as rtc from '@livekit/rtc-node';
import { AudioStreamTrack } from '../../src/audio-stream-track.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { block } from '../../__test__/support/wait.mjs';

/**
 * How the agent speaks. `peer`: rtc-node's AudioSource, with its queue. `source`: the same program with narrowcast's.
 * `queued` and `direct`: a track that is piped to a source with rtc-node's usual queue, and to one without a queue.
 */
export type Voice = 'peer' | 'source' | 'queued' | 'direct';

/**
 * How a program speaks whose thread is blocked. `peer`: rtc-node's AudioSource with agents' queue of 200 ms. `default`: with its
 * own default of 1,000 ms. `buffer`: narrowcast's with 200 ms, and a speech buffer of 1,000.
 */
export type BlockedVoice = 'peer' | 'default' | 'buffer';

/** What each kind measures. */
export interface SpeakingResults {
  'barge-ins': {
    /** What was said to be heard, less what was heard, for each interruption, in ms. */
    readonly errors: number[];
    /** What was heard of the utterance after it was interrupted, in ms. */
    readonly late: number[];
    /** Utterances after an interruption, and how many of them were heard whole. */
    readonly whole: number;
    readonly said: number;
  };
  /** From the write until the first of it was heard, in ms: at first, after 30 pauses, and after 30 rounds of pipeTo. */
  delays: { readonly before: number[]; readonly pauses: number[]; readonly pipes: number[] };
  /** What is heard after `pause()`, in ms, of tracks; and chunks of the utterance that were not heard once, in order. */
  pause: { readonly late: number[]; readonly wrong: number };
  /** Gaps in 5.5 s of speech while the thread is blocked for 300 ms in every second, and how long they were in all. */
  blocked: { readonly gaps: number; readonly gapMs: number };
  /** How much more memory is in use after 1,000 utterances than after 200, in MB. */
  memory: { readonly heapMb: number; readonly externalMb: number; readonly rssMb: number };
}

const RATE = 48_000;
const CHUNK = RATE / 100;
const QUEUE_MS = 1000;
const AGENTS_QUEUE_MS = 200;
/** Chunks of an utterance that is interrupted: more than is heard of any. */
const LONG = 80;
/** Chunks of one that is not. */
const SHORT = 30;

const [what, voice, seed] = process.argv.slice(2) as [keyof SpeakingResults, Voice | BlockedVoice, string];
const isPeer = voice === 'peer' || voice === 'default';
if (!isPeer) install({ speechBufferMs: voice === 'buffer' ? 1000 : 0 });

/** As good as chance, and the same for all voices. */
let state = Number(seed);
const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;

const queueMs = voice === 'direct' ? 0 : what === 'blocked' && voice !== 'default' ? AGENTS_QUEUE_MS : QUEUE_MS;
const source = new (isPeer ? rtc.AudioSource : AudioSource)(RATE, 1, queueMs);
const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
const stream = isPeer
  ? new rtc.AudioStream(engineTrack, { sampleRate: RATE, numChannels: 1 })
  : new AudioStream(engineTrack, RATE, 1);
const track = voice === 'queued' || voice === 'direct' ? new AudioStreamTrack({ sampleRate: RATE }) : undefined;

/** Chunks that were heard, by the sample that each has throughout; 0 is silence. And when. */
const heard: number[] = [];
const times: number[] = [];
void (async () => {
  for await (const { data } of stream) {
    for (let at = 0; at < data.length; at += CHUNK) {
      heard.push(data[at]!);
      times.push(performance.now());
    }
  }
})();

let piping = new AbortController();
function pipe(): void {
  piping = new AbortController();
  track?.pipeTo(source, { signal: piping.signal }).catch(() => {});
}

/** The samples of an utterance: each chunk has a number of its own. */
const base = (utterance: number) => (utterance % 300) * 100;
function* chunks(utterance: number, count: number): Generator<Int16Array<ArrayBuffer>> {
  for (let chunk = 1; chunk <= count; chunk++) yield new Int16Array(CHUNK).fill(base(utterance) + chunk);
}
/** The numbers of its chunks that were heard, from a place in `heard` on. */
const ofUtterance = (utterance: number, from: number) =>
  heard
    .slice(from)
    .map((sample) => sample - base(utterance))
    .filter((chunk) => chunk > 0 && chunk <= 100);

/** Says an utterance, until it is all written or `stop` is called. */
function say(utterance: number, count: number): { stop(): void } {
  let goesOn = true;
  if (track) {
    for (const pcm of chunks(utterance, count)) track.write({ data: pcm, sampleRate: RATE, channels: 1 });
    track.write({ data: new Int16Array(), sampleRate: RATE, channels: 1 }, { final: true });
  } else {
    pushed = 0;
    void (async () => {
      for (const pcm of chunks(utterance, count)) {
        if (!goesOn) return;
        pushed += 10;
        await source.captureFrame(new rtc.AudioFrame(pcm, RATE, 1, CHUNK)).catch(() => {});
      }
    })();
  }
  return { stop: () => (goesOn = false) };
}
/** ms that were given to the source of the last utterance. */
let pushed = 0;

/** What the caller has heard, as far as the agent knows. */
function interrupt(): number {
  if (track) return track.interrupt().heardMs;
  if (source instanceof AudioSource) return source.interrupt().heardMs;
  const heardMs = pushed - source.queuedDuration;
  source.clearQueue();
  return heardMs;
}

async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition() && performance.now() < limit) await sleep(2);
}

const kinds: { [K in keyof SpeakingResults]: () => Promise<SpeakingResults[K]> } = {
  async 'barge-ins'() {
    const rounds = 25;
    const [errors, late]: [number[], number[]] = [[], []];
    let whole = 0;
    pipe();
    await sleep(300);
    for (let round = 0; round < rounds; round++) {
      const [cut, next] = [2 * round + 1, 2 * round + 2];
      const from = heard.length;
      const { stop } = say(cut, LONG);
      await sleep(100 + random() * 400);
      const known = interrupt();
      stop();
      const then = ofUtterance(cut, from).length * 10;
      // At once or a little later, as the next reply comes.
      if (round % 2) await sleep(random() * 50);
      say(next, SHORT);
      await until(() => ofUtterance(next, from).includes(SHORT), 2000);
      await sleep(60);
      const all = ofUtterance(cut, from).length * 10;
      errors.push(known - all);
      late.push(all - then);
      // Its chunks, one after the other, with nothing in between.
      const first = heard.indexOf(base(next) + 1, from);
      const run = heard.slice(first, first + SHORT);
      if (first !== -1 && run.every((sample, i) => sample === base(next) + i + 1)) whole++;
    }
    return { errors, late, whole, said: rounds };
  },

  async delays() {
    let utterance = 0;
    const probe = async () => {
      const delays: number[] = [];
      for (let i = 0; i < 10; i++) {
        const number = ++utterance;
        const [from, start] = [heard.length, performance.now()];
        say(number, 3);
        await until(() => heard.indexOf(base(number) + 1, from) !== -1, 2000);
        delays.push(times[heard.indexOf(base(number) + 1, from)]! - start);
        await sleep(100 + random() * 20);
      }
      return delays;
    };
    pipe();
    await sleep(300);
    const before = await probe();
    for (let i = 0; i < 30; i++) {
      const child = spawn('sh', ['-c', `kill -STOP ${process.pid}; sleep 0.15; kill -CONT ${process.pid}`]);
      await once(child, 'exit');
      await sleep(100);
    }
    const pauses = await probe();
    for (let i = 0; i < 30; i++) {
      piping.abort();
      await sleep(random() * 30);
      pipe();
      await sleep(random() * 30);
    }
    return { before, pauses, pipes: track ? await probe() : [] };
  },

  async pause() {
    const late: number[] = [];
    let wrong = 0;
    pipe();
    await sleep(300);
    for (let round = 1; round <= 20; round++) {
      const from = heard.length;
      say(round, LONG);
      await sleep(100 + random() * 200);
      // What is on its way to the listener in this process was heard before.
      const then = () => ofUtterance(round, from).length * 10;
      track!.pause();
      const before = track!.playedMs;
      await sleep(200);
      late.push(track!.playedMs - before);
      const kept = then();
      await sleep(100);
      track!.resume();
      await until(() => ofUtterance(round, from).includes(LONG), 3000);
      if (ofUtterance(round, from).some((chunk, i) => chunk !== i + 1) || then() !== LONG * 10 || kept === 0) wrong++;
      await sleep(60);
    }
    return { late, wrong };
  },

  async blocked() {
    await sleep(300);
    const blocking = setInterval(() => block(300), 1000);
    for (let chunk = 1; chunk <= 550; chunk++) {
      await source.captureFrame(new rtc.AudioFrame(new Int16Array(CHUNK).fill(chunk), RATE, 1, CHUNK));
    }
    await until(() => heard.includes(550), 3000);
    clearInterval(blocking);
    const spoken = heard.slice(heard.indexOf(1), heard.lastIndexOf(550) + 1);
    const gaps = spoken.filter((sample, i) => sample === 0 && spoken[i - 1] !== 0).length;
    return { gaps, gapMs: spoken.filter((sample) => sample === 0).length * 10 };
  },

  async memory() {
    pipe();
    const used = async () => {
      await sleep(200);
      globalThis.gc!();
      const { heapUsed, external, rss } = process.memoryUsage();
      return [heapUsed, external, rss].map((bytes) => bytes / 1e6) as [number, number, number];
    };
    let first: [number, number, number] | undefined;
    for (let i = 0; i < 1000; i++) {
      if (i === 200) first = await used();
      const utterance = track!.say();
      for (const pcm of chunks(i, 4)) utterance.write(pcm);
      void utterance.mark('all');
      if (i % 2) track!.interrupt();
      else utterance.end();
      await utterance.done;
      heard.length = times.length = 0;
    }
    const last = await used();
    const [heapMb, externalMb, rssMb] = last.map((mb, i) => mb - first![i]!) as [number, number, number];
    return { heapMb, externalMb, rssMb };
  },
};

const result = await kinds[what]();
process.send!(result, () => process.exit());
