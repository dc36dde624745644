// Writes to a ring 1,000,000 times, in one way, and says whether the process has grown meanwhile.
import assert from 'node:assert/strict';
import { RingBuffer } from '../../dist/index.js';
import { staysFlat, turn } from './growth.mjs';

const [what] = process.argv.slice(2);

const ring = new RingBuffer({ capacity: 16_000, overflow: what === 'never read' ? 'drop-oldest' : 'reject' });
const data = new Int16Array(160).fill(1000);
const target = new Int16Array(160);
const shared = new Int16Array(new SharedArrayBuffer(320));

/** Some work, the same each time. */
const work = {
  'written and read'() {
    for (let i = 0; i < 50_000; i++) {
      assert.ok(ring.write(data) === 160);
      ring.peek(target);
      assert.ok(ring.read(target) === 160);
    }
  },
  'never read'() {
    for (let i = 0; i < 50_000; i++) ring.write(data);
  },
  full() {
    for (let i = 0; i < 50_000; i++) ring.write(data);
  },
  'shared memory'() {
    for (let i = 0; i < 50_000; i++) {
      ring.write(shared);
      ring.read(shared);
    }
  },
  async 'opened and forgotten'() {
    // Only the engine itself collects garbage for these, which has to be told what they hold.
    for (let i = 0; i < 50; i++) {
      RingBuffer.open(new RingBuffer({ capacity: 500_000 }).id).write(data);
      if (i % 10 === 0) await turn();
    }
  },
}[what];

const forgets = what === 'opened and forgotten';
// 1,000 rings that stayed would be 1 GB; 1,000,000 leaks of 16 bytes, 16 MB.
await staysFlat(work, { collects: !forgets, limit: forgets ? 300e6 : 12e6 });
