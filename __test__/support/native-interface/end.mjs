// A process whose addon's threads put events and samples until it ends, in the way that the last argument says.
import { createRequire } from 'node:module';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { AudioStream, FfiQueue, nativeInterface } from '../../../dist/index.js';

const [file, how] = isMainThread ? process.argv.slice(2) : workerData;
const { queue, stream, probe } = how.startsWith('worker') && isMainThread ? {} : flood();

function flood() {
  const probe = createRequire(import.meta.url)(file);
  probe.use(nativeInterface(), 1, 0);
  const queue = new FfiQueue({ types: ['a', 'b'] });
  const stream = new AudioStream({ sampleRate: 16_000 });
  probe.flood(probe.queueOpen(queue.id, 1)[1], 3, 1);
  probe.floodStream(probe.streamOpen(stream.id, 16_000, 1)[1]);
  return { queue, stream, probe };
}

async function hear() {
  const seen = queue.subscribe({ handles: [1n], own: true });
  for (let events = 0; events < 200; events++) await seen.next();
  await stream.getReader().read();
  void seen.next();
  console.log('putting');
}

if (!isMainThread) {
  const alive = setInterval(() => {}, 1000);
  await hear();
  clearInterval(alive);
  if (how === 'worker-exit') process.exit();
} else if (how.startsWith('worker')) {
  // The addon is loaded in the worker alone: Node closes its file when that ends, and its threads go on.
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: [file, how], stdout: false });
  await new Promise((resolve) => worker.once('exit', resolve));
  // They run for a while without it.
  await new Promise((resolve) => setTimeout(resolve, 100));
} else {
  // Nothing else keeps the process alive while an event is waited for.
  const alive = setInterval(() => {}, 1000);
  await hear();
  clearInterval(alive);
  if (how === 'exit') process.exit(0);
  if (how === 'throw') throw new Error('on purpose');
  if (probe.counts()[2] === 0) throw new Error('nothing was put');
}
