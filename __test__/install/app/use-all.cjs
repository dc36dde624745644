// What a program does with an installed narrowcast. Throws if anything is not as it should be.
const assert = require('node:assert/strict');
const { Worker } = require('node:worker_threads');

/** @param narrowcast as `import` or `require` gives it */
exports.useAll = async function useAll({ AudioResampler, AudioStream, FfiQueue, NarrowcastError, RingBuffer }) {
  // Events: those that are asked for come, in order, and wake this thread.
  const queue = new FfiQueue({ types: ['audio', 'stats'] });
  const events = queue.subscribe({ types: ['audio'], handles: [7n] });
  const waiting = events.next();
  assert.equal(queue.put('audio', new Uint8Array([1, 2]), 7n), 1);
  assert.equal(queue.put('stats', new Uint8Array(), 7n), 0);
  assert.deepEqual((await waiting).value, { type: 'audio', handle: 7n, payload: new Uint8Array([1, 2]) });
  queue.close();
  assert.throws(
    () => queue.put('audio', new Uint8Array()),
    (error) => error instanceof NarrowcastError && error.code === 'CLOSED',
  );

  // Streams: what is written comes out as frames.
  const stream = new AudioStream({ sampleRate: 16_000, frameSizeMs: 20 });
  stream.write(Int16Array.from({ length: 1600 }, (_, at) => at));
  stream.close();
  let samples = 0;
  for await (const frame of stream) {
    assert.equal(frame.data[0], samples);
    samples += frame.samplesPerChannel;
  }
  assert.equal(samples, 1600);

  // Resampler: a constant stays what it is, and 48 kHz become 16.
  const resampler = new AudioResampler(48_000, 16_000);
  const input = new Int16Array(48_000).fill(1000);
  const output = new Int16Array(resampler.maxOutput(input.length));
  const written = resampler.pushInto(input, output);
  assert.ok(written > 15_000 && written <= 16_000, `${written} samples of 1 s`);
  assert.ok(Math.abs(output[8000] - 1000) < 5, `a constant of 1000 became ${output[8000]}`);
  resampler.close();

  // Another thread: it writes into the ring that this one reads.
  const ring = new RingBuffer({ capacity: 1000 });
  const worker = new Worker(`${__dirname}/worker.mjs`, { workerData: ring.id });
  const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  assert.equal(await ended, 0);
  const read = new Int16Array(3);
  assert.equal(ring.read(read), 3);
  assert.deepEqual([...read], [1, 2, 3]);

  // Left open and waited for: the process ends nevertheless.
  void new AudioStream().getReader().read();
  void new FfiQueue({ types: ['a'] }).subscribe().next();
  console.log('all used');
};
