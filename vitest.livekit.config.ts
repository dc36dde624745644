import { defineConfig } from 'vitest/config';

// What needs a real server: `npm run test:livekit`.
export default defineConfig({
  test: {
    include: ['__test__/server/**/*.test.ts', '__test__/issues/**/*.server.ts'],
    globalSetup: '__test__/server/setup.ts',
    pool: 'forks',
    execArgv: ['--expose-gc'],
    fileParallelism: false, // each has several processes that play and listen in real time
    testTimeout: 60_000,
  },
});
