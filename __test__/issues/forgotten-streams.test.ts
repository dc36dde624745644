import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// What feeds a stream of rtc-node listens to the client, which holds it: it takes in frames, for ever, that no reader can get
// any more. livekit/rust-sdks#539 made the engine drop such streams with their room, and not before. The streams themselves
// are collected on Node 20 only: from Node 22 on, a ReadableStream's controller holds its stream, and the listener has that.
const held = Number.parseInt(process.versions.node, 10) < 22 ? 0 : 20;

test('a stream that is forgotten ends', async () => {
  const { plain, narrowcast } = await runOnBoth('forgotten-streams');
  expect(plain).toEqual({ left: held, listeners: 20, frames: 20 });
  expect(narrowcast).toEqual({ left: 0, listeners: 0, frames: 0 });
}, 130_000);
