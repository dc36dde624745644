// What publishing again and again costs in a real Chromium: with a TransceiverPool, beside `addTransceiver` each time.
// `npm run bench -- transceivers`. 15 min on two cores; `--only video,audio` measures those
// parts of it, `--cycles 5` fewer publications. `--long`: with livekit-client and a LiveKit server in the loop, see
// browser/long.ts.

import { SCREEN_SHARE, type Kind, type Setup } from './browser/calls.js';
import { findChromium, noChromium } from './browser/chromium.js';
import { cycles, type Cycle } from './browser/cycles.js';
import { measureLong, slope } from './browser/long.js';
import { Stage } from './browser/stage.js';
import { bench, inTurn, row, type Row } from './support/harness.js';

/** One question's name, and how it is published. */
interface Case {
  readonly name: string;
  readonly kind: Kind;
  readonly setup?: Partial<Setup>;
  readonly cycles: number;
  /** Of the peer, where its memory would not end: some codecs take 130 MB for each publication. */
  readonly peerCycles?: number;
  /** How the peer differs. Default: `addTransceiver` each time. */
  readonly peer?: Partial<Setup>;
}

const STOP_SAME_RIDS = { way: 'stop', sameRids: true } as const;

const CASES: Case[] = [
  { name: 'video', kind: 'video', cycles: 30 },
  { name: 'video/kept-track', kind: 'video', setup: { keepTracks: true }, cycles: 30, peerCycles: 10 },
  ...['VP8', 'VP9', 'AV1', 'H264'].map((codec): Case => {
    return { name: `video/${codec}`, kind: 'video', setup: { codec: `video/${codec}` }, cycles: 30, peerCycles: 10 };
  }),
  { name: 'audio', kind: 'audio', cycles: 200, peerCycles: 50 },
  { name: 'audio/kept-track', kind: 'audio', setup: { keepTracks: true }, cycles: 200, peerCycles: 50 },
  // Without a pool: whether all is seen, with another m-line than the media's as the BUNDLE group's first, and without.
  { name: 'stop', kind: 'video', setup: { way: 'stop' }, cycles: 30, peer: { way: 'stop', anchored: false } },
  {
    name: 'stop/same-rids',
    kind: 'video',
    setup: STOP_SAME_RIDS,
    cycles: 30,
    peer: { ...STOP_SAME_RIDS, anchored: false },
  },
];
/** Until each layer flows, in ms; longer, and it does not. */
const LIMIT_MS = 15_000;

/** Both sides, each in a browser of its own, one publication after the other in turn. */
async function run(chromium: string, { kind, setup, cycles: count, peerCycles = count, peer: other }: Case) {
  const [ours, peer] = [await Stage.open(chromium), await Stage.open(chromium)];
  try {
    const seen = { ours: [] as Cycle[], peer: [] as Cycle[] };
    const sides = {
      ours: cycles(ours, kind, { ...SCREEN_SHARE, ...setup }, { count, limitMs: LIMIT_MS, memory: true }),
      peer: cycles(
        peer,
        kind,
        { ...SCREEN_SHARE, ...setup, ...(other ?? { way: 'plain' }) },
        { count: peerCycles, limitMs: LIMIT_MS, memory: true },
      ),
    };
    const next = async (side: 'ours' | 'peer') => {
      const { done, value } = await sides[side].next();
      if (!done) seen[side].push(value);
    };
    for (let i = 0; i <= count; i++) await inTurn(i, [() => next('ours'), () => next('peer')]);
    return seen;
  } finally {
    await ours.close();
    await peer.close();
  }
}

function rows(name: string, { ours, peer }: { ours: Cycle[]; peer: Cycle[] }): Row[] {
  const of = (figure: (seen: Cycle[]) => number[], what: string, unit: string, note: string) =>
    row(`${name}/${what}`, unit, figure(ours), figure(peer), note);
  const at = (seen: Cycle[], i: number) => seen.at(i)!;
  const counts = `ours after ${ours.length} publications, the peer after ${peer.length}`;
  const all = [
    of((seen) => [at(seen, -1).transceivers], 'transceivers', 'in the end', counts),
    of((seen) => [at(seen, -1).sections], 'm-lines', 'in the end', counts),
    of(
      (seen) => [at(seen, -1).sdpBytes / at(seen, 0).sdpBytes],
      'sdp-growth',
      'times the first',
      `${counts}; at most 1.1`,
    ),
    of(
      (seen) => [seen.filter(({ flowed }) => flowed).length],
      'flow',
      'publications',
      `every layer of these was encoded and arrived; ours of ${ours.length}, the peer's of ${peer.length}`,
    ),
    of((seen) => seen.slice(1).map(({ flowMs }) => flowMs), 'again-ms', 'ms', 'from publishing again until all flows'),
  ];
  if (ours[0]!.afterMb === undefined) return all;
  const after = (seen: Cycle[]) => seen.map(({ afterMb }) => afterMb!);
  const page = 'private memory of the sending page, over its start';
  all.push(
    of((seen) => seen.map(({ liveMb }) => liveMb!), 'published-mb', 'MB', `${page}, while published`),
    of((seen) => [after(seen)[0]!], 'after-unpublish-mb/1', 'MB', `${page}; at most 25`),
    of((seen) => [after(seen).at(-1)!], 'after-unpublish-mb/last', 'MB', `${page}; ${counts}`),
    of((seen) => [slope(after(seen))], 'growth-mb-per-cycle', 'MB', 'of what is left after unpublishing; at most 0.3'),
  );
  return all;
}

const chromium = findChromium();
if (chromium === undefined) {
  process.stderr.write(`bench: ${noChromium()}.\n`);
  process.exit(2);
}
await bench(
  'transceivers',
  async (add, { only, cycles: most = '1000', long, ...rest }) => {
    if (long) return measureLong(chromium, add, { only, ...rest });
    const wanted = CASES.filter(({ name }) => only === undefined || only.split(',').includes(name));
    if (wanted.length === 0) throw new Error(`--only is one of ${CASES.map(({ name }) => name).join(', ')}`);
    const stage = await Stage.open(chromium);
    const codecs = await stage.sender.codecs(wanted.flatMap(({ setup }) => setup?.codec ?? []));
    await stage.close();
    for (const each of wanted) {
      const codec = each.setup?.codec;
      if (codec !== undefined && !codecs.includes(codec)) continue; // not built in
      const count = Math.min(each.cycles, Number(most));
      const peerCycles = Math.min(each.peerCycles ?? count, count);
      for (const row of rows(each.name, await run(chromium, { ...each, cycles: count, peerCycles }))) add(row);
    }
  },
  ['only', 'cycles', 'holds', 'sessions', 'again', 'rounds', 'parallel'],
  ['long'],
);
