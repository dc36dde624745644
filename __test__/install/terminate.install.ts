import { beforeAll, describe, expect, it } from 'vitest';
import { installedApp, type App } from './apps.js';
import { hasRuntime, runtime } from './runtimes.js';

/** Each is a thread of its own: on a busy machine that takes minutes. */
const TIMES = 1000;

let app: App;
beforeAll(async () => {
  app = await installedApp();
});

describe.each(['node-20', 'node-22', 'node-24'] as const)('on %s', (name) => {
  it.runIf(hasRuntime(name))(
    `${TIMES} workers are terminated with events and frames under way`,
    async () => {
      const { status, stdout, stderr } = await app.run(['terminate.mjs', String(TIMES)], runtime(name), 900_000);
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${TIMES} terminated\n`, stderr: '' });
    },
    900_000,
  );
});
