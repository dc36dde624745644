// What it costs to hear N streams of 10 ms frames at 16 kHz: plain rtc-node's `for await` beside each of our ways to
// read. LiveKit's engine in this process, no server; played from a native thread. `npm run bench -- audio-stream`.

import { inProcess } from './support/child.js';
import { bench, inTurn, row, type Row } from './support/harness.js';
import { limits } from './support/limits.js';
import type { StreamCost, StreamSide } from './support/stream-side.js';

const ROUNDS = 3;
const SECONDS = 3;

await bench('audio-stream', async (add) => {
  const measured: Record<string, StreamCost[]> = {};
  const measure = async (side: StreamSide, streams: number) => {
    const args = [side, streams, SECONDS].map(String);
    const cost = await inProcess<StreamCost>(new URL('support/stream-side.ts', import.meta.url), args);
    (measured[`${side}/${streams}`] ??= []).push(cost);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await inTurn(round, [
      () => measure('peer', 16),
      () => measure('for-await', 16),
      () => measure('peer', 64),
      () => measure('for-await', 64),
      () => measure('try-read', 64),
      () => measure('read-into', 64),
      () => measure('worker', 64),
      () => measure('peer', 256),
      () => measure('for-await', 256),
    ]);
  }

  const costs = (key: string, of: (cost: StreamCost) => number) => measured[key]!.map(of);
  const main = (cost: StreamCost) => cost.mainUsPerFrame;
  const reading = (way: StreamSide, streams: number, note?: string): Row =>
    row(
      `stream/${way}/${streams}`,
      'main-thread µs a frame',
      costs(`${way}/${streams}`, main),
      costs(`peer/${streams}`, main),
      note,
    );
  add(reading('for-await', 16, 'what is left out: see bench/support/stream-side.ts'));
  add(reading('for-await', 64));
  add(reading('try-read', 64, 'looked every 20 ms, as an agent that answers in 20 ms frames'));
  add(reading('read-into', 64, 'looked every 20 ms; one array for all'));
  add(reading('worker', 64, 'a worker thread reads; this is what the main thread still has to do'));
  const cpu = (cost: StreamCost) => cost.cpuPercent;
  add(
    row(
      'stream/cpu/64',
      '% of a core, whole process',
      costs('for-await/64', cpu),
      costs('peer/64', cpu),
      "with the engine's own work, and the pump's; nothing is subtracted",
    ),
  );
  for (const streams of [16, 64, 256]) {
    const each = (cost: StreamCost) => cost.cpuPercent / streams;
    add(
      row(
        `stream/cpu-per-stream/${streams}`,
        '% of a core a stream',
        costs(`for-await/${streams}`, each),
        costs(`peer/${streams}`, each),
      ),
    );
  }
  const wakes = (cost: StreamCost) => cost.wakes / cost.framesRead;
  add(row('stream/wakes/64', 'wakes a frame', costs('for-await/64', wakes)));
  for (const way of ['peer', 'for-await'] as const) {
    const lost = (cost: StreamCost) => 100 * (1 - cost.framesRead / cost.framesPlayed);
    add(
      row(`stream/missing/${way}/64`, '% of the frames played', costs(`${way}/64`, lost), undefined, 'in that window'),
    );
  }
  for (const limit of await limits()) add(limit);
});
