// Sends frames to the main thread as fast as it can, in one of several ways, whenever that asks for some.
import { parentPort, workerData } from 'node:worker_threads';
import { RingBuffer } from 'narrowcast';
import { SharedRing } from './shared-ring.mjs';

const { id, memory, samples, count } = workerData;
const [ours, shared] = [RingBuffer.open(id), new SharedRing(memory)];
const frame = new Int16Array(samples).fill(1000);

/** Tries again while the ring is full, whose capacity is whole frames: the reader is at work on it. */
function fill(ring) {
  for (let sent = 0; sent < count;) if (ring.write(frame) > 0) sent++;
}

const ways = {
  ours: () => fill(ours),
  shared: () => fill(shared),
  messages() {
    for (let sent = 0; sent < count; sent++) parentPort.postMessage(frame);
  },
};

parentPort.on('message', (way) => ways[way]());
parentPort.postMessage('ready');
