import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// What feeds a stream of rtc-node listens to the client, which holds it: it takes in frames, for ever, that nobody can read
// any more. livekit/rust-sdks#539 made the engine drop such streams with their room, and not before.
test('a stream that is forgotten ends', async () => {
  const { plain, narrowcast } = await runOnBoth('forgotten-streams');
  expect(plain).toEqual({ left: 0, listeners: 20, frames: 20 });
  expect(narrowcast).toEqual({ left: 0, listeners: 0, frames: 0 });
}, 130_000);
