import { beforeAll, expect, it } from 'vitest';
import { installedApp, type App } from './apps.js';
import { hasRuntime, runtime } from './runtimes.js';

let app: App;
beforeAll(async () => {
  app = await installedApp();
});

it.runIf(hasRuntime('node-26'))('events, a stream and the resampler work on Node 26', async () => {
  expect(await app.run(['smoke.mjs'], runtime('node-26'))).toEqual({ status: 0, stdout: 'smoke\n', stderr: '' });
});

it('… and on Bun', async () => {
  expect(await app.run(['smoke.mjs'], runtime('bun'))).toEqual({ status: 0, stdout: 'smoke\n', stderr: '' });
});

it('… and on Deno', async () => {
  const args = ['run', '--allow-all', '--node-modules-dir=manual', 'smoke.mjs'];
  expect(await app.run(args, runtime('deno'))).toMatchObject({ status: 0, stdout: 'smoke\n' });
});

it.runIf(hasRuntime('node-18')).each(['smoke.mjs', 'use.cjs'])(
  'Node 18 is told that narrowcast needs a newer one (%s)',
  async (file) => {
    const { status, stderr } = await app.run([file], runtime('node-18'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/NarrowcastError: narrowcast needs Node 20 or newer, and this is 18\./);
    expect(stderr).toContain("code: 'UNSUPPORTED_PLATFORM'");
  },
);
