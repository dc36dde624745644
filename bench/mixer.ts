// What it costs to mix 16 streams of 48 kHz in frames of 10 ms, and how much of them is lost, with rtc-node's AudioMixer and
// with narrowcast's, side by side: streams of LiveKit's engine in this process (no server) and frames of the program's own,
// with the thread blocked for 150 ms in every second; and with streams that are late by 150 ms. `npm run bench -- mixer`,
// `--seconds 60` by default.

import { inProcess } from './support/child.js';
import { bench, row } from './support/harness.js';
import type { MixerCost, MixerKind, MixerSide } from './support/mixer-side.js';

const ROUNDS = 5;
const READY_SECONDS = 20;

await bench<'seconds'>(
  'mixer',
  async (add, { seconds = '60' }) => {
    const measure = (side: MixerSide, kind: MixerKind, length: string) =>
      inProcess<MixerCost>(new URL('support/mixer-side.ts', import.meta.url), [side, kind, length]);
    const compare = (kind: MixerKind, peer: readonly MixerCost[], ours: readonly MixerCost[]) => {
      const rows: [string, string, (cost: MixerCost) => number, string?][] = [
        [
          'main',
          'main-thread µs for 10 ms of a stream',
          (cost) => cost.usPerFrame,
          'with what reading the streams costs',
        ],
      ];
      if (kind !== 'ready') rows.push(['lost', '% of what the streams gave', (cost) => cost.lostPercent]);
      if (kind === 'streams' || kind === 'frames') {
        rows.push(['exact', '% of the frames that are the sum, in their place', (cost) => cost.exactPercent]);
      }
      for (const [name, unit, of, note] of rows) {
        add(row(`mixer/${kind}/16/${name}`, unit, ours.map(of), peer.map(of), note));
      }
    };
    for (const kind of ['streams', 'frames', 'late'] as const) {
      // In the same minute.
      const [peer, ours] = await Promise.all([measure('peer', kind, seconds), measure('ours', kind, seconds)]);
      compare(kind, [peer], [ours]);
    }
    const ready: Record<MixerSide, MixerCost[]> = { peer: [], ours: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const side of round % 2 === 0 ? (['peer', 'ours'] as const) : (['ours', 'peer'] as const)) {
        ready[side].push(await measure(side, 'ready', String(READY_SECONDS)));
      }
    }
    compare('ready', ready.peer, ready.ours);
  },
  ['seconds'],
);
