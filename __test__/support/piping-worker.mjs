// Pipes a track into the source of another thread, whose handle it is given, until it is terminated or told to end.
import { parentPort, workerData } from 'node:worker_threads';
import { AudioStreamTrack } from '../../dist/index.js';

const { handle, how } = workerData;
const track = new AudioStreamTrack({ sampleRate: 16_000 });
track.write({ data: new Int16Array(16_000 * 20).fill(5), sampleRate: 16_000, channels: 1 });
track.pipeTo({ sampleRate: 16_000, numChannels: 1, queueSize: 0, ffiHandle: { handle } }).catch((error) => {
  throw error;
});
parentPort.on('message', () => {
  if (how === 'exit') process.exit(3);
  parentPort.close();
});
parentPort.postMessage('piped');
