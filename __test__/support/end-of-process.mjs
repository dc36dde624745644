// A process with queues, subscriptions, streams and a busy thread, that ends as its argument says.
import { Worker } from 'node:worker_threads';
import { AudioStream, FfiQueue } from '../../dist/index.js';

const how = process.argv[2];
const types = ['a'];
const queue = new FfiQueue({ types });
const payload = new Uint8Array(1000);
const subscriptions = Array.from({ length: 64 }, () => queue.subscribe({ overflow: 'drop-oldest' }));
const streams = Array.from({ length: 64 }, () => new AudioStream({ bufferMs: 100 }));

/** Events and samples that are not read yet. */
function fill() {
  for (let i = 0; i < 100; i++) queue.put('a', payload);
  for (const stream of streams) stream.write(new Int16Array(1000));
}

/** Reads are pending, everywhere, for what never comes. */
function wait() {
  for (const events of subscriptions) {
    events.drain();
    void events.next();
    events.waitFor(() => false).catch(() => {});
    void forAwait(events);
  }
  for (const stream of streams) {
    stream.readInto(new Int16Array(4800));
    void stream.getReader().read();
  }
}

async function forAwait(source) {
  for await (const _ of source);
}

/** Says how many came before the source or the process ended. */
async function count(source) {
  let came = 0;
  let end = 'of the process';
  process.on('exit', () => console.log(`${came} to the end ${end}`));
  for await (const _ of source) came++;
  end = 'of the source';
}

/** Another thread puts, as fast as it can, until this process ends; resolves when it does. */
function flood() {
  const cells = new Int32Array(new SharedArrayBuffer(12));
  const workerData = { id: queue.id, types, type: 'a', producer: 0, count: Infinity, cells };
  const worker = new Worker(new URL('put-events.mjs', import.meta.url), { workerData });
  return new Promise((resolve) =>
    worker.once('message', () => {
      worker.unref();
      Atomics.store(cells, 0, 1);
      Atomics.notify(cells, 0);
      resolve();
    }),
  );
}

const ways = {
  'nothing is waited for': () => fill(),
  'everything is waited for': () => wait(),
  'everything was closed': () => {
    wait();
    queue.close();
    for (const stream of streams) stream.close();
  },
  'exit while waiting': () => {
    wait();
    process.exit(7);
  },
  'exit with much unread': () => {
    fill();
    process.exit(7);
  },
  'exit in a flood': async () => {
    wait();
    await flood();
    for (const events of subscriptions) void forAwait(events);
    setTimeout(() => process.exit(7), 50);
  },
  'exit in a filter': async () => {
    void queue.subscribe({ filter: () => process.exit(7) }).next();
    await flood();
    setInterval(() => {}, 1000);
  },
  'throw while waiting': () => {
    wait();
    throw new Error('mine');
  },
  'throw in a flood': async () => {
    wait();
    await flood();
    setTimeout(() => {
      throw new Error('mine');
    }, 50);
  },
  'throw after a wake': async () => {
    const next = queue.subscribe().next();
    const alive = setInterval(() => {}, 1000); // a wake alone keeps no process alive
    await flood();
    await next;
    clearInterval(alive);
    fill();
    throw new Error('mine');
  },
  'end in a flood': async () => {
    fill();
    await flood();
    setTimeout(() => {}, 50);
  },
  'it puts events': async () => {
    void count(subscriptions[0]);
    subscriptions[1].waitFor(() => true).then(() => console.log('match'));
    await new Promise(setImmediate); // both wait by now
    for (let i = 0; i < 100; i++) queue.put('a', payload);
  },
  'it closes its queue': async () => {
    void count(subscriptions[0]);
    await new Promise(setImmediate);
    queue.close();
  },
  'it closes its subscription': async () => {
    void count(subscriptions[0]);
    await new Promise(setImmediate);
    subscriptions[0].close();
  },
  'it unsubscribes': async () => {
    void count(subscriptions[0]);
    await new Promise(setImmediate);
    queue.unsubscribe(subscriptions[0]);
  },
  'it writes samples': async () => {
    void count(streams[0]);
    streams[1]
      .getReader()
      .read()
      .then(() => console.log('read'));
    await new Promise(setImmediate);
    for (const stream of streams) stream.write(new Int16Array(4800));
  },
  'it closes its stream': async () => {
    void count(streams[0]);
    await new Promise(setImmediate);
    streams[0].close();
  },
};
await ways[how]();
console.log('last line');
