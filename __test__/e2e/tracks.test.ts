import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, test } from 'vitest';
import { runNode } from '../support/child.js';
// Main thread and workers have to share one addon: this one is dist's, as theirs is.
import { AudioStream, install, openTracks } from '../support/engine-meeting.mjs';
import { until } from '../support/wait.mjs';

const CLEAN = { status: 0, signal: null, stderr: '' };

describe('a process with tracks', () => {
  it.each([
    ['nothing is waited for', ['last line']],
    ['what is waited for is not played', ['last line']],
    ['all were stopped', ['last line']],
    ['a frame is waited for', ['last line', '960']],
    ['uninstalled while piped', ['last line']],
    ['stopped while piped', ['last line', ...Array(8).fill('resolved')]],
    ['playout is waited for while piped', ['last line', 'played']],
  ])(
    'ends by itself when it has nothing else to do (%s)',
    async (how, lines) => {
      const stdout = [...lines, ''].join('\n');
      expect(await runNode('end-with-tracks.mjs', [how])).toEqual({ ...CLEAN, stdout });
    },
    90_000,
  );

  it.each(['exit while a frame is waited for', 'exit while piped'])(
    'exits with the status it was given (%s)',
    async (how) => {
      expect(await runNode('end-with-tracks.mjs', [how])).toEqual({ ...CLEAN, status: 7, stdout: '' });
    },
    90_000,
  );

  it('says no more than the uncaught error (throw while piped)', async () => {
    const { status, signal, stderr } = await runNode('end-with-tracks.mjs', ['throw while piped']);
    expect([status, signal]).toEqual([1, null]);
    expect(stderr).toContain('Error: mine');
    expect(stderr).not.toMatch(/panicked|napi|FATAL|error calling/i);
  }, 90_000);
});

describe('a worker thread that pipes a track', () => {
  const engine = install();
  afterAll(() => engine.uninstall());

  test.each(['terminated', 'exit', 'by itself'])('may end in any way (%s), and plays no more', async (how) => {
    const [{ source, track }] = openTracks(1) as [ReturnType<typeof openTracks>[0]];
    const heard = new AudioStream(track, 16_000);
    const worker = new Worker(new URL('../support/piping-worker.mjs', import.meta.url), {
      workerData: { handle: source.ffiHandle.handle, how },
    });
    const exited = once(worker, 'exit');
    await once(worker, 'message');
    await until(() => heard.stats().framesIn > 5, 'it plays');
    if (how === 'terminated') void worker.terminate();
    else worker.postMessage('end');
    expect(await exited).toEqual([{ terminated: 1, exit: 3, 'by itself': 0 }[how]]);
    const { framesIn } = heard.stats();
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 5));
    // But for what was under way.
    expect(heard.stats().framesIn - framesIn).toBeLessThanOrEqual(1);
    heard.close();
  });
});
