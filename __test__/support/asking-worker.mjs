// Asks the engine through rtc-node's own classes in a worker thread, and ends when all was answered.
import * as rtc from '@livekit/rtc-node';
import { install } from './engine-meeting.mjs';

const engine = install();
const source = new rtc.AudioSource(48_000, 1);
for (let frame = 0; frame < 20; frame++) await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
await source.close();
engine.uninstall();
