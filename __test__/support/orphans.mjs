// Run with the ledger build and --expose-gc: makes every kind of mess that strands native handles elsewhere, lets it
// come to rest, and prints which handles the engine still knows.
import { Worker } from 'node:worker_threads';
import { FfiHandle } from '@livekit/rtc-ffi-bindings';
import * as rtc from '@livekit/rtc-node';
import { AudioStream, install, native, openTracks, play } from './engine-meeting.mjs';
import { block, until } from './wait.mjs';

const engine = install();
const tracks = openTracks(8);
const pump = play(tracks, 1_000_000);
const report = {};

// 200 streams, cancelled in mid-flow behind a 60 ms stall.
for (let round = 0; round < 10; round++) {
  const streams = Array.from({ length: 20 }, (_, i) => new AudioStream(tracks[i % 8].track, 16_000));
  const readers = streams.map((stream) => stream.getReader());
  await Promise.all(readers.map((reader) => reader.read()));
  block(60);
  await Promise.all(readers.map((reader) => reader.cancel()));
}
report.framesReleased = engine.stats().framesReleased;

// 1,000 streams, created and forgotten.
for (let i = 0; i < 1000; i++) {
  new AudioStream(tracks[i % 8].track, { sampleRate: 16_000, bufferMs: 200 });
  if (i % 50 === 0) await new Promise(setImmediate);
}
await until(() => (gc(), engine.stats().streams === 0), 'forgotten streams are collected');

// 50 workers, terminated while their streams flow.
for (let round = 0; round < 10; round++) {
  const workers = Array.from({ length: 5 }, (_, i) => {
    const worker = new Worker(new URL('./listening-worker.mjs', import.meta.url), {
      workerData: { handle: tracks[i].track.ffi_handle.handle },
    });
    return { worker, flows: new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)) };
  });
  await Promise.all(workers.map(({ flows }) => flows));
  await Promise.all(workers.map(({ worker }) => worker.terminate()));
}
report.streamsAfterWorkers = engine.stats().streams;

// A subscription that overflows with frames in it, one that drops the oldest, and one that is never read: all see the
// frames of a stream that is not ours.
const opened = new rtc.AudioStream(tracks[0].track, 16_000, 1);
const failing = engine.queue.subscribe({ types: ['audioStreamEvent'], capacity: 5, maxCapacity: 10 });
const dropping = engine.queue.subscribe({ types: ['audioStreamEvent'], capacity: 5, overflow: 'drop-oldest' });
engine.queue.subscribe({ types: ['audioStreamEvent'], capacity: 1000 });
// So long that rtc-node's stream has not seen a frame yet of those that both subscriptions overflow with.
block(400);
await until(() => failing.closed && dropping.dropped > 20, 'both overflow');
await opened.cancel();
report.lagged = (() => {
  try {
    // The reader of an event owns the handles in it, also of one that another subscription was to get as well.
    for (;;) new FfiHandle(failing.tryNext().message.value.message.value.frame.handle.id).dispose();
  } catch (error) {
    return error.code;
  }
})();
await dropping.return();

// Rest: nothing is played, no stream is open, no worker runs, and no subscription is held.
pump.stop();
for (const { track } of tracks) await track.close();
let last = -1;
let calm = 0;
await until(() => {
  gc();
  const stats = engine.stats();
  const frames = stats.frames + stats.framesReleased + stats.events.published;
  calm = frames === last && engine.queue.stats().subscribers <= 1 ? calm + 1 : 0;
  last = frames;
  return calm === 20;
}, 'things come to rest');

const { recorded, left, streams } = native.ledgerProbe();
const { malformed, panics, heldDropped, framesMalformed } = engine.stats();
console.log(
  JSON.stringify({
    ...report,
    malformed,
    panics,
    heldDropped,
    framesMalformed,
    recorded,
    left: left.map(String),
    streamsLeft: streams.map(String),
  }),
);
engine.uninstall();
