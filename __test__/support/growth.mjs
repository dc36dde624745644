// Whether a process grows while it does the same over and over.
import assert from 'node:assert/strict';

/** A turn of the event loop, in which memory is given back. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

async function measure(collects) {
  if (collects) globalThis.gc();
  await turn();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heapUsed, external, arrayBuffers };
}

/** How often a process may grow by a step: of the C library's, of V8's heap. What leaks grows again and again. */
const STEPS = 2;

/**
 * Does `work` 5 times to warm up and 20 times more, and fails if any kind of memory has grown by `limit` bytes, and does so
 * each time. With `collects`, garbage is collected before it is measured; without, only the engine itself does so.
 */
export async function staysFlat(work, { collects, limit }) {
  for (let i = 0; i < 5; i++) await work();
  for (let steps = 0; ; steps++) {
    const before = await measure(collects);
    for (let i = 0; i < 20; i++) await work();
    const after = await measure(collects);
    const grown = Object.fromEntries(Object.keys(before).map((key) => [key, after[key] - before[key]]));
    const [key, bytes] = Object.entries(grown).find(([, each]) => each >= limit) ?? [];
    if (key === undefined) return console.log(`flat: ${JSON.stringify(grown)}`);
    assert.ok(steps < STEPS, `${key} has grown by ${bytes} bytes, and by as much before`);
  }
}
