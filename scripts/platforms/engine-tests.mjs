/** Tests that are about LiveKit's engine, or hold a meeting on it: left out where there is none, and counted as skipped. */
export const ENGINE_TESTS = [
  '__test__/agents/**',
  '__test__/cli/doctor/**',
  '__test__/cli/meeting/{agent,meeting,comparison,participants}.test.ts',
  '__test__/cli/record/record.test.ts',
  '__test__/diagnostics/**',
  '__test__/docs/run.test.ts',
  '__test__/e2e/**',
  '__test__/issues/**',
  '__test__/livekit/**',
  // @roamhq/wrtc is for glibc, too.
  '__test__/webrtc/libraries.test.ts',
];
