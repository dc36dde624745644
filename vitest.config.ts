import { defineConfig } from 'vitest/config';
import { ENGINE_TESTS } from './scripts/platforms/engine-tests.mjs';

// For a platform that LiveKit has no engine for: scripts/platforms.
const withoutEngine = process.env['NARROWCAST_NO_ENGINE'] === '1' ? ENGINE_TESTS : [];

const addon = process.env['NARROWCAST_TEST_ADDON'];

// Tests import `../src/*.js`, compiled on the fly. What runs in a child process or a worker thread uses `dist`.
export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    // vitest.livekit.config.ts, vitest.conformance.config.ts
    exclude: ['__test__/server/**', '__test__/conformance/**', ...withoutEngine],
    pool: 'forks', // a process for each file: the addon's process-wide state never leaks into the next file
    execArgv: ['--expose-gc'],
    // Another build of the addon, of `npm run test:sanitizers`. The variable would replace the bundler's addon, too, so only
    // the tests' processes get it.
    env: addon ? { NAPI_RS_NATIVE_LIBRARY_PATH: addon } : {},
    // Tests have limits of their own where they wait; a machine that does other things makes any of them slow.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
