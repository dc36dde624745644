// A thread that does nothing but wait for the next 10 ms, until it is told to stop: how late any thread of this process is
// woken here, whatever it would do then. Sends all of it, in ms.
import { parentPort, workerData } from 'node:worker_threads';

const PERIOD_MS = 10;
const stopped = new Int32Array(workerData);
const start = performance.now();
const late = [];
for (let n = 1; Atomics.load(stopped, 0) === 0; n++) {
  const due = start + n * PERIOD_MS;
  const wait = due - performance.now();
  if (wait > 0) Atomics.wait(stopped, 0, 0, wait);
  if (Atomics.load(stopped, 0) === 0) late.push(performance.now() - due);
}
parentPort.postMessage(late);
