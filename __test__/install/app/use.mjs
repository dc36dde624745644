import assert from 'node:assert/strict';
import * as narrowcast from 'narrowcast';
import { install } from 'narrowcast/livekit';
import { TransceiverPool } from 'narrowcast/webrtc';
import packageJson from 'narrowcast/package.json' with { type: 'json' };
import { useAll } from './use-all.cjs';

assert.equal(packageJson.name, 'narrowcast');
assert.equal(typeof TransceiverPool, 'function');
// No LiveKit is installed here, and everything else works without.
assert.throws(() => install(), { name: 'NarrowcastError', code: 'ENGINE_NOT_FOUND' });
await useAll(narrowcast);
