// To be bundled with narrowcast in it: the addon is found in the installed package, when the bundle runs.
import assert from 'node:assert/strict';
import { FfiQueue } from 'narrowcast';
import { install } from 'narrowcast/livekit';

const queue = new FfiQueue({ types: ['audio'] });
const events = queue.subscribe();
queue.put('audio', new Uint8Array([1]));
assert.equal(events.drain().length, 1);
queue.close();
assert.throws(() => install(), { name: 'NarrowcastError', code: 'ENGINE_NOT_FOUND' });
console.log('bundled');
