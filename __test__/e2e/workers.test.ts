import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runNode } from '../support/child.js';
// Main thread and workers have to share one addon: this one is dist's, as theirs is.
import { AudioStream, install, native, openTracks, play } from '../support/engine-meeting.mjs';
import { block, until } from '../support/wait.mjs';

const engine = install();
const tracks = openTracks(4);
const pump = play(tracks, 1_000_000);
beforeAll(() => until(() => pump.stats().every(({ captured }) => captured > 0), 'it plays'));
afterAll(() => {
  pump.stop();
  engine.uninstall();
});

function listen(track: { ffi_handle: { handle: bigint } }) {
  const worker = new Worker(new URL('../support/listening-worker.mjs', import.meta.url), {
    workerData: { handle: track.ffi_handle.handle },
  });
  const messages: { frames: number; samples?: number; ended?: true; stats?: { framesDropped: number } }[] = [];
  const exited = new Promise<number>((resolve) => worker.on('exit', resolve));
  worker.on('message', (message) => messages.push(message));
  return { worker, messages, exited };
}

describe('a worker that listens by the handle of a track', () => {
  test('gets frames, and costs the main thread no wake and no event', async () => {
    const wakes = native.threadWakes();
    const delivered = engine.queue.stats().delivered;
    const { worker, messages } = listen(tracks[0]!.track);
    await until(() => messages.length > 0, 'frames flow');
    expect(messages[0]).toEqual({ frames: 3, samples: 160 });
    expect(native.threadWakes() - wakes).toBe(0);
    expect(engine.queue.stats().delivered - delivered).toBe(0);
    await worker.terminate();
  });

  test('terminated, leaves nothing that the engine feeds', async () => {
    const before = engine.stats().streams;
    const workers = tracks.map(({ track }) => listen(track));
    await until(() => workers.every(({ messages }) => messages.length > 0), 'frames flow');
    expect(engine.stats().streams).toBe(before + 4);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
    expect(engine.stats().streams).toBe(before);
  });

  test('ends by itself when the track does, with every frame read', async () => {
    const { messages, exited } = listen(tracks[3]!.track);
    await until(() => messages.length > 0, 'frames flow');
    await tracks[3]!.track.close();
    expect(await exited).toBe(0);
    expect(messages.at(-1)).toMatchObject({ ended: true, stats: { framesDropped: 0 } });
  });

  test('blocking the main thread does not disturb it', async () => {
    const { worker, messages, exited } = listen(tracks[1]!.track);
    await until(() => messages.length > 0, 'frames flow');
    const local = new AudioStream(tracks[1]!.track, 16_000);
    block(300);
    await until(() => local.stats().framesIn > 20, 'frames came meanwhile');
    expect(local.stats().framesDropped).toBe(0);
    local.close();
    await worker.terminate();
    await exited;
  });
});

test('without install(), the error says what to do', async () => {
  const { stdout } = await runNode('./worker-not-installed.mjs');
  expect(JSON.parse(stdout)).toMatchObject({
    name: 'NarrowcastError',
    code: 'ENGINE_NOT_INSTALLED',
    message: expect.stringContaining('install()'),
  });
});
