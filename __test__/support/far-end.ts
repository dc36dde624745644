import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Room, RoomEvent, type RemoteTrack } from '@livekit/rtc-node';
import { AudioStream } from '../../src/livekit/index.js';
import { heardOf, RATE, type Chirp, type Heard } from './chirp.mjs';

/** How an agent speaks: see speaker.mjs. */
export type FarVoice = 'peer' | 'source' | 'queued' | 'direct';

/** An agent in a process of its own, and what it is heard to say at the other end of a room. */
export interface FarEnd {
  /** The agent says something, is interrupted after `afterMs`, and says something else `gapMs` later. */
  bargeIn(afterMs: number, gapMs: number): Promise<BargeIn>;
  /** The agent says something long while its thread is blocked for 300 ms in every second. */
  blocked(): Promise<Heard>;
  leave(): Promise<void>;
}

/** What came of an interruption. */
export interface BargeIn {
  /** What the agent believes was heard of the utterance that was interrupted, in ms. */
  readonly knownMs: number;
  /** What was heard of it. */
  readonly heardMs: number;
  /** What was heard of the next one. */
  readonly next: Heard | undefined;
}

/** Utterances that are far apart in pitch. */
const CUT: Chirp = { hz: 400, hzPerMs: 1, ms: 1000 };
const NEXT: Chirp = { hz: 1700, hzPerMs: 3, ms: 300 };
const LONG: Chirp = { hz: 400, hzPerMs: 0.3, ms: 5500 };

/** Whether all of the utterance after an interruption was heard, in order and without a gap. */
export function isWhole(heard: Heard | undefined): boolean {
  // A codec softens the ends, and a receiver shortens and stretches sound by some ms to keep up.
  return (
    heard !== undefined &&
    heard.fromMs < 15 &&
    heard.toMs > NEXT.ms - 15 &&
    heard.silenceMs < 10 &&
    heard.missingMs < 20
  );
}

/** Joins a room, and starts an agent that joins it, too. */
export async function farEnd(
  url: string,
  token: (identity: string) => Promise<string>,
  agent: { voice: FarVoice; queueMs: number; speechBufferMs?: number },
): Promise<FarEnd> {
  const room = new Room();
  const subscribed = new Promise<RemoteTrack>((resolve) => {
    room.on(RoomEvent.TrackSubscribed, (track) => resolve(track as unknown as RemoteTrack));
  });
  await room.connect(url, await token('caller'), { autoSubscribe: true, dynacast: false });
  const options = JSON.stringify({ url, token: await token('agent'), speechBufferMs: 0, ...agent });
  const child = fork(fileURLToPath(new URL('./speaker.mjs', import.meta.url)), [options], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' }, // rtc-node logs less
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  await next(child, 'published');
  const stream = new AudioStream(await subscribed, { sampleRate: RATE, bufferMs: 10_000 });

  let pcm = new Int16Array(RATE * 20);
  let length = 0;
  /** Reads what came. */
  const listen = () => {
    length += stream.readInto(pcm.subarray(length));
    return pcm.subarray(0, length);
  };
  /** What is heard from now on, until `enough` of it is there. */
  const hearing = () => {
    listen();
    [pcm, length] = [new Int16Array(RATE * 20), 0];
    return async (enough: (pcm: Int16Array) => boolean, what: string) => {
      const limit = performance.now() + 10_000;
      while (!enough(listen())) {
        if (performance.now() > limit) throw new Error(`not heard within 10 s: ${what}`);
        await sleep(50);
      }
      // Behind it may be more that is not to be heard.
      await sleep(100);
      return listen();
    };
  };
  const ends = (utterance: Chirp) => (all: Int16Array) =>
    (heardOf(utterance, all.subarray(-RATE / 2))?.toMs ?? 0) > utterance.ms - 15;
  // The first sound of a connection is heard when all is set up.
  await order(child, 'barge', { cut: CUT, afterMs: 300, gapMs: 0, next: NEXT });
  await sleep(500);

  return {
    async bargeIn(afterMs, gapMs) {
      const heard = hearing();
      const { heardMs: knownMs } = (await order(child, 'barge', { cut: CUT, afterMs, gapMs, next: NEXT })) as {
        heardMs: number;
      };
      const all = await heard(ends(NEXT), 'the end of the utterance after an interruption').catch(() => listen());
      return { knownMs, heardMs: heardOf(CUT, all)?.toMs ?? 0, next: heardOf(NEXT, all) };
    },
    async blocked() {
      const heard = hearing();
      const over = order(child, 'blocked', { utterance: LONG });
      const all = await heard(ends(LONG), 'the end of a long utterance');
      await over;
      return heardOf(LONG, all)!;
    },
    async leave() {
      child.send({ order: 'leave' });
      await next(child, 'left');
      await room.disconnect();
    },
  };
}

/** The next message of the agent. */
async function next(child: ChildProcess, expected?: string): Promise<unknown> {
  const listening = new AbortController();
  const { signal } = listening;
  try {
    const ended = once(child, 'exit', { signal }).then(([status]) => {
      throw new Error(`the agent ended with ${String(status)}`);
    });
    const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as unknown[];
    if (expected !== undefined && message !== expected) throw new Error(`the agent said ${String(message)}`);
    return message;
  } finally {
    listening.abort();
  }
}

function order(child: ChildProcess, what: string, options: object): Promise<unknown> {
  const answer = next(child);
  child.send({ order: what, ...options });
  return answer;
}
