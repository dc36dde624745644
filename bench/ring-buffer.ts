// What a 10 ms frame costs to pass through a ring, on one thread and from a worker to the main thread: ours beside a ring
// over a SharedArrayBuffer, as one writes it in JavaScript, and beside messages. `npm run bench -- ring-buffer`.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RingBuffer } from 'narrowcast';
import { bench, row } from './support/harness.js';
import { callLimits } from './support/limits.js';
import { rounds, time } from './support/rounds.js';
import { SharedRing } from './support/shared-ring.mjs';

/** Many and short, for their median: on a busy machine most of them are not interrupted. */
const ROUNDS = 101;
/** Frames of a round between threads, and rounds of it. */
const FRAMES = 2000;
const THREAD_ROUNDS = 45;

const SIZES = [
  ['16k-mono', 160],
  ['48k-stereo', 960],
] as const;

const PEER = 'a ring over a SharedArrayBuffer in JavaScript, with Atomics';

/** Rings of a second. */
const capacityFor = (samples: number) => 100 * samples;

const noise = (samples: number) => Int16Array.from({ length: samples }, (_, i) => ((i * 7919) % 60_000) - 30_000);

/** Time until `count` frames came from a worker, in ns a frame. */
async function fromWorker(samples: number) {
  // Room for all, so that the worker never waits.
  const ours = new RingBuffer({ capacity: FRAMES * samples });
  const shared = SharedRing.ofCapacity(FRAMES * samples);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('support/write-frames.mjs', import.meta.url), {
    workerData: { id: ours.id, memory: shared.memory, samples, count: FRAMES },
  });
  await once(worker, 'message');
  const target = new Int16Array(samples);
  const read = async (way: string, ring: { read(target: Int16Array): number }) => {
    worker.postMessage(way);
    // The first one is there once the worker has heard.
    let samplesRead = 0;
    while ((samplesRead = ring.read(target)) === 0);
    const start = process.hrtime.bigint();
    for (const all = FRAMES * samples; samplesRead < all;) {
      const read = ring.read(target);
      samplesRead += read;
      // The core may be the one that the worker needs.
      if (read === 0) Atomics.wait(pause, 0, 0, 0.01);
    }
    return Number(process.hrtime.bigint() - start) / FRAMES;
  };
  const ways = {
    ours: () => read('ours', ours),
    shared: () => read('shared', shared),
    async messages() {
      worker.postMessage('messages');
      await once(worker, 'message');
      const start = process.hrtime.bigint();
      await new Promise<void>((resolve) => {
        let left = FRAMES - 1;
        const count = () => --left === 0 && (worker.off('message', count), resolve());
        worker.on('message', count);
      });
      return Number(process.hrtime.bigint() - start) / FRAMES;
    },
  };
  const times: Record<keyof typeof ways, number[]> = { ours: [], shared: [], messages: [] };
  const names = Object.keys(ways) as (keyof typeof ways)[];
  for (let round = -1; round < THREAD_ROUNDS; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + 1 + i) % names.length]!;
      const each = await ways[name]();
      // The first ones warm up.
      if (round >= 0) times[name].push(each);
    }
  }
  await worker.terminate();
  return times;
}

await bench('ring-buffer', async (add) => {
  for (const [name, samples] of SIZES) {
    const data = noise(samples);
    const target = new Int16Array(samples);
    const ours = new RingBuffer({ capacity: capacityFor(samples) });
    const dropping = new RingBuffer({ capacity: capacityFor(samples), overflow: 'drop-oldest' });
    const shared = SharedRing.ofCapacity(capacityFor(samples));
    const through = (ring: RingBuffer | SharedRing) => () => {
      ring.write(data);
      if (ring.read(target) !== samples) throw new Error('a frame is missing');
    };
    const [throughOurs, throughShared, throughDropping] = [through(ours), through(shared), through(dropping)];
    const times = rounds(ROUNDS, {
      ours: () => time(throughOurs, 1000),
      shared: () => time(throughShared, 1000),
      dropping: () => time(throughDropping, 1000),
      neverRead: () => time(() => dropping.write(data), 1000),
    });
    // It is full of what was never read.
    dropping.clear();
    add(row(`write-read/${name}`, 'ns a frame', times.ours, times.shared, PEER));
    add(
      row(`write-read/${name}/drop-oldest`, 'ns a frame', times.dropping, times.shared, `${PEER}, which drops nothing`),
    );
    add(row(`write/${name}/never-read`, 'ns a frame', times.neverRead, undefined, 'drop-oldest: each pushes one out'));
  }

  {
    const target = new Int16Array(160);
    const ours = new RingBuffer({ capacity: 16_000 });
    const shared = SharedRing.ofCapacity(16_000);
    ours.write(noise(16_000));
    shared.write(noise(16_000));
    const peeks = rounds(ROUNDS, {
      ours: () => time(() => ours.peek(target), 1000),
      shared: () => time(() => shared.peek(target), 1000),
    });
    add(row('peek/16k-mono', 'ns a frame', peeks.ours, peeks.shared, PEER));
    const skips = rounds(ROUNDS, {
      ours: () => (ours.write(target), time(() => ours.skip(1), 160)),
      shared: () => (shared.write(target), time(() => shared.skip(1), 160)),
    });
    add(row('skip', 'ns', skips.ours, skips.shared, PEER));
    const sizes = rounds(ROUNDS, {
      ours: () => time(() => void ours.size, 1000),
      shared: () => time(() => void shared.size, 1000),
    });
    add(row('size', 'ns', sizes.ours, sizes.shared, PEER));
  }

  for (const [name, samples] of SIZES) {
    const times = await fromWorker(samples);
    const note = `${FRAMES} frames as fast as both threads can, the main thread reading all the time`;
    add(row(`threads/${name}`, 'ns a frame', times.ours, times.shared, `${note}; ${PEER}`));
    add(row(`threads/${name}/messages`, 'ns a frame', times.ours, times.messages, `${note}; postMessage`));
  }

  {
    const ring = new RingBuffer({ capacity: 16 });
    const none = new Int16Array(0);
    const { calls } = rounds(ROUNDS, { calls: () => time(() => ring.write(none), 1000) });
    add(
      row(
        'limit/write-nothing',
        'ns',
        calls,
        undefined,
        'all but the ring: a call with an array, which it does not read',
      ),
    );
    for (const limit of await callLimits()) add(limit);
  }

  {
    const [data, target] = [noise(160), new Int16Array(160)];
    const ring = new RingBuffer({ capacity: 16_000 });
    const dropping = new RingBuffer({ capacity: 16_000, overflow: 'drop-oldest' });
    const pass = () => {
      ring.write(data);
      ring.read(target);
      dropping.write(data);
    };
    const memory = async () => {
      globalThis.gc!();
      // What was collected is finalized when the event loop turns.
      await new Promise(setImmediate);
      return process.memoryUsage();
    };
    time(pass, 10_000);
    const before = await memory();
    time(pass, 1_000_000);
    const after = await memory();
    for (const key of ['heapUsed', 'external', 'rss'] as const) {
      const note = 'grown by 1,000,000 frames through a ring, and 1,000,000 into one without a reader';
      add(row(`memory/${key}`, 'MB', [(after[key] - before[key]) / 1e6], undefined, note));
    }
  }
});
