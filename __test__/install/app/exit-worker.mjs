import { workerData } from 'node:worker_threads';
import { FfiQueue, RingBuffer } from 'narrowcast';

const queue = FfiQueue.open(workerData.queue, { types: ['audio'] });
const ring = RingBuffer.open(workerData.ring);
const payload = new Uint8Array(100);
const samples = new Int16Array(160);
// A turn of the event loop in between lets it be ended.
const send = () => {
  for (let i = 0; i < 100; i++) queue.put('audio', payload);
  ring.write(samples);
  setImmediate(send);
};
send();
