const assert = require('node:assert/strict');
const narrowcast = require('narrowcast');
const { install } = require('narrowcast/livekit');
const { TransceiverPool } = require('narrowcast/webrtc');
const { useAll } = require('./use-all.cjs');

assert.equal(require('narrowcast/package.json').name, 'narrowcast');
assert.equal(typeof TransceiverPool, 'function');
assert.throws(() => install(), { name: 'NarrowcastError', code: 'ENGINE_NOT_FOUND' });
void useAll(narrowcast);
