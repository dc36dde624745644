// dispose() as ES modules import it, before narrowcast is installed. What keeps the process alive until it is noticed is
// narrowcast itself; after that, nothing.
import { AudioFrame, AudioSource, dispose } from '@livekit/rtc-node';
import { install } from './engine-meeting.mjs';
import { until } from './wait.mjs';

const engine = install();
const capture = async () => {
  const source = new AudioSource(48_000, 1);
  await source.captureFrame(AudioFrame.create(48_000, 1, 480));
  await source.close();
};
const alive = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

await capture();
const before = alive();
await dispose();
console.log('disposed');
await until(() => alive() < before, 'nothing keeps the process alive');
if (engine.stats().stolen !== 0) throw new Error('that was no theft');
await capture();
console.log('captured');
await dispose();
console.log('disposed again');
