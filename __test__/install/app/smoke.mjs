// As much as every runtime does: load, events, a stream, the resampler, the end.
import assert from 'node:assert/strict';
import { AudioResampler, AudioStream, FfiQueue } from 'narrowcast';

const queue = new FfiQueue({ types: ['audio'] });
const waiting = queue.subscribe().next();
queue.put('audio', new Uint8Array([1]), 7n);
assert.equal((await waiting).value.handle, 7n);
queue.close();

const stream = new AudioStream({ sampleRate: 16_000 });
stream.write(new Int16Array(160));
stream.close();
let frames = 0;
for await (const frame of stream) frames += frame.samplesPerChannel / 160;
assert.equal(frames, 1);

const output = new Int16Array(16_000);
assert.ok(new AudioResampler(48_000, 16_000).pushInto(new Int16Array(4800), output) > 0);
console.log('smoke');
