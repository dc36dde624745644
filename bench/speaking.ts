// What a caller hears of an agent: 50 interruptions at random times, with what the agent believes was heard, and the delay from
// a write until it is heard, before and after the process was paused and the track was piped again and again. rtc-node's
// AudioSource with `queuedDuration` and `clearQueue` beside narrowcast's, and beside tracks. LiveKit's engine and the listener
// are in the speaking process: no server, no codec. And the same through a room on a real server, heard in another process.
// `npm run bench -- speaking`, or a part of it: `--only barge-ins`, `delays`, `pause`, `blocked`, `memory` or `far-end`.

import { farEnd, isWhole, type BargeIn, type FarVoice } from '../__test__/support/far-end.js';
import { startLivekitServer } from '../__test__/support/livekit-server.js';
import type { Heard } from '../__test__/support/chirp.mjs';
import { install } from '../src/livekit/index.js';
import { inProcess } from './support/child.js';
import { bench, inTurn, median, row, type Row } from './support/harness.js';
import { token } from './support/publishers.js';
import type { BlockedVoice, SpeakingResults, Voice } from './support/speaking-side.js';

const ROUNDS = 2;
const VOICES: readonly Voice[] = ['peer', 'source', 'queued', 'direct'];
const OURS = VOICES.slice(1);
const QUEUE_MS = 1000;
const AGENTS_QUEUE_MS = 200;
/** Interruptions of each voice that are heard at the other end of a room. */
const FAR_BARGE_INS = 50;

type What = keyof SpeakingResults | 'far-end';
type Add = (row: Row) => void;

const parts: { readonly [W in What]: (add: Add) => Promise<void> } = {
  'barge-ins': bargeIns,
  delays,
  pause,
  blocked,
  memory,
  'far-end': atTheFarEnd,
};

await bench<'only'>(
  'speaking',
  async (add, { only }) => {
    const names = Object.keys(parts) as What[];
    const chosen = names.filter((name) => only === undefined || name === only);
    if (chosen.length === 0) throw new Error(`--only ${only}: pass one of ${names.join(', ')}`);
    for (const name of chosen) await parts[name](add);
  },
  ['only'],
);

function measure<W extends keyof SpeakingResults>(
  what: W,
  voice: Voice | BlockedVoice,
  seed: number,
): Promise<SpeakingResults[W]> {
  return inProcess(new URL('support/speaking-side.ts', import.meta.url), [what, voice, String(seed)]);
}

/** All rounds of each voice, side by side. */
async function ofVoices<W extends keyof SpeakingResults>(what: W): Promise<Record<Voice, SpeakingResults[W][]>> {
  const results: Record<Voice, SpeakingResults[W][]> = { peer: [], source: [], queued: [], direct: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const run = async (voice: Voice) => void results[voice].push(await measure(what, voice, round + 1));
    await inTurn(
      round,
      VOICES.map((voice) => () => run(voice)),
    );
  }
  return results;
}

async function bargeIns(add: Add): Promise<void> {
  type Result = SpeakingResults['barge-ins'];
  const results = await ofVoices('barge-ins');
  const errors = (voice: Voice) =>
    `${voice} ${results[voice].flatMap((each) => each.errors.map(Math.round)).join(' ')}`;
  const notes: Record<string, string> = {
    'heard-error-p95':
      "how far off the agent's figure of what was heard was; peer: what was captured less queuedDuration. All of them, with " +
      `a sign: ${VOICES.map(errors).join('; ')}`,
    'late-max': 'of the old utterance, heard after the interruption',
    'next-whole': 'utterances after an interruption that were heard whole: each 10 ms, in order, without a gap',
  };
  for (const voice of OURS) {
    const compare = (name: string, unit: string, of: (each: Result) => number) => {
      const note = voice === OURS[0] ? notes[name] : undefined;
      add(row(`interrupt/${voice}/${name}`, unit, results[voice].map(of), results.peer.map(of), note));
    };
    compare('heard-error-p95', 'ms', (each) => quantile(each.errors.map(Math.abs), 0.95));
    compare('heard-error-max', 'ms', (each) => Math.max(...each.errors.map(Math.abs)));
    compare('late-max', 'ms', (each) => Math.max(...each.late));
    compare('next-whole', `of ${results.peer[0]!.said}`, ({ whole }) => whole);
  }
}

async function delays(add: Add): Promise<void> {
  const results = await ofVoices('delays');
  const notes = {
    before: 'from the write until the first of it was heard, median of 10',
    pauses: 'after the whole process was stopped 30 times for 150 ms',
    pipes: 'after pipeTo was aborted and called 30 times',
  };
  for (const voice of OURS) {
    for (const when of ['before', 'pauses', 'pipes'] as const) {
      const of = (each: Voice) =>
        results[each].filter((each) => each[when].length > 0).map((each) => median(each[when]));
      if (of(voice).length === 0) continue;
      const peer = of('peer');
      const note = voice === 'queued' ? notes[when] : undefined;
      add(row(`delay/${voice}/${when}`, 'ms', of(voice), peer.length > 0 ? peer : undefined, note));
    }
  }
}

async function pause(add: Add): Promise<void> {
  for (const voice of ['queued', 'direct'] as const) {
    const results = [await measure('pause', voice, 1), await measure('pause', voice, 2)];
    const note = 'of 40 pauses, by what the native thread knows; up to 30 ms while the machine is busy';
    const isFirst = voice === 'queued';
    const most = results.map(({ late }) => Math.max(...late));
    const median95 = results.map(({ late }) => quantile(late, 0.95));
    add(row(`pause/${voice}/late-p95`, 'ms heard after it', median95, undefined, isFirst ? note : undefined));
    add(row(`pause/${voice}/late-max`, 'ms heard after it', most));
    const wrong = results.map(({ wrong }) => wrong);
    add(row(`pause/${voice}/wrong`, 'of 20 utterances', wrong, undefined, 'a chunk of them was repeated or lost'));
  }
}

async function blocked(add: Add): Promise<void> {
  const results: Record<BlockedVoice, SpeakingResults['blocked'][]> = { peer: [], default: [], buffer: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const run = async (voice: BlockedVoice) => void results[voice].push(await measure('blocked', voice, round + 1));
    await inTurn(
      round,
      (['peer', 'default', 'buffer'] as const).map((voice) => () => run(voice)),
    );
  }
  const note =
    'in 5.5 s of speech, the thread blocked for 300 ms in every second; an unmodified program with a queue of 200 ms. Ours: ' +
    'with a speech buffer of 1,000 ms';
  const own = 'peer: rtc-node with its own default queue of 1,000 ms, which has room for this stall';
  for (const kind of ['gaps', 'gapMs'] as const) {
    const of = (voice: BlockedVoice) => results[voice].map((each) => each[kind]);
    const [name, unit] = kind === 'gaps' ? ['gaps', 'gaps'] : ['gap-ms', 'ms of silence in speech'];
    add(row(`blocked/${name}`, unit!, of('buffer'), of('peer'), kind === 'gaps' ? note : undefined));
    add(row(`blocked/${name}/queue-1000`, unit!, of('buffer'), of('default'), kind === 'gaps' ? own : undefined));
  }
}

async function memory(add: Add): Promise<void> {
  const result = await measure('memory', 'queued', 1);
  const note = 'after 1,000 utterances than after 200, every other one of them interrupted';
  for (const kind of ['heapMb', 'externalMb', 'rssMb'] as const) {
    add(row(`memory/${kind.replace('Mb', '')}`, 'MB more', [result[kind]], undefined, note));
  }
}

async function atTheFarEnd(add: Add): Promise<void> {
  const engine = install();
  const { server, stop } = await startLivekitServer();
  const queues: Record<FarVoice, number> = { peer: QUEUE_MS, source: QUEUE_MS, queued: QUEUE_MS, direct: 0 };
  const bargeIns: Record<FarVoice, BargeIn[]> = { peer: [], source: [], queued: [], direct: [] };
  const open = (voice: FarVoice, queueMs: number, speechBufferMs = 0) =>
    farEnd(server.url, (identity) => token(server, `far ${voice} ${queueMs}`, identity), {
      voice,
      queueMs,
      speechBufferMs,
    });
  const stalls: Record<string, Heard[]> = {};
  try {
    const ends = await Promise.all(VOICES.map(async (voice) => ({ voice, end: await open(voice, queues[voice]) })));
    for (let round = 0; round < FAR_BARGE_INS; round++) {
      const [afterMs, gapMs] = [100 + Math.random() * 400, round % 2 ? Math.random() * 50 : 0];
      // All at once: what the machine does besides, it does to each.
      await Promise.all(ends.map(async ({ voice, end }) => bargeIns[voice].push(await end.bargeIn(afterMs, gapMs))));
    }
    for (const { end } of ends) await end.leave();
    for (const [name, voice, queueMs, bufferMs] of [
      ['peer', 'peer', AGENTS_QUEUE_MS, 0],
      ['default', 'peer', QUEUE_MS, 0],
      ['buffer', 'source', AGENTS_QUEUE_MS, 1000],
    ] as const) {
      const end = await open(voice, queueMs, bufferMs);
      for (let round = 0; round < ROUNDS; round++) (stalls[name] ??= []).push(await end.blocked());
      await end.leave();
    }
  } finally {
    await stop();
    engine.uninstall();
  }
  const compare = (name: string, unit: string, of: (voice: FarVoice) => number, note?: string) => {
    for (const voice of OURS) {
      add(row(`far/${voice}/${name}`, unit, [of(voice)], [of('peer')], voice === OURS[0] ? note : undefined));
    }
  };
  const errors = (voice: FarVoice) => bargeIns[voice].map(({ knownMs, heardMs }) => knownMs - heardMs);
  const signed = (voice: FarVoice) => `${voice} ${errors(voice).map(Math.round).join(' ')}`;
  compare(
    'heard-error-p95',
    'ms',
    (voice) => quantile(errors(voice).map(Math.abs), 0.95),
    "how far off the agent's figure of what was heard was, at the other end of a room, by the pitch of what came there. " +
      `All of them, with a sign: ${VOICES.map(signed).join('; ')}`,
  );
  compare('old-after-max', 'ms', (voice) => Math.max(...errors(voice).map((error) => -error)), 'more heard than known');
  compare('next-whole', `of ${FAR_BARGE_INS}`, (voice) => bargeIns[voice].filter(({ next }) => isWhole(next)).length);
  const gaps = (name: string) => stalls[name]!.map((heard) => heard.gaps);
  const stallMs = (name: string) => stalls[name]!.map((heard) => heard.gapMs);
  add(row('far/blocked/gaps', 'gaps in 5.5 s', gaps('buffer'), gaps('peer'), 'as blocked/gaps'));
  add(row('far/blocked/gap-ms', 'ms of silence', stallMs('buffer'), stallMs('peer')));
  add(
    row('far/blocked/gaps/queue-1000', 'gaps in 5.5 s', gaps('buffer'), gaps('default'), 'as blocked/gaps/queue-1000'),
  );
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}
