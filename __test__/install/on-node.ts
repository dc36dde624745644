import { beforeAll, expect, it } from 'vitest';
import { installedApp, type App } from './apps.js';
import { runtime } from './runtimes.js';

/** What must work on every Node that narrowcast is for. */
export function worksOn(name: Parameters<typeof runtime>[0]): void {
  let app: App;
  let node: string;
  beforeAll(async () => {
    node = runtime(name);
    app = await installedApp();
  });

  it('is the runtime that it is called', async () => {
    const { stdout } = await app.run(['--print', '`node-${process.versions.node.split(".")[0]}`'], node);
    expect(stdout).toBe(`${name}\n`);
  });

  it.each(['use.mjs', 'use.cjs'])(
    'events, streams, the resampler, worker threads and the end of the process (%s)',
    async (file) => {
      expect(await app.run([file], node)).toEqual({ status: 0, stdout: 'all used\n', stderr: '' });
    },
  );
}
