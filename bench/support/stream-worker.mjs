// Reads the tracks of another thread, and counts the frames where that thread sees it.
import { parentPort, workerData } from 'node:worker_threads';
import { AudioStream } from 'narrowcast/livekit';

const { handles, SAMPLE_RATE } = workerData;
const counter = new Float64Array(new SharedArrayBuffer(8));

async function read(stream) {
  for await (const _ of stream) counter[0]++;
}
// The tracks have this rate: nothing is to be converted.
const options = { sampleRate: SAMPLE_RATE, resampler: 'engine' };
for (const handle of handles) void read(AudioStream.fromHandle(handle, options));
parentPort.postMessage(counter);
