// Opens a ring, and does with it what it is told, one message after the other; answers with what came of it.
import { parentPort, workerData } from 'node:worker_threads';
import { NarrowcastError, RingBuffer } from '../../dist/index.js';

const does = {
  make: ({ options }) => (ring = new RingBuffer(options)).id,
  write: ({ data }) => ring.write(data),
  read: ({ length }) => {
    const target = new Int16Array(length);
    return target.slice(0, ring.read(target));
  },
  size: () => ring.size,
  closed: () => ring.closed,
  close: () => ring.close(),
  forget: () => {
    ring = undefined;
    // What is collected is finalized when the event loop turns.
    globalThis.gc();
  },
  end: () => parentPort.close(),
};

let ring = workerData?.id === undefined ? undefined : RingBuffer.open(workerData.id);
parentPort.on('message', (message) => {
  try {
    parentPort.postMessage({ result: does[message.do](message) });
  } catch (error) {
    parentPort.postMessage({ code: error.code, ours: error instanceof NarrowcastError, message: error.message });
  }
});
