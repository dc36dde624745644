import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { install } from '../../src/livekit/index.js';
import { farEnd, isWhole, type FarVoice } from '../support/far-end.js';
import { roomName, token } from '../support/room.js';

const engine = install();
const { url } = inject('livekit');
afterAll(() => engine.uninstall());

async function open(agent: { voice: FarVoice; queueMs: number; speechBufferMs?: number }) {
  const name = roomName();
  const end = await farEnd(url, (identity) => token(name, identity), agent);
  onTestFinished(() => end.leave());
  return end;
}

describe.each<[string, { voice: FarVoice; queueMs: number }]>([
  ['an AudioSource', { voice: 'source', queueMs: 1000 }],
  ['a track that is piped to a source with a queue', { voice: 'queued', queueMs: 1000 }],
  ['a track that is piped to a source without a queue', { voice: 'direct', queueMs: 0 }],
])('%s, heard at the other end of a room', (_, agent) => {
  // What else the machine does may make a gap anywhere: in the engine, in the server, or here.
  test('an interruption: what was heard is known, and the next utterance is whole', { retry: 2 }, async () => {
    const end = await open(agent);
    for (const [afterMs, gapMs] of [
      [237, 0],
      [411, 30],
      [155, 0],
      [333, 50],
    ] as const) {
      const { knownMs, heardMs, next } = await end.bargeIn(afterMs, gapMs);
      expect({ next, whole: isWhole(next) }).toEqual({ next, whole: true });
      expect(heardMs).toBeGreaterThan(0);
      // Idle it is within 10 ms: `npm run bench -- speaking --only far-end`.
      expect(Math.abs(knownMs - heardMs), `${knownMs} ms known, ${heardMs} heard`).toBeLessThanOrEqual(25);
    }
  });
});

test('a thread that is blocked for 300 ms in every second makes no gap with a speech buffer, and does without', async () => {
  const agents = { queueMs: 200 };
  const without = await (await open({ voice: 'peer', ...agents })).blocked();
  const heard = await (await open({ voice: 'source', ...agents, speechBufferMs: 1000 })).blocked();
  expect(without.gaps, 'the thread is blocked').toBeGreaterThan(0);
  expect(heard).toMatchObject({ gaps: 0 });
  expect(heard.missingMs).toBeLessThan(30);
});
