// Puts an event into another thread's queue, at a steady rate, until it is terminated.
import { workerData } from 'node:worker_threads';
import { FfiQueue } from 'narrowcast';

const { id, everyMs } = workerData;
const queue = FfiQueue.open(id, { types: ['event'] });
const nothing = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  Atomics.wait(nothing, 0, 0, everyMs);
  queue.put('event', new Uint8Array(100));
}
