// Two addons send 25,600 events a second from threads of their own: one in C, one in Rust. JavaScript asks for one type and two
// handles of 16, and is woken for those alone.
//
//   npm install && npm start
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AudioStream, FfiQueue, nativeInterface } from 'narrowcast';

const require = createRequire(import.meta.url);
const THREADS = 4; // each sends 64 events every 10 ms
const EVENTS = 6400; // one second

// Waiting for native events keeps no process alive: a server's sockets do that, and here a timer.
const alive = setInterval(() => {}, 1000);
const names = process.argv.length > 2 ? process.argv.slice(2) : ['c', 'rust'];
for (const name of names) {
  const file = new URL(`build/sender-${name}.node`, import.meta.url);
  if (!existsSync(file)) {
    console.log(`${name}: not built`);
    continue;
  }
  const addon = require(file.pathname);
  const queue = new FfiQueue({ types: ['level', 'stats'] });
  const levels = queue.subscribe({ types: ['level'], handles: [3n, 7n] });
  let heard = 0;
  const hearing = levels.forEach((event) => {
    if (event.type !== 'level' || (event.handle !== 3n && event.handle !== 7n)) throw new Error('not asked for');
    heard++;
  });

  const start = performance.now();
  addon.start(nativeInterface(), queue.id, THREADS, EVENTS);
  while (addon.counts().sent < THREADS * EVENTS) await new Promise((resolve) => setTimeout(resolve, 20));
  const seconds = (performance.now() - start) / 1000;
  queue.close();
  await hearing;
  const { published, unwanted, wakes } = queue.stats();
  console.log(
    `${name}: ${Math.round(published / seconds)} events a second; ${published} sent, ${heard} heard, ${unwanted} unwanted, ${wakes} wakes`,
  );

  const stream = new AudioStream({ sampleRate: 16_000, frameSizeMs: 20 });
  addon.tone(nativeInterface(), stream.id, 1);
  let samples = 0;
  for await (const frame of stream) samples += frame.data.length;
  console.log(`${name}: ${samples} samples of a tone`);
}
clearInterval(alive);
