import { defineConfig } from 'vitest/config';

// What a user installs, as a user installs it: `npm run test:install`.
export default defineConfig({
  test: {
    include: ['__test__/install/**/*.install.ts'],
    globalSetup: '__test__/install/setup.ts',
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
