import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageFolder } from '../../scripts/runtimes.mjs';
import { installedApp, type App } from './apps.js';
import { hasRuntime, runtime } from './runtimes.js';

let app: App;
beforeAll(async () => {
  app = await installedApp();
});

const smoke = { status: 0, stdout: 'smoke\n', stderr: '' };

describe('a Node that may load no addons is told so in one sentence', () => {
  const says =
    /^NarrowcastError: narrowcast is a native addon, and this Node may load none: start it without `--no-addons`, or with `--allow-addons` beside `--permission`\.$/m;

  it.each(['smoke.mjs', 'use.cjs'])('--no-addons (%s)', async (file) => {
    const { status, stderr } = await app.run(['--no-addons', file]);
    expect(stderr).toMatch(says);
    expect(status).toBe(1);
  });

  describe.runIf(hasRuntime('node-24'))('--permission', () => {
    const flags = ['--permission', '--allow-fs-read=*'];

    it('without --allow-addons', async () => {
      const { status, stderr } = await app.run([...flags, 'smoke.mjs'], runtime('node-24'));
      expect(stderr).toMatch(says);
      expect(status).toBe(1);
    });

    it('with --allow-addons all works', async () => {
      const { status, stdout } = await app.run([...flags, '--allow-addons', 'smoke.mjs'], runtime('node-24'));
      expect([status, stdout]).toEqual([0, 'smoke\n']);
    });

    it('with no more to read than the application', async () => {
      const read = [`--allow-fs-read=${app.folder}`, `--allow-fs-read=${join(app.folder, '*')}`];
      const { status, stdout } = await app.run(
        ['--permission', ...read, '--allow-addons', 'smoke.mjs'],
        runtime('node-24'),
      );
      expect([status, stdout]).toEqual([0, 'smoke\n']);
    });
  });
});

it('all works under jest', async () => {
  mkdirSync(join(app.folder, 'jest'), { recursive: true });
  writeFileSync(
    join(app.folder, 'jest', 'use.test.cjs'),
    `const narrowcast = require('narrowcast');
     const { useAll } = require('../use-all.cjs');
     test('narrowcast', () => useAll(narrowcast), 60000);`,
  );
  const config = JSON.stringify({ rootDir: join(app.folder, 'jest'), testMatch: ['**/*.test.cjs'], transform: {} });
  const jest = join(packageFolder('jest@30.5.2'), 'bin', 'jest.js');
  const { status, stderr } = await app.run([jest, '--config', config, '--ci', '--no-cache', '--watchman=false']);
  expect(stderr).toMatch(/Tests: +1 passed, 1 total/);
  expect(status).toBe(0);
});

describe('process.exit() with wakes under way ends the process with its status', () => {
  it.each([
    ['Node', [] as string[], () => process.execPath],
    ['Bun', [], () => runtime('bun')],
    ['Deno', ['run', '--allow-all', '--node-modules-dir=manual'], () => runtime('deno')],
  ])('on %s', async (_, flags, program) => {
    for (let i = 0; i < 10; i++) {
      const { status, stdout, stderr } = await app.run([...flags, 'exit.mjs', String(i)], program());
      expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: 'exits\n', stderr: '' });
    }
  });
});

it('loads in a worker thread first, then in the main thread', async () => {
  writeFileSync(
    join(app.folder, 'worker-first.mjs'),
    `import { Worker } from 'node:worker_threads';
     const code = "import('narrowcast').then(({ FfiQueue }) => new FfiQueue({ types: ['a'] }).close())";
     for (let i = 0; i < 3; i++) {
       const worker = new Worker(code, { eval: true });
       const status = await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
       if (status !== 0) process.exit(status);
     }
     await import('./smoke.mjs');`,
  );
  expect(await app.run(['worker-first.mjs'])).toEqual(smoke);
});
