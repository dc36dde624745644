// Puts `count` events of `type` into a queue, when the gate opens: each says which producer it is from, and its number.
import { parentPort, workerData } from 'node:worker_threads';
import { FfiQueue } from '../../dist/index.js';

const { id, types, type, handle = 0n, producer, count, cells } = workerData;
const queue = FfiQueue.open(id, { types });
const payload = new Uint8Array(8);
const numbers = new Uint32Array(payload.buffer);
numbers[0] = producer;

parentPort.postMessage('ready');
Atomics.add(cells, 1, 1);
Atomics.wait(cells, 0, 0);
for (numbers[1] = 0; numbers[1] < count; numbers[1]++) queue.put(type, payload, handle);
Atomics.add(cells, 2, 1);
