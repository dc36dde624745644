import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// `resampleStream` of @livekit/agents (livekit/agents-js#541) makes its resampler without the frame's channels, and lets it
// go when the stream is cancelled. That package, with all that it needs, is no dependency of this one: the plain side does
// the same with rtc-node's resampler, which does not look at a frame's channels, and Node's TransformStream.
test('a resampled stream has the channels of its frames, and is given back when it is cancelled', async () => {
  const { plain, narrowcast } = await runOnBoth('resampled-streams');
  // Half a second of sound has become one, at half its pitch.
  expect(plain).toEqual({ channels: [1], samplesPerChannel: 32_000, closedAtTheEnd: 1, closedWhenCancelled: 0 });
  expect(narrowcast).toEqual({ channels: [2], samplesPerChannel: 16_000, closedAtTheEnd: 1, closedWhenCancelled: 1 });
}, 130_000);
