// Makes a queue, says its id, and keeps it until it is told to end.
import { parentPort } from 'node:worker_threads';
import { FfiQueue } from '../../dist/index.js';

const queue = new FfiQueue({ types: ['a'] });
const events = queue.subscribe();
parentPort.postMessage(queue.id);
parentPort.on('message', () => {
  events.close();
  parentPort.close();
});
