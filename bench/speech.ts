// Detecting speech: what a step costs, what is found in noise, and how soon. Ours beside Silero's, run by onnxruntime. And
// what a meeting costs in which one of 16 speaks at a time: `deliver: 'speech'` beside plain rtc-node, and a meeting of one.
// `npm run bench -- speech`; needs espeak-ng.
//
//   --peer silero       by onnxruntime; or agents, the VAD that @livekit/agents starts by default
//   --half report       or tuning or more, the parts of the data on which defaults were chosen
//   --only detector     or meetings; or curve, which is not among the others: how soon speech starts and how much is found,
//                       against how often noise starts it, with other thresholds and least lengths

import { SpeechDetector } from 'narrowcast';
import { agentsVad } from './support/agents-vad.js';
import { inProcess } from './support/child.js';
import { bench, inTurn, row, type Row } from './support/harness.js';
import { notSpeech } from './support/not-speech.js';
import { silero, WINDOW, type Silero } from './support/silero.js';
import type { SpeechCost, SpeechSide } from './support/speech-side.js';
import {
  espeakVersion,
  HALVES,
  hearableFrom,
  NOISES,
  RATE,
  spoken,
  STEP,
  withNoise,
  type Half,
  type Spoken,
} from './support/spoken.js';

/** Ours by default. */
const THRESHOLD = 0.65;
/** Silero's, as agents has them: where speech starts, and what keeps it going. */
const SILERO = { start: 0.5, keep: 0.35, minSpeechMs: 50 };
const MIN_SILENCE_MS = 550;
const SNRS = [20, 10, 5, 0];

/** What one side says of a track. */
interface Found {
  /** Probability of each step of 16 ms. */
  readonly probabilities: Float32Array;
  /** Where it was decided that speech had started, in samples. */
  readonly starts: readonly number[];
}

/** @param minSpeechMs the least length of speech; absent: as it is by default, where a clear onset is enough */
function byUs(pcm: Int16Array, minSpeechMs?: number, threshold = THRESHOLD): Found {
  const starts: number[] = [];
  const detector = new SpeechDetector({
    sampleRate: RATE,
    threshold,
    minSilenceMs: MIN_SILENCE_MS,
    ...(minSpeechMs !== undefined && { minSpeechMs }),
  });
  const probabilities = new Float32Array(pcm.length / STEP);
  let heard = 0;
  detector.on('speechstart', () => starts.push(heard));
  for (let at = 0; at < pcm.length; at += STEP) {
    heard = at + STEP;
    probabilities.set(detector.push(pcm.subarray(at, heard)), at / STEP);
  }
  detector.close();
  return { probabilities, starts };
}

/** With the rules of agents: what they are is in {@link SILERO}, in whole windows. */
async function bySilero(peer: Silero, pcm: Int16Array): Promise<Found> {
  peer.reset();
  const windowMs = (WINDOW / RATE) * 1000;
  const starts: number[] = [];
  const probabilities = new Float32Array(pcm.length / STEP);
  let speaking = false;
  let [speech, silence] = [0, 0];
  for (let at = 0; at < pcm.length; at += WINDOW) {
    const probability = await peer.predict(pcm.subarray(at, at + WINDOW));
    probabilities.fill(probability, at / STEP, (at + WINDOW) / STEP);
    if (probability >= SILERO.start || (speaking && probability > SILERO.keep)) {
      [speech, silence] = [speech + windowMs, 0];
      if (!speaking && speech >= SILERO.minSpeechMs) {
        speaking = true;
        starts.push(at + WINDOW);
      }
    } else {
      [speech, silence] = [0, silence + windowMs];
      if (silence >= MIN_SILENCE_MS) speaking = false;
    }
  }
  return { probabilities, starts };
}

interface Score {
  recall: number;
  precision: number;
  /** From where the utterance can be heard in the noise. */
  median: number;
  p95: number;
  /** From its first sound, heard or not. */
  p95OfFirst: number;
  missed: number;
  falseStarts: number;
}

function score(
  { truth, utterances }: Spoken,
  hearable: readonly number[],
  { probabilities, starts }: Found,
  threshold: number,
): Score {
  let [hits, claims, speech] = [0, 0, 0];
  for (const [step, is] of truth.entries()) {
    const claimed = probabilities[step]! >= threshold;
    speech += is;
    claims += Number(claimed);
    hits += Number(claimed && is === 1);
  }
  // Of those that started while the utterance lasted, or within 200 ms of its end: a short word may be over by then.
  const found = utterances.map(([begin, end]) => starts.find((at) => at > begin && at <= end + RATE / 5));
  const latencies = (from: (at: number) => number) =>
    found
      .flatMap((start, at) => (start === undefined ? [] : [((start - from(at)) / RATE) * 1000]))
      .toSorted((a, b) => a - b);
  const late = latencies((at) => hearable[at]!);
  const lateOfFirst = latencies((at) => utterances[at]![0]);
  const p95 = (sorted: readonly number[]) => sorted[Math.floor(sorted.length * 0.95)] ?? Infinity;
  const within = (at: number) => utterances.some(([begin, end]) => at > begin && at <= end + RATE / 5);
  return {
    recall: (100 * hits) / speech,
    precision: (100 * hits) / Math.max(1, claims),
    median: late[late.length >> 1] ?? Infinity,
    p95: p95(late),
    p95OfFirst: p95(lateOfFirst),
    missed: found.length - late.length,
    falseStarts: starts.filter((at) => !within(at)).length,
  };
}

/** Main-thread and other CPU time of what `run` does, in µs for each 16 ms of `samples` at `rate`. */
async function cost(samples: number, rate: number, run: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / ((samples / rate) * (1000 / 16));
}

/** Seconds of a meeting, and how often. */
const MEETING = { seconds: 15, rounds: 3, participants: 16 };

/** What meetings cost, by their side and size. */
async function meetings(): Promise<Record<string, SpeechCost[]>> {
  const measured: Record<string, SpeechCost[]> = {};
  const measure = async (side: SpeechSide, participants: number) => {
    const args = [side, participants, MEETING.seconds].map(String);
    const cost = await inProcess<SpeechCost>(new URL('support/speech-side.ts', import.meta.url), args);
    (measured[`${side}/${participants}`] ??= []).push(cost);
  };
  const { participants, rounds } = MEETING;
  for (let round = 0; round < rounds; round++) {
    await inTurn(round, [
      () => measure('peer', participants),
      () => measure('ours', participants),
      () => measure('ours-50', participants),
      () => measure('ours', 1),
    ]);
  }
  await measure('silent', participants);
  return measured;
}

const version = espeakVersion();
if (version === undefined) {
  process.stderr.write(
    'bench: espeak-ng makes the speech for this: install it (apt install espeak-ng, brew install espeak-ng)\n',
  );
  process.exit(1);
}

/** What a step costs, what is found in noise and how soon, and what is taken for speech that is none. */
async function detectors(add: (row: Row) => void, half: Half, peer: Silero | undefined, name: string): Promise<void> {
  const track = spoken(half);
  const seconds = track.pcm.length / RATE;
  const note =
    `the half "${half}": ${track.utterances.length} utterances of espeak-ng ${version}, ${seconds.toFixed(0)} s, ` +
    `with ${Object.keys(NOISES[half]).join(', ')} noise, each a round; ours at ${THRESHOLD}, peer is ${name} at ${SILERO.start}`;

  const [ours, theirs, resampled]: number[][] = [[], [], []];
  const minute = track.pcm.subarray(0, 60 * RATE);
  for (let round = 0; round < 5; round++) {
    for (const [rate, costs] of [
      [RATE, ours],
      [48_000, resampled],
    ] as const) {
      const detector = new SpeechDetector({ sampleRate: rate });
      const frame = rate / 100;
      costs!.push(
        await cost(minute.length, rate, () => {
          for (let at = 0; at + frame <= minute.length; at += frame) detector.push(minute.subarray(at, at + frame));
        }),
      );
      detector.close();
    }
    if (!peer) continue;
    theirs!.push(
      await cost(minute.length, RATE, async () => {
        for (let at = 0; at + WINDOW <= minute.length; at += WINDOW)
          await peer.predict(minute.subarray(at, at + WINDOW));
      }),
    );
  }
  const peers = peer ? theirs : undefined;
  add(
    row(
      'step/16k',
      'µs per 16 ms',
      ours!,
      peers,
      `CPU time of all threads, frames of 10 ms by N-API; peer is ${name}, which sees 32 ms at a time`,
    ),
  );
  add(row('step/48k', 'µs per 16 ms', resampled!, undefined, 'with the conversion to 16 kHz'));

  for (const snr of SNRS) {
    const scores: [Score[], Score[]] = [[], []];
    for (const make of Object.values(NOISES[half])) {
      const noise = make(track.pcm.length);
      const pcm = withNoise(track, noise, snr);
      const hearable = hearableFrom(track, noise, snr);
      scores[0].push(score(track, hearable, byUs(pcm), THRESHOLD));
      if (peer) scores[1].push(score(track, hearable, await bySilero(peer, pcm), SILERO.start));
    }
    const of = (key: keyof Score) => scores.map((each) => each.map((score) => score[key]));
    for (const [name, unit, key] of [
      ['recall', '% of speech', 'recall'],
      ['precision', '% of what is taken for speech', 'precision'],
      ['start-median', 'ms from the first sound that can be heard', 'median'],
      ['start-p95', 'ms from the first sound that can be heard', 'p95'],
      ['start-p95-of-first', 'ms from the first sound', 'p95OfFirst'],
      ['missed', 'utterances', 'missed'],
      ['false-starts', 'in the track', 'falseStarts'],
    ] as const) {
      const [mine, other] = of(key);
      add(
        row(
          `${name}/${snr}dB`,
          unit,
          mine!,
          peer ? other : undefined,
          name === 'recall' && snr === 20 ? note : undefined,
        ),
      );
    }
  }

  for (const [kind, tracks] of Object.entries(notSpeech(half))) {
    const count = (minSpeechMs?: number) => [
      tracks.reduce((sum, pcm) => sum + byUs(pcm, minSpeechMs).starts.length, 0),
    ];
    const minutes = `in ${tracks.length} minutes`;
    let theirs: number[] | undefined;
    if (peer) {
      let starts = 0;
      for (const pcm of tracks) starts += (await bySilero(peer, pcm)).starts.length;
      theirs = [starts];
    }
    add(row(`false-starts/${kind}`, 'starts of speech', count(), theirs, minutes));
    const byLength = 'with minSpeechMs: 48, where length alone decides; peer is ours by default';
    add(row(`false-starts/${kind}-48ms`, 'starts of speech', count(48), count(), `${minutes}, ${byLength}`));
  }
}

/** Settings of the curve: by default, and where length alone decides. */
const CURVE = [0.5, 0.65, 0.8].flatMap((threshold) =>
  [undefined, 16, 32, 48, 96].map((minSpeechMs) => ({ threshold, minSpeechMs })),
);

/** What sooner starts of speech cost in false ones. */
function curve(add: (row: Row) => void, half: Half): void {
  const track = spoken(half);
  const { steady, sudden } = notSpeech(half);
  const noise = [...steady!, ...sudden!];
  const unit = 'ms from the first sound that can be heard, 95 of 100';
  for (const { threshold, minSpeechMs } of CURVE) {
    const name = `${threshold}/${minSpeechMs === undefined ? 'onset' : `${minSpeechMs}ms`}`;
    for (const snr of [20, 10]) {
      const scores = Object.values(NOISES[half]).map((make) => {
        const noise = make(track.pcm.length);
        const found = byUs(withNoise(track, noise, snr), minSpeechMs, threshold);
        return score(track, hearableFrom(track, noise, snr), found, threshold);
      });
      for (const [figure, figureUnit, key] of [
        ['start-p95', unit, 'p95'],
        ['recall', '% of speech', 'recall'],
        ['precision', '% of what is taken for speech', 'precision'],
      ] as const) {
        add(
          row(
            `${figure}/${snr}dB/${name}`,
            figureUnit,
            scores.map((score) => score[key]),
          ),
        );
      }
    }
    const starts = noise.reduce((sum, pcm) => sum + byUs(pcm, minSpeechMs, threshold).starts.length, 0);
    add(row(`false-starts/${name}`, `starts in ${noise.length} minutes of steady and sudden noise`, [starts]));
  }
}

async function costOfMeetings(add: (row: Row) => void): Promise<void> {
  const measured = await meetings();
  const { participants } = MEETING;
  const all = `ours/${participants}`;
  const of = (key: string, figure: (cost: SpeechCost) => number) => measured[key]!.map(figure);
  const raw = ({ mainUs }: SpeechCost) => mainUs;
  const net = ({ mainUs, playingUs }: SpeechCost) => Math.max(0, mainUs - playingUs);
  const unit = 'main-thread µs for a second of the meeting';
  const left = 'without what playing the tracks costs the same thread, measured without a listener';
  const rtc = `peer/${participants}`;
  add(row(`meeting/${participants}`, unit, of(all, net), of(rtc, net), `peer is rtc-node's for await; ${left}`));
  add(row(`meeting/${participants}-raw`, unit, of(all, raw), of(rtc, raw), 'nothing is subtracted'));
  const longer = `ours-50/${participants}`;
  const fifty = "frames of 50 ms, by frameSizeMs; peer is rtc-node's for await, at 10";
  add(row(`meeting/${participants}-50ms`, unit, of(longer, net), of(rtc, net), fifty));
  add(row(`meeting/${participants}-50ms-raw`, unit, of(longer, raw), of(rtc, raw), 'nothing is subtracted'));
  const idle = 'what playing the tracks costs without a listener: subtracted above';
  const playing = ({ playingUs }: SpeechCost) => playingUs;
  add(row(`meeting/${participants}-floor`, unit, of(all, playing), of(rtc, playing), idle));
  const wakes = ({ wakes }: SpeechCost) => wakes;
  add(row(`meeting/${participants}-wakes`, 'wakes a second', of(all, wakes)));
  add(row(`meeting/${participants}-50ms-wakes`, 'wakes a second', of(longer, wakes)));
  const silent = `silent/${participants}`;
  add(row(`meeting/${participants}-silent-wakes`, 'wakes a second', of(silent, wakes), undefined, 'no one speaks'));
  add(row(`meeting/${participants}-silent-raw`, unit, of(silent, raw), undefined, 'nothing is subtracted'));
  add(row(`meeting/${participants}-to-1`, unit, of(all, net), of('ours/1', net), 'peer is ours, in a meeting of one'));
  add(
    row(
      `meeting/${participants}-cpu`,
      '% of a core, whole process',
      of(all, (cost) => cost.cpuPercent),
      of(rtc, (cost) => cost.cpuPercent),
    ),
  );
  const lost = ({ utterances, whole }: SpeechCost) => utterances - whole;
  const played = of(all, ({ utterances }) => utterances).join(', ');
  add(
    row(
      `meeting/${participants}-lost`,
      'utterances not delivered whole',
      of(all, lost),
      undefined,
      `of ${played} that were played to their end`,
    ),
  );
}

function isHalf(name: string): name is Half {
  return (HALVES as readonly string[]).includes(name);
}

await bench(
  'speech',
  async (add, { half = 'report', only, peer = 'silero' }) => {
    if (!isHalf(half)) throw new Error(`--half ${half}: pass ${HALVES.join(', ')}`);
    if (peer !== 'silero' && peer !== 'agents') throw new Error(`--peer ${peer}: pass silero or agents`);
    if (only === 'curve') return curve(add, half);
    const isOfAgents = peer === 'agents';
    if (only !== 'meetings')
      await detectors(add, half, isOfAgents ? agentsVad() : await silero(), isOfAgents ? "agents' own VAD" : 'Silero');
    if (only !== 'detector') await costOfMeetings(add);
  },
  ['half', 'only', 'peer'],
);
