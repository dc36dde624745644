// A thread of another addon writes into a stream of this worker, until the worker has ended.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { AudioStream, nativeInterface } from '../../../dist/index.js';

setInterval(() => {}, 1000); // what is waited for keeps no thread alive
const probe = createRequire(import.meta.url)(workerData.file);
probe.use(nativeInterface(), 1, 0);
const stream = new AudioStream({ sampleRate: 16_000 });
const [status, handle] = probe.streamOpen(stream.id, 16_000, 1);
if (status !== 0) throw new Error(`not opened: ${status}`);
probe.floodStream(handle);
await stream.getReader().read();
parentPort.postMessage('written');
await once(parentPort, 'message');
process.exit();
