import { defineConfig } from 'vitest/config';

// The same programs with rtc-node alone and with narrowcast: `npm run test:conformance`.
export default defineConfig({
  test: {
    include: ['__test__/conformance/*.test.ts'],
    globalSetup: '__test__/server/setup.ts',
    pool: 'forks',
    fileParallelism: false, // each test has a process for each side, which plays and listens in real time
    maxConcurrency: 2,
    // By chance rtc-node itself may not do the same twice: what differs two times is a fault.
    retry: 1,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
