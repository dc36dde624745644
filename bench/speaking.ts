// What a caller hears of an agent: 50 interruptions at random times, with what the agent believes was heard, and the delay from
// a write until it is heard, before and after the process was paused and the track was piped again and again. rtc-node's
// AudioSource with `queuedDuration` and `clearQueue` beside narrowcast's, and beside tracks. LiveKit's engine and the listener
// are in the speaking process: no server, no codec. `npm run bench -- speaking`, or a part of it: `--only barge-ins`, `delays`,
// `blocked` or `memory`.

import { inProcess } from './support/child.js';
import { bench, inTurn, median, row, type Row } from './support/harness.js';
import type { BlockedVoice, SpeakingResults, Voice } from './support/speaking-side.js';

const ROUNDS = 2;
const VOICES: readonly Voice[] = ['peer', 'source', 'queued', 'direct'];
const OURS = VOICES.slice(1);

type What = keyof SpeakingResults;
type Add = (row: Row) => void;

const parts: { readonly [W in What]: (add: Add) => Promise<void> } = { 'barge-ins': bargeIns, delays, blocked, memory };

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

function measure<W extends What>(what: W, voice: Voice | BlockedVoice, seed: number): Promise<SpeakingResults[W]> {
  return inProcess(new URL('support/speaking-side.ts', import.meta.url), [what, voice, String(seed)]);
}

/** All rounds of each voice, side by side. */
async function ofVoices<W extends What>(what: W): Promise<Record<Voice, SpeakingResults[W][]>> {
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
    'next-whole': 'utterances after an interruption of which each 10 ms was heard, in order, without a gap',
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
    `with a speech buffer of 1,000 ms. rtc-node with its own default queue of 1,000 ms: ${results.default
      .map(({ gaps, gapMs }) => `${gaps} gaps, ${gapMs} ms`)
      .join('; ')}`;
  for (const kind of ['gaps', 'gapMs'] as const) {
    const of = (voice: BlockedVoice) => results[voice].map((each) => each[kind]);
    const [name, unit] = kind === 'gaps' ? ['gaps', 'gaps'] : ['gap-ms', 'ms of silence in speech'];
    add(row(`blocked/${name}`, unit!, of('buffer'), of('peer'), kind === 'gaps' ? note : undefined));
  }
}

async function memory(add: Add): Promise<void> {
  const result = await measure('memory', 'queued', 1);
  const note = 'after 1,000 utterances than after 200, every other one of them interrupted';
  for (const kind of ['heapMb', 'externalMb', 'rssMb'] as const) {
    add(row(`memory/${kind.replace('Mb', '')}`, 'MB more', [result[kind]], undefined, note));
  }
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}
