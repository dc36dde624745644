// As bundled.mjs, in CommonJS.
const assert = require('node:assert/strict');
const { FfiQueue } = require('narrowcast');
const { install } = require('narrowcast/livekit');

const queue = new FfiQueue({ types: ['audio'] });
const events = queue.subscribe();
queue.put('audio', new Uint8Array([1]));
assert.equal(events.drain().length, 1);
queue.close();
assert.throws(() => install(), { name: 'NarrowcastError', code: 'ENGINE_NOT_FOUND' });
console.log('bundled');
