// Listens to a track of another thread until it is terminated.
import { parentPort, workerData } from 'node:worker_threads';
import { AudioStream } from './engine-meeting.mjs';

const stream = AudioStream.fromHandle(workerData.handle, { sampleRate: 16_000, resampler: 'engine' });
let frames = 0;
for await (const frame of stream) {
  frames++;
  if (frames === 3) parentPort.postMessage({ frames, samples: frame.samplesPerChannel });
}
parentPort.postMessage({ ended: true, frames, stats: stream.stats() });
