// A thread that installs narrowcast, plays and hears something of its own, and uninstalls it or waits to be terminated.
import { parentPort, workerData } from 'node:worker_threads';
import { AudioFrame, LocalAudioTrack } from '@livekit/rtc-node';
import { AudioSource, AudioStream, install } from './engine-meeting.mjs';

const engine = install();
const source = new AudioSource(16_000, 1, 0);
const reader = new AudioStream(LocalAudioTrack.createAudioTrack('own', source), 16_000).getReader();
const { sample, uninstalls } = workerData;
for (let i = 0; i < 20; i++) {
  await source.captureFrame(new AudioFrame(new Int16Array(160).fill(sample), 16_000, 1, 160));
  const { value } = await reader.read();
  if (value.data.some((heard) => heard !== sample)) throw new Error('that was for another thread');
}
if (uninstalls) {
  const pending = reader.read();
  engine.uninstall();
  if (!(await pending).done) throw new Error('a stream has not ended');
  parentPort.postMessage('uninstalled');
} else {
  parentPort.postMessage('heard');
  setInterval(() => {}, 1000);
}
