import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// livekit/agents-js#1431: rtc-node's resampler works between equal rates, too, and changes what it is given. The agents
// now go round it where they resample streams.
test('between equal rates a resampler does nothing', async () => {
  const { plain, narrowcast } = await runOnBoth('equal-rates');
  expect(plain).toEqual({ theFrameItself: false, length: 16_000, exact: false });
  expect(narrowcast).toEqual({ theFrameItself: true, length: 16_000, exact: true });
}, 130_000);
