// narrowcast twice in one process, as two packages may bring it: the classes differ, the queues are the same.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as one from '../../dist/index.js';

const load = createRequire(import.meta.url);
for (const file of Object.keys(load.cache)) if (!file.endsWith('.node')) delete load.cache[file];
const other = load('../../dist/index.cjs');
assert.notEqual(one.FfiQueue, other.FfiQueue);

const types = ['a'];
const queues = [new one.FfiQueue({ types })];
queues.push(other.FfiQueue.open(queues[0].id, { types }));
const subscriptions = queues.map((queue) => queue.subscribe());

// What one puts wakes the other's readers, but keeps no process alive for them.
const alive = setInterval(() => {}, 1000);

// Each waits with a doorbell of its own, and hears of what either puts.
for (const [i, queue] of queues.entries()) {
  const pending = subscriptions.flatMap((events) => [events.next(), events.waitFor(({ handle }) => handle === 2n)]);
  assert.equal(queue.put('a', new Uint8Array([i]), 1n), 2);
  assert.equal(queue.put('a', new Uint8Array([i]), 2n), 2);
  const [first, second, third, fourth] = await Promise.all(pending);
  for (const { value } of [first, third])
    assert.deepEqual(value, { type: 'a', handle: 1n, payload: new Uint8Array([i]) });
  for (const event of [second, fourth]) assert.equal(event.handle, 2n);
}
assert.deepEqual(queues[0].stats(), queues[1].stats());

// Streams of both wait at the same time.
const streams = [new one.AudioStream(), new other.AudioStream()];
const reads = streams.map((stream) => stream.getReader().read());
streams[0].write(new other.AudioFrame(new Int16Array(480), 48_000, 1, 480));
streams[1].write(new one.AudioFrame(new Int16Array(480), 48_000, 1, 480));
const frames = await Promise.all(reads);
assert.ok(frames[0].value instanceof one.AudioFrame && frames[1].value instanceof other.AudioFrame);

// A ring of one is the other one's, too.
const ring = new one.RingBuffer({ capacity: 2 });
other.RingBuffer.open(ring.id).write(new Int16Array([1, 2]));
assert.equal(ring.skip(2), 2);

for (const { FfiQueue } of [one, other]) {
  assert.throws(() => FfiQueue.open(999n, { types }), { name: 'NarrowcastError', code: 'NOT_FOUND' });
}
queues[0].close();
assert.throws(() => queues[1].put('a', new Uint8Array()), { name: 'NarrowcastError', code: 'CLOSED' });
assert.ok(subscriptions.every((events) => events.closed));
clearInterval(alive);
console.log('both work');
