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

/**
 * Does `work` 5 times to warm up and 20 times more, and fails if any kind of memory has grown by `limit` bytes. With
 * `collects`, garbage is collected before it is measured; without, nobody does so but the engine itself.
 */
export async function staysFlat(work, { collects, limit }) {
  for (let i = 0; i < 5; i++) await work();
  const before = await measure(collects);
  for (let i = 0; i < 20; i++) await work();
  const after = await measure(collects);
  const grown = Object.fromEntries(Object.keys(before).map((key) => [key, after[key] - before[key]]));
  for (const [key, bytes] of Object.entries(grown)) assert.ok(bytes < limit, `${key} has grown by ${bytes} bytes`);
  console.log(`flat: ${JSON.stringify(grown)}`);
}
