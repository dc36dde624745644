// Under `--import narrowcast/livekit/register`: an AudioSource in this thread, and two in a worker.
import { isMainThread, Worker } from 'node:worker_threads';
import { AudioSource } from '@livekit/rtc-node';
const kept = Array.from({ length: isMainThread ? 1 : 2 }, () => new AudioSource(48_000, 1));
if (isMainThread) new Worker(new URL(import.meta.url));
setInterval(() => kept.length, 1000);
