// Writes the numbers from 0 on, cut to 16 bits, in blocks of different sizes; says in shared memory when it has begun, and,
// if `until` is set, ends after that many.
import { workerData } from 'node:worker_threads';
import { RingBuffer } from '../../dist/index.js';

const { id, cells, until = Infinity, offer } = workerData;
const ring = RingBuffer.open(id);
const block = new Int16Array(1000);

for (let at = 0, round = 0; at < until; round++) {
  const length = Math.min(1 + ((round * 7919) % 1000), until - at);
  for (let i = 0; i < length; i++) block[i] = at + i;
  // Of what does not fit, the rest is offered again.
  const stored = ring.write(block.subarray(0, length));
  at += offer === 'again' ? stored : length;
  Atomics.store(cells, 0, 1);
}
