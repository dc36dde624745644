// How old a frame is when JavaScript has it: from the moment it is due to be captured, which is stamped in its samples, to the
// reader's hands. Plain rtc-node beside narrowcast, with 1 and with 16 streams. LiveKit's engine in this process, no server, so
// no network and no jitter buffer. `npm run bench -- age`.

import type { Ages, AgeSide } from './support/age-side.js';
import { inProcess } from './support/child.js';
import { bench, inTurn, row } from './support/harness.js';

const ROUNDS = 5;
const SECONDS = 5;
const STREAMS = [1, 16];

await bench('age', async (add) => {
  const measured: Record<string, Ages[]> = {};
  const measure = async (side: AgeSide, streams: number) => {
    const module = new URL('support/age-side.ts', import.meta.url);
    const args = [side, String(streams), String(SECONDS)];
    (measured[`${side}/${streams}`] ??= []).push(await inProcess<Ages>(module, args));
  };
  for (let round = 0; round < ROUNDS; round++) {
    await inTurn(
      round,
      STREAMS.flatMap((streams) => [() => measure('peer', streams), () => measure('ours', streams)]),
    );
  }
  const notes: Partial<Record<string, string>> = {
    'age-p50/1': `\`for await\`, 10 ms at 16 kHz, ${SECONDS} s a round; wanted: at most 1 ms above rtc-node`,
    'age-p99/16': 'wanted: at most that of rtc-node',
  };
  for (const streams of STREAMS) {
    for (const figure of ['p50', 'p99'] as const) {
      const of = (side: AgeSide) => measured[`${side}/${streams}`]!.map((ages) => ages[figure]);
      const name = `age-${figure}/${streams}`;
      add(row(`stream/${name}`, 'ms', of('ours'), of('peer'), notes[name]));
    }
  }
});
