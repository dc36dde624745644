import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as rtc from '@livekit/rtc-node';
import { expect, test } from 'vitest';
// Main thread and workers have to share one addon: this one is dist's, as theirs is.
import { AudioStream, install, native, openTracks } from '../support/engine-meeting.mjs';

const start = (sample: number, uninstalls: boolean) =>
  new Worker(new URL('../support/installing-worker.mjs', import.meta.url), { workerData: { sample, uninstalls } });

/** What a worker that opens a stream by this handle says, or the error that ends it. */
async function listen(handle: bigint): Promise<unknown> {
  const worker = new Worker(new URL('../support/listening-worker.mjs', import.meta.url), { workerData: { handle } });
  const [outcome] = (await once(worker, 'message').catch((error: unknown) => [error])) as unknown[];
  await worker.terminate();
  return outcome;
}

test('installed in several threads, each hears its own, until the last one of them leaves', async () => {
  const engine = install();
  const [one] = openTracks(1);
  const reader = new AudioStream(one!.track, 16_000).getReader();
  /** That this thread plays and hears. */
  const hear = async (sample: number) => {
    await one!.source.captureFrame(new rtc.AudioFrame(new Int16Array(160).fill(sample), 16_000, 1, 160));
    expect((await reader.read()).value!.data.every((heard) => heard === sample)).toBe(true);
  };
  const [leaves, stays] = [start(1, true), start(2, false)];
  const [left, heard] = [once(leaves, 'message'), once(stays, 'message')];
  for (let sample = 100; sample < 120; sample++) await hear(sample);
  expect([await left, await heard]).toEqual([['uninstalled'], ['heard']]);

  // One has left, one is terminated: this thread goes on.
  await hear(1000);
  await stays.terminate();
  await hear(2000);
  expect(native.engineAttached()).toBe(true);

  // The last one leaves: no read stays pending for what no longer comes.
  const pending = reader.read();
  engine.uninstall();
  expect(await pending).toEqual({ done: true, value: undefined });
  expect(native.engineAttached()).toBe(false);
  const outcome = await listen(one!.track.ffi_handle.handle);
  expect(outcome).toMatchObject({ code: 'ENGINE_NOT_INSTALLED', message: expect.stringContaining('install()') });
}, 120_000);
