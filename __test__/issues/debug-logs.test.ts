import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// rtc-node asks the engine for its logs, down to debug level, and no JavaScript code reads them: livekit/rust-sdks#246
// made them events. Off they can't be: the engine would print them itself, tokens included.
test("the engine's logs are not decoded without a listener", async () => {
  const { plain, narrowcast } = await runOnBoth<{ logs: number }>('debug-logs');
  expect(plain.logs).toBeGreaterThanOrEqual(10);
  expect(narrowcast.logs).toBe(0);
}, 130_000);
