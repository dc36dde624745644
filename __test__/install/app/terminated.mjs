import { parentPort, workerData } from 'node:worker_threads';
import { AudioStream, AudioStreamTrack, FfiQueue, RingBuffer } from 'narrowcast';

const events = FfiQueue.open(workerData.queue, { types: ['audio'] }).subscribe({
  wake: 'immediate',
  overflow: 'drop-oldest',
});
const ring = RingBuffer.open(workerData.ring);
const stream = new AudioStream({ sampleRate: 16_000 });
void stream.getReader().read();
// A native thread plays it, and wakes this thread for each piece.
const track = new AudioStreamTrack({ sampleRate: 16_000 });
track.write(new Int16Array(160_000));
let played = 0;
void track.pipeTo(() => void played++, { leadMs: 10 });
ring.read(new Int16Array(160));
// What waits for events does not keep its thread alive.
setInterval(() => {}, 1000);
let read = 0;
void (async () => {
  for await (const _ of events) {
    stream.write(new Int16Array(160));
    if (++read === 10) parentPort.postMessage('at work');
  }
})();
