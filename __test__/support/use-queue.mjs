// Opens a queue, and does with it what it is told: 'put' puts an event, anything else ends the thread.
import { parentPort, workerData } from 'node:worker_threads';
import { FfiQueue, NarrowcastError } from '../../dist/index.js';

try {
  const queue = FfiQueue.open(workerData.id, { types: workerData.types });
  parentPort.postMessage({ id: queue.id });
  parentPort.on('message', (message) => {
    if (message === 'put') parentPort.postMessage({ receivers: queue.put(workerData.types[0], new Uint8Array([1])) });
    else parentPort.close();
  });
} catch (error) {
  parentPort.postMessage({ code: error.code, ours: error instanceof NarrowcastError, message: error.message });
}
