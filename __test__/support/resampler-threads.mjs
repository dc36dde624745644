// 100 resamplers, used from 4 worker threads at once; all of a kind must give the same.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { AudioFrame, AudioResampler } from '../../dist/index.js';

const KINDS = [
  [48_000, 16_000, 2],
  [8000, 48_000, 3],
  [44_100, 16_000, 4],
  [24_000, 48_000, 1],
  [48_000, 8000, 3],
];

/** 25 at a time, each with its part of the input in turn: one hash for each kind. */
function hashes() {
  const all = Array.from({ length: 25 }, (_, i) => {
    const [from, to, quality] = KINDS[i % KINDS.length];
    return { resampler: new AudioResampler(from, to, 1, quality), hash: createHash('sha256') };
  });
  for (let push = 0; push < 50; push++) {
    for (const { resampler, hash } of all) {
      const data = Int16Array.from(
        { length: resampler.inputRate / 100 },
        (_, i) => ((push + i * 7919) % 60_000) - 30_000,
      );
      for (const frame of resampler.push(new AudioFrame(data, resampler.inputRate, 1, data.length))) {
        hash.update(frame.data);
      }
    }
  }
  return all.map(({ resampler, hash }) => {
    for (const frame of resampler.flush()) hash.update(frame.data);
    return hash.digest('hex');
  });
}

if (isMainThread) {
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)));
  const results = await Promise.all(
    workers.map(
      (worker) =>
        new Promise((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  const alone = hashes();
  assert.equal(new Set(alone).size, KINDS.length);
  for (const result of results) assert.deepEqual(result, alone);
  console.log('all alike');
} else {
  parentPort.postMessage(hashes());
}
