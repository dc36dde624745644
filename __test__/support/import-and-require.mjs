// What a program imports and what it requires are the same classes: an error of one is an error of the other.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as narrowcast from '../../dist/index.js';
import * as livekit from '../../dist/livekit/index.js';

const load = createRequire(import.meta.url);
for (const [imported, file] of [
  [narrowcast, '../../dist/index.cjs'],
  [livekit, '../../dist/livekit/index.cjs'],
]) {
  const required = load(file);
  assert.deepEqual(Object.keys(imported), Object.keys(required).sort());
  for (const name of Object.keys(required)) assert.equal(imported[name], required[name], name);
}
console.log('the same');
