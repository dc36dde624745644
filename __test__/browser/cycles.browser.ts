import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Setup } from '../../bench/browser/calls.js';
import { cycles, flows, type Cycle } from '../../bench/browser/cycles.js';
import { Stage } from '../../bench/browser/stage.js';
import { chromium, LIMIT_MS } from './support.js';

// Small pictures, so that a small machine can encode all of their layers in software.
const setup: Setup = {
  way: 'pool',
  anchored: true,
  width: 480,
  height: 270,
  framesPerSecond: 10,
  layers: ['h', 'f'],
  keepTracks: false,
};

describe.skipIf(chromium === undefined)('publishing and unpublishing in a browser', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(chromium!);
  });
  afterAll(() => stage?.close());

  const run = async (kind: 'audio' | 'video', options: Partial<Setup>, count: number): Promise<Cycle[]> => {
    const seen: Cycle[] = [];
    for await (const cycle of cycles(stage, kind, { ...setup, ...options }, { count, limitMs: LIMIT_MS }))
      seen.push(cycle);
    return seen;
  };

  /** One m-line beside the data channel's; all that was sent arrived; the offer did not grow. */
  const expectNoGrowth = (seen: Cycle[], freed: string, reuse = false) => {
    for (const [i, cycle] of seen.entries()) {
      const transceivers = reuse ? 1 : 0;
      expect(cycle).toMatchObject({ flowed: true, reused: reuse && i > 0, freed, transceivers, sections: 2 });
    }
    expect(seen.at(-1)!.sdpBytes / seen[0]!.sdpBytes).toBeLessThanOrEqual(1.1);
  };

  it('of simulcast video uses one m-line, and every layer flows each time', async () => {
    expectNoGrowth(await run('video', {}, 5), 'shrunk');
  });

  it("with reuse: 'sender' uses one sender, and every layer flows each time", async () => {
    expectNoGrowth(await run('video', { options: { reuse: 'sender' } }, 5), 'shrunk', true);
  });

  it.for(['releaseSender', 'stop'] as const)('by %s uses one m-line, without a pool', async (way) => {
    expectNoGrowth(await run('video', { way }, 3), way === 'stop' ? 'none' : 'shrunk');
  });

  it('on the first m-line of all keeps that one, and goes on with a second', async () => {
    const seen = await run('video', { anchored: false }, 4);
    expect(seen.map(({ flowed, transceivers, sections }) => [flowed, transceivers, sections])).toEqual([
      [true, 1, 1],
      [true, 1, 2],
      [true, 1, 2],
      [true, 1, 2],
    ]);
  });

  it('by stop alone, on the only m-line, flows each time over a transport that is begun anew', async () => {
    const { sender, receiver } = stage;
    await receiver.open();
    await sender.open({ ...setup, way: 'stop', anchored: false });
    const ufrags = new Set<string>();
    for (let cycle = 0; cycle < 4; cycle++) {
      await sender.publish('video');
      expect(await flows(stage, 'video', setup, LIMIT_MS)).toBe(true);
      for (const ufrag of await sender.ufrags()) ufrags.add(ufrag);
      await sender.unpublish('video');
    }
    expect([ufrags.size, await sender.counts()]).toEqual([4, expect.objectContaining({ sections: 1 })]);
    await sender.close();
    await receiver.close();
  });

  it('of a track that is kept alive does so, too', async () => {
    expectNoGrowth(await run('video', { keepTracks: true, layers: [] }, 3), 'shrunk');
  });

  it('of audio uses one m-line', async () => {
    expectNoGrowth(await run('audio', {}, 10), 'stopped');
  });

  // Each browser must have it, so that not all of the following are nothing.
  it('knows VP8', async () => {
    expect(await stage.sender.codecs(['video/VP8'])).toEqual(['video/VP8']);
  });

  it.for(['video/VP8', 'video/VP9', 'video/AV1', 'video/H264'])(
    'works with %s, where the browser has it',
    async (codec, context) => {
      const [has] = await stage.sender.codecs([codec]);
      if (!has) return context.skip('the browser has no such codec');
      expectNoGrowth(await run('video', { codec }, 2), 'shrunk');
    },
  );

  it('of audio, and of video on the first m-line beside it, starts no transport anew', async () => {
    const { sender, receiver } = stage;
    await receiver.open();
    await sender.open({ ...setup, layers: [], anchored: false });
    const ufrags = new Set<string>();
    await sender.publish('video');
    await sender.publish('audio');
    for (let cycle = 0; cycle < 5; cycle++) {
      if (cycle > 0) await sender.publish('video');
      for (const kind of ['audio', 'video'] as const) {
        expect(await flows(stage, kind, { layers: [] }, LIMIT_MS)).toBe(true);
      }
      await sender.unpublish('video');
      for (const ufrag of await sender.ufrags()) ufrags.add(ufrag);
    }
    expect(await sender.counts()).toMatchObject({ transceivers: 2, sections: 3 });
    expect(await sender.stats()).toMatchObject({ created: 6, leased: 1, anchors: 1, stopped: 4, failed: 0, lost: 0 });
    expect([ufrags.size, await sender.check()]).toEqual([1, []]);
    await sender.close();
    await receiver.close();
  });

  it('without a pool does grow, so what is seen above is seen for a reason', async () => {
    const seen = await run('video', { way: 'plain' }, 2);
    expect(seen.map(({ transceivers, sections }) => [transceivers, sections])).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });
});
