import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// Each stream of rtc-node, and each frame that its sources wait for, adds a listener that sees every event, to find the one
// that is its own: with 32 streams a frame of one is looked at by 32. livekit/node-sdks#225 took away the limit that warned.
test('streams and captured frames add no listener that sees every event', async () => {
  const { plain, narrowcast } = await runOnBoth('listeners');
  expect(plain).toEqual({ reading: 8, capturing: 5, after: 0 });
  expect(narrowcast).toEqual({ reading: 0, capturing: 0, after: 0 });
}, 130_000);
