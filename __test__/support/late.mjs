// WHERE ADDON…: loads 20 of these addons, then narrowcast, first in the main thread or first in a worker.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

const [where, ...addons] = process.argv.slice(2);
const require = createRequire(import.meta.url);
let others = 0;
for (const addon of addons) {
  try {
    require(addon);
  } catch (error) {
    // It needs a library that this machine lacks.
    assert.equal(error.code, 'ERR_DLOPEN_FAILED');
    continue;
  }
  if (++others === 20) break;
}

const uses = `
  const { FfiQueue, AudioResampler } = require(${JSON.stringify(require.resolve('../../dist/index.cjs'))});
  const queue = new FfiQueue({ types: ['a'] });
  queue.put('a', new Uint8Array(1));
  queue.close();
  if (!(new AudioResampler(48_000, 16_000).pushInto(new Int16Array(4800), new Int16Array(4800)) > 0)) throw new Error('nothing');`;

async function inWorker() {
  const worker = new Worker(uses, { eval: true });
  const status = await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  assert.equal(status, 0);
}

const inMain = () => new Function('require', uses)(require);
if (where === 'main') inMain();
for (let i = 0; i < 8; i++) await inWorker();
await Promise.all(Array.from({ length: 12 }, inWorker));
inMain();
console.log(`${others} others, then narrowcast`);
process.exit();
