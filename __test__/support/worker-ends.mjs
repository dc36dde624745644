// Worker threads that end in every way while their subscriptions and streams are in use; the main thread goes on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { AudioStream, FfiQueue } from '../../dist/index.js';

const types = ['a'];

if (isMainThread) {
  const queue = new FfiQueue({ types });
  for (const how of ['by itself', 'exit', 'throw', 'terminated']) {
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(new URL(import.meta.url), { workerData: { id: queue.id, how } });
      const ended = new Promise((resolve) => {
        worker.once('error', (error) => assert.equal(error.message, 'mine'));
        worker.once('exit', resolve);
      });
      await once(worker, 'message');
      for (let i = 0; i < 100; i++) queue.put('a', new Uint8Array(100));
      worker.postMessage('end');
      if (how === 'terminated') void worker.terminate();
      for (let i = 0; i < 100; i++) queue.put('a', new Uint8Array(100));
      assert.equal(await ended, { 'by itself': 0, exit: 3, throw: 1, terminated: 1 }[how], how);
      for (const end = Date.now() + 10_000; queue.stats().subscribers > 0 && Date.now() < end;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      assert.equal(queue.stats().subscribers, 0, how);
      assert.equal(queue.stats().queued, 0, how);
    }
  }
  const events = queue.subscribe();
  assert.equal(queue.put('a', new Uint8Array(1)), 1);
  assert.equal(events.drain().length, 1);
  console.log('the main thread goes on');
} else {
  const queue = FfiQueue.open(workerData.id, { types });
  const [pending, polled, unread] = [queue.subscribe(), queue.subscribe({ overflow: 'grow' }), queue.subscribe()];
  const stream = new AudioStream();
  void stream.getReader().read();
  void pending.waitFor(() => false);
  parentPort.on('message', () => {
    polled.drain();
    if (workerData.how === 'exit') process.exit(3);
    if (workerData.how === 'throw') throw new Error('mine');
    if (workerData.how === 'by itself') parentPort.close();
    assert.ok(unread);
  });
  parentPort.postMessage('ready');
}
