import { defineConfig } from 'vitest/config';

// Tests in a real Chromium: `npm run test:browser`. Few and long, one after the other: each fills the machine.
export default defineConfig({
  test: {
    include: ['__test__/browser/**/*.browser.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Without a Chromium all are skipped.
    passWithNoTests: true,
    // The style of a report, which is looked at.
    css: true,
  },
});
