// ARGUMENT workers are terminated, each while native threads and this one send it events and frames.
import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { FfiQueue, RingBuffer } from 'narrowcast';

const times = Number(process.argv[2]);
const AT_ONCE = 4;
const queue = new FfiQueue({ types: ['audio'] });
const payload = new Uint8Array(960);
let left = times;
let terminated = 0;
let sending = true;
const send = () => {
  if (!sending) return;
  for (let i = 0; i < 20; i++) queue.put('audio', payload);
  setImmediate(send);
};
send();

async function one() {
  const ring = new RingBuffer({ capacity: 16_000 });
  const worker = new Worker(new URL('terminated.mjs', import.meta.url), {
    workerData: { queue: queue.id, ring: ring.id },
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  ring.write(new Int16Array(160));
  assert.equal(await worker.terminate(), 1);
  terminated++;
}
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) await one();
  }),
);
sending = false;
// Nothing of theirs stays.
for (const limit = Date.now() + 60_000; queue.stats().subscribers > 0;) {
  assert.ok(Date.now() < limit, `${queue.stats().subscribers} subscribers`);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
queue.close();
console.log(`${terminated} terminated`);
