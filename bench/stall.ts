// How soon a program hears "now" again after its thread was blocked for 5 s with 16 streams open, and whether timers have
// their turn meanwhile: plain rtc-node beside narrowcast, with frames of 10 ms and with `maxFrameMs: 100`. LiveKit's engine in
// this process, no server. `npm run bench -- stall`.

import { inProcess } from './support/child.js';
import { bench, inTurn, row } from './support/harness.js';
import type { StallConsumer, StallCost, StallSide } from './support/stall-side.js';

const ROUNDS = 5;
const SIDES: readonly StallSide[] = ['peer', 'ours', 'elastic'];
const CONSUMERS: readonly StallConsumer[] = ['bare', 'agent'];

await bench('stall', async (add) => {
  const measured: Record<string, StallCost[]> = {};
  const measure = async (side: StallSide, consumer: StallConsumer) => {
    const module = new URL('support/stall-side.ts', import.meta.url);
    (measured[`${side}/${consumer}`] ??= []).push(await inProcess<StallCost>(module, [side, consumer]));
  };
  for (let round = 0; round < ROUNDS; round++) {
    await inTurn(
      round,
      CONSUMERS.flatMap((consumer) => SIDES.map((side) => () => measure(side, consumer))),
    );
  }

  const notes: Partial<Record<string, string>> = {
    'back/bare/10ms':
      'from the end of a stall of 5 s until all 16 readers are at most 50 ms behind; a loop that counts',
    'back/agent/10ms': 'with ten web streams in front of each loop, as @livekit/agents has them',
  };
  for (const consumer of CONSUMERS) {
    for (const [side, frame] of [
      ['ours', '10ms'],
      ['elastic', 'elastic'],
    ] as const) {
      const compare = (name: string, unit: string, of: (cost: StallCost) => number) => {
        const path = `${name}/${consumer}/${frame}`;
        const [ours, peer] = [measured[`${side}/${consumer}`]!, measured[`peer/${consumer}`]!];
        add(row(`stall/${path}`, unit, ours.map(of), peer.map(of), notes[path]));
      };
      compare('back', 'ms', ({ backMs }) => backMs);
      compare('timer-gap', 'ms, the longest without a timer', ({ timerGapMs }) => timerGapMs);
      compare('main', 'ms of the main thread', ({ mainMs }) => mainMs);
      compare('frames', 'frames read meanwhile', ({ frames }) => frames);
    }
  }
});
