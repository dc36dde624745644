// Puts events into another thread's queue as fast as it can, once that thread says so.
import { parentPort, workerData } from 'node:worker_threads';
import { FfiQueue } from 'narrowcast';

const { id, count, done } = workerData;
const queue = FfiQueue.open(id, { types: ['event'] });
parentPort.once('message', () => {
  const payload = new Uint8Array(100);
  for (let at = 0; at < count; at++) queue.put('event', payload);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});
parentPort.postMessage('ready');
