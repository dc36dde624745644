// Ends while another thread wakes this one as often as it can. ARGUMENT: how many ms to wait before.
import { Worker } from 'node:worker_threads';
import { FfiQueue, RingBuffer } from 'narrowcast';

const queue = new FfiQueue({ types: ['audio'] });
const events = queue.subscribe({ wake: 'immediate', overflow: 'drop-oldest' });
const ring = new RingBuffer({ capacity: 16_000 });
const worker = new Worker(new URL('exit-worker.mjs', import.meta.url), {
  workerData: { queue: queue.id, ring: ring.id },
});
worker.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
let read = 0;
for await (const _ of events) if (++read === 100) break;
// It is woken on.
void queue.subscribe({ wake: 'immediate', overflow: 'drop-oldest' }).next();
void queue.subscribe({ wake: 'immediate', overflow: 'drop-oldest' }).forEach(() => {});
const until = performance.now() + Number(process.argv[2]);
// Blocked: what comes now waits.
while (performance.now() < until);
console.log('exits');
process.exit(7);
