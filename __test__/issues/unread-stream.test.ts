import { expect, test } from 'vitest';
import { runOnBoth } from './sides.js';

// rtc-node puts each frame into its ReadableStream's queue, whose size it never looks at: 4 MB a minute for speech that
// is not read. livekit/agents-js#1462 is an agent that ran into it.
test('an unread stream keeps what it is told to keep, and counts the rest', async () => {
  const { plain, narrowcast } = await runOnBoth('unread-stream');
  expect(plain).toEqual({ arrived: 60, kept: 60, counted: 0 });
  expect(narrowcast).toEqual({ arrived: 60, kept: 10, counted: 50 });
}, 130_000);
