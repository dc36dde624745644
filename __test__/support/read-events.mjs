// Reads a queue until the thread is terminated, in the way that `how` says.
import { parentPort, workerData } from 'node:worker_threads';
import { FfiQueue } from '../../dist/index.js';

const { id, types, how } = workerData;
const queue = FfiQueue.open(id, { types });
const events = queue.subscribe({ overflow: 'drop-oldest', capacity: 100 });
const others = [queue.subscribe({ overflow: 'grow' }), queue.subscribe({ overflow: 'drop-newest', capacity: 10 })];

parentPort.postMessage('ready');
if (how === 'for await') void forAwait();
if (how === 'poll') for (;;) events.drain();
if (how === 'wait') for (const each of [events, ...others]) void each.waitFor(() => false);
setInterval(() => others, 1000); // subscriptions keep no thread alive

async function forAwait() {
  for await (const event of events) parentPort.postMessage(event.payload[0]);
}
