// A program that has just started: `start-up-side.mjs CASE`. Prints its resident memory, in bytes, once it has come to rest.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';

const cases = {
  /** What agents' own worker processes and package managers do: nothing with LiveKit. */
  async 'no-livekit'() {},
  async import() {
    return import('@livekit/rtc-node');
  },
  /** The engine at work, as in a job. */
  async track() {
    const { AudioSource, LocalAudioTrack } = await import('@livekit/rtc-node');
    const source = new AudioSource(48_000, 1);
    return [source, LocalAudioTrack.createAudioTrack('a', source)];
  },
  /** A thread that does nothing with LiveKit, in a program that imports rtc-node. */
  async worker() {
    return [await import('@livekit/rtc-node'), new Worker(new URL(import.meta.url))];
  },
};

if (isMainThread) {
  globalThis.kept = await cases[process.argv[2]]();
  // Longer than narrowcast takes to look whether the engine is there.
  await sleep(3000);
  console.log(process.memoryUsage.rss());
  process.exit();
} else {
  await sleep(60_000);
}
