import { expect, inject, test } from 'vitest';
import { runOnBoth } from './sides.js';

// rtc-node's Room listens to the client until the program leaves it, which is not done where the server has closed it: it
// stays, hears every event of all rooms after it, and is never collected. livekit/python-sdks#699 is the same in Python.
test('a room that the server closes is heard of no more', async () => {
  const { plain, narrowcast } = await runOnBoth('rooms-closed', {
    args: [JSON.stringify(inject('livekit'))],
    limitMs: 120_000,
  });
  expect(plain).toEqual({ listeners: [1, 2, 3, 4, 5], collected: false });
  expect(narrowcast).toEqual({ listeners: [0, 0, 0, 0, 0], collected: true });
}, 250_000);
