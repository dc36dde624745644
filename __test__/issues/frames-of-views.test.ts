import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// rtc-node passes the engine the start of the samples' buffer, whatever part of it they are. livekit/agents-js#621 and
// livekit/agents-js#2068 are the same mistake elsewhere: an agent that says what else was in memory.
test('a frame whose samples are a part of a buffer is played and resampled as such', async () => {
  const { plain, narrowcast } = await runOnBoth('frames-of-views');
  expect(plain).toEqual({ played: false, playedTheStart: true, resampled: false });
  expect(narrowcast).toEqual({ played: true, playedTheStart: false, resampled: true });
}, 130_000);
