// What narrowcast's objects take of a process's resident memory before they are used, after that, and once they are over.
// `npm run bench -- memory`.

import { inProcess } from './support/child.js';
import { bench, row } from './support/harness.js';

const ROUNDS = 3;

/** Case of bench/support/memory-side.ts, its unit, bytes of one, and what it is. */
const CASES: [side: string, unit: string, bytes: number, note: string][] = [
  ['track', 'kB each', 1e3, 'AudioStreamTrack with its defaults, 30 s at 48 kHz, into which nothing was written'],
  ['track-again', 'kB each', 1e3, 'the same, after as many were filled and stopped'],
  ['track-stopped', 'kB each', 1e3, 'filled, stopped, and still referenced'],
  ['stream', 'kB each', 1e3, 'AudioStream with its defaults, 10 s at 48 kHz, into which nothing was written'],
  ['stream-again', 'kB each', 1e3, 'the same, after as many were filled and closed'],
  ['stream-cancelled', 'kB each', 1e3, 'filled, cancelled, and still referenced'],
  ['ring', 'kB each', 1e3, 'RingBuffer of 480,000 samples, into which nothing was written'],
  ['ring-again', 'kB each', 1e3, 'the same, after as many were filled and closed'],
  ['large-event', 'MB', 1e6, 'kept by the process after it has read one event of 100 MB'],
];

await bench('memory', async (add) => {
  for (const [side, unit, bytes, note] of CASES) {
    const results: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      results.push((await inProcess<number>(new URL('support/memory-side.ts', import.meta.url), [side])) / bytes);
    }
    add(row(`memory/${side}`, unit, results, undefined, note));
  }
});
