import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from '../../bench/browser/chromium.js';
import type { Joining, Seen, Shape } from '../../bench/browser/room-calls.js';
import {
  COLORS,
  joinRoom,
  looks,
  networkGone,
  openServer,
  sees,
  startServer,
  type Color,
  type Participant,
  type Server,
} from '../../bench/browser/room.js';
import { chromium, LIMIT_MS } from './support.js';

/** Publications after the first; `NARROWCAST_CYCLES` for more or fewer. */
const AGAIN = Number(process.env['NARROWCAST_CYCLES'] ?? 3);
const HOLDS_MS = [1000, 5000];
const NO_SERVER = 'there is no LiveKit server to try it on';
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Small, so that a small machine can encode all layers in software. */
const CAMERA: Shape = { source: 'camera', width: 960, height: 540, layers: 3, color: COLORS.red };
const SMALL_CAMERA: Shape = { ...CAMERA, width: 480, height: 270, layers: 2 };
const SCREEN: Shape = { source: 'screen_share', width: 480, height: 270, layers: 2, color: COLORS.blue };

describe.skipIf(chromium === undefined)('livekit-client through a pool, on a real server', () => {
  let server: Server | undefined;
  let browser: Browser | undefined;
  const rooms = { count: 0 };
  beforeAll(async () => {
    server = await openServer();
    browser = await launch(chromium!);
  }, 900_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** A room of its own for each test: who publishes, and who watches. */
  const meet = async (joining: Partial<Joining> = {}, client?: string, on = server!) => {
    const room = `${process.pid}-${rooms.count++}`;
    const { encrypted = false } = joining;
    const watcher = await joinRoom(browser!, on, room, 'watcher', { way: 'plain', encrypted });
    const sharer = await joinRoom(browser!, on, room, 'sharer', { way: 'pool', ...joining }, client);
    const leave = async () => {
      for (const each of [watcher, sharer]) await each.page.context().close();
    };
    return { watcher, sharer, leave };
  };
  /** Throws if it does not see that in time. */
  const expectSeen = async (watcher: Participant, what: string, condition: (seen: Seen[]) => boolean) => {
    const { is, seen } = await sees(watcher, condition, LIMIT_MS);
    if (!is) throw new Error(`the watcher does not see ${what}, but ${JSON.stringify(seen)}`);
  };
  const expectPicture = (watcher: Participant, { source }: Shape, color: Color) =>
    expectSeen(watcher, `${source} in ${color}`, (all) =>
      looks(
        color,
        all.find((each) => each.source === source),
      ),
    );
  const expectNothing = (watcher: Participant) => expectSeen(watcher, 'nothing', (all) => all.length === 0);

  it(
    'publications that were held for 1 and 5 seconds are seen when they are published again',
    { timeout: 4 * LIMIT_MS },
    async (context) => {
      if (!server) return context.skip(NO_SERVER);
      const again = async (shape: Shape, color: Color) => {
        const { watcher, sharer, leave } = await meet();
        for (const holdMs of HOLDS_MS) {
          for (let i = 0; i <= AGAIN; i++) {
            await sharer.calls.publish('it', shape);
            await expectPicture(watcher, shape, color);
            await sleep(holdMs);
            await sharer.calls.unpublish('it');
            await expectNothing(watcher);
          }
        }
        const publications = HOLDS_MS.length * (AGAIN + 1);
        await expect
          .poll(() => sharer.calls.stats(), { timeout: LIMIT_MS })
          .toMatchObject({
            created: publications,
            stopped: publications,
            leased: 0,
            releasing: 0,
            stopping: 0,
            failed: 0,
            lost: 0,
          });
        expect(await sharer.calls.check()).toEqual([]);
        await leave();
      };
      await Promise.all([again(CAMERA, 'red'), again(SCREEN, 'blue')]);
    },
  );

  it('the oldest livekit-client that works does so, too', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet({}, 'livekit-client-2.0.0');
    for (let i = 0; i <= AGAIN; i++) {
      await sharer.calls.publish('it', SCREEN);
      await expectPicture(watcher, SCREEN, 'blue');
      await sleep(HOLDS_MS[0]!);
      await sharer.calls.unpublish('it');
      await expectNothing(watcher);
    }
    // Its first m-line is the first publication's.
    const rest = { leased: 0, releasing: 0, stopping: 0, anchors: 1, created: AGAIN + 1, stopped: AGAIN };
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject(rest);
    expect(await sharer.calls.check()).toEqual([]);
    await leave();
  });

  it('camera and screen that are published at once are not swapped', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet();
    let sections: number | undefined;
    for (let i = 0; i <= AGAIN; i++) {
      await Promise.all([sharer.calls.publish('cam', SMALL_CAMERA), sharer.calls.publish('scr', SCREEN)]);
      await expectPicture(watcher, CAMERA, 'red');
      await expectPicture(watcher, SCREEN, 'blue');
      await Promise.all([sharer.calls.unpublish('cam'), sharer.calls.unpublish('scr')]);
      await expectNothing(watcher);
      await expect.poll(async () => (await sharer.calls.stats())!.stopping, { timeout: LIMIT_MS }).toBe(0);
      const counts = await sharer.calls.counts();
      sections ??= counts.sections;
      expect(counts).toMatchObject({ sections, sending: 0 });
    }
    await leave();
  });

  it('each recycled m-line sends the codec that was asked for', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet();
    const screen: Shape = { ...SCREEN, layers: 1, codec: 'vp8' };
    for (let i = 0; i < 4; i++) {
      await sharer.calls.publish('it', { ...SMALL_CAMERA, codec: 'vp9' });
      await expectPicture(watcher, SMALL_CAMERA, 'red');
      // It stays, so the camera's m-line is not the last one: there, the server leaves the codec to the browser.
      if (i === 0) await sharer.calls.publish('screen', screen);
      await expectPicture(watcher, screen, 'blue');
      expect((await sharer.calls.sent()).codecs.toSorted()).toEqual(['video/VP8', 'video/VP9']);
      await sharer.calls.unpublish('it');
      await expectSeen(watcher, 'the screen alone', (all) => all.length === 1);
    }
    await leave();
  });

  it('publications that the server does not answer leave nothing lent', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { sharer, leave } = await meet();
    await sharer.calls.withhold('publications');
    const failed = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((name) => sharer.calls.publish(name, { ...SCREEN, width: 160, height: 90, layers: 1 })),
    );
    expect(failed.map(({ status }) => status)).toEqual(failed.map(() => 'rejected'));
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 0, releasing: 0 });
    expect(await sharer.calls.check()).toEqual([]);
    await sharer.calls.withhold('nothing');
    await leave();
  });

  it('encrypted publications are seen when they are published again', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet({ encrypted: true });
    for (let i = 0; i <= AGAIN; i++) {
      await sharer.calls.publish('it', SCREEN);
      await expectPicture(watcher, SCREEN, 'blue');
      expect((await watcher.calls.seen())[0]!.encrypted).toBe(true);
      await sharer.calls.unpublish('it');
      await expectNothing(watcher);
    }
    await leave();
  });

  it('a publication that the server refuses leaves nothing lent', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet({ mayPublish: ['camera'] });
    for (let i = 0; i < 2; i++) await expect(sharer.calls.publish('screen', SCREEN)).rejects.toThrow();
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 0, releasing: 0 });
    await sharer.calls.publish('camera', SMALL_CAMERA);
    await expectPicture(watcher, SMALL_CAMERA, 'red');
    expect([(await sharer.calls.stats())!.leased, await sharer.calls.check()]).toEqual([1, []]);
    await leave();
  });

  it('an answer without simulcast narrows that publication alone', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet();
    for (const [which, layers] of [
      ['simulcast', 1],
      ['nothing', 2],
    ] as const) {
      await sharer.calls.withhold(which);
      await sharer.calls.publish('it', SCREEN);
      await expectPicture(watcher, SCREEN, 'blue');
      expect(await sharer.calls.sent()).toMatchObject({ active: layers });
      await sharer.calls.unpublish('it');
      await expectNothing(watcher);
    }
    expect(await sharer.calls.check()).toEqual([]);
    await leave();
  });

  it('an offer that is lost is made again, with nothing lent twice', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet();
    await sharer.calls.withhold('offers');
    const published = sharer.calls.publish('it', SCREEN);
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 1 });
    await sleep(HOLDS_MS[0]!);
    await sharer.calls.withhold('nothing');
    await published;
    await expectPicture(watcher, SCREEN, 'blue');
    expect([(await sharer.calls.stats())!.leased, await sharer.calls.check()]).toEqual([1, []]);
    await sharer.calls.unpublish('it');
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 0, releasing: 0 });
    await leave();
  });

  it(
    'a tab in the background, with slow timers, gives everything back, too',
    { timeout: 4 * LIMIT_MS },
    async (context) => {
      if (!server) return context.skip(NO_SERVER);
      const { watcher, sharer, leave } = await meet({ background: true });
      const { sections } = await sharer.calls.counts();
      for (let i = 0; i < 3; i++) {
        await sharer.calls.publish('it', SCREEN);
        await expectPicture(watcher, SCREEN, 'blue');
        await sharer.calls.unpublish('it');
        await expectNothing(watcher);
      }
      const rest = { leased: 0, releasing: 0, stopping: 0, created: 3, stopped: 3, failed: 0, lost: 0 };
      await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject(rest);
      // A release takes seconds, and a publication does not wait for it that long.
      expect((await sharer.calls.counts()).sections - sections).toBeLessThanOrEqual(2);
      expect(await sharer.calls.check()).toEqual([]);
      await leave();
    },
  );

  it('a publication goes on when the network was gone', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet();
    await sharer.calls.publish('it', SCREEN);
    await expectPicture(watcher, SCREEN, 'blue');
    const gone = networkGone(sharer, 12_000);
    await expect.poll(() => sharer.calls.state(), { timeout: LIMIT_MS }).not.toBe('connected');
    await gone;
    await expect.poll(() => sharer.calls.state(), { timeout: LIMIT_MS }).toBe('connected');
    const { frames, sid } = (await watcher.calls.seen())[0] ?? { frames: 0, sid: '' };
    await expectSeen(
      watcher,
      'frames',
      ([now]) => now !== undefined && now.frames > (now.sid === sid ? frames + 3 : 3),
    );
    expect([(await sharer.calls.stats())!.leased, await sharer.calls.check()]).toEqual([1, []]);
    await sharer.calls.unpublish('it');
    await expectNothing(watcher);
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 0, releasing: 0 });
    await leave();
  });

  it(
    'a server that is restarted in the middle of a negotiation gets the publications anew',
    { timeout: 4 * LIMIT_MS },
    async (context) => {
      const first = await startServer();
      if (!first) return context.skip(NO_SERVER);
      const { watcher, sharer, leave } = await meet({}, undefined, first);
      await sharer.calls.publish('camera', SMALL_CAMERA);
      await expectPicture(watcher, SMALL_CAMERA, 'red');
      await sharer.calls.withhold('descriptions');
      const second = sharer.calls.publish('screen', SCREEN).then(
        () => true,
        () => false,
      );
      await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 2 });
      await first.close();
      const next = await startServer(new URL(first.url).port);
      const published = await second;
      for (const each of [sharer, watcher]) {
        await expect.poll(() => each.calls.state(), { timeout: LIMIT_MS }).toBe('connected');
      }
      await expectPicture(watcher, SMALL_CAMERA, 'red');
      if (published) await expectPicture(watcher, SCREEN, 'blue');
      expect([(await sharer.calls.stats())!.leased, await sharer.calls.check()]).toEqual([published ? 2 : 1, []]);
      await leave();
      await next!.close();
    },
  );

  it('a publication goes on through reconnects, and another can follow', { timeout: 8 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { watcher, sharer, leave } = await meet();
    for (const scenario of ['signal-reconnect', 'resume-reconnect', 'full-reconnect'] as const) {
      await sharer.calls.publish('it', SCREEN);
      await expectPicture(watcher, SCREEN, 'blue');
      const before = (await watcher.calls.seen())[0]!;
      await sharer.calls.simulate(scenario);
      await expectSeen(
        watcher,
        `frames after ${scenario}`,
        ([now]) => now !== undefined && (now.sid !== before.sid ? now.frames > 3 : now.frames > before.frames + 30),
      );
      await expect.poll(() => sharer.calls.state(), { timeout: LIMIT_MS }).toBe('connected');
      expect((await sharer.calls.stats())!.leased).toBe(1);
      await sharer.calls.unpublish('it');
      await expectNothing(watcher);
      expect(await sharer.calls.check()).toEqual([]);
    }
    // What livekit-client forgets while the connection has failed is found at the next offer.
    await sharer.calls.publish('it', SCREEN);
    await expectPicture(watcher, SCREEN, 'blue');
    await sharer.calls.unpublishWhileFailed('it');
    await sharer.calls.publish('other', { ...SCREEN, color: COLORS.green });
    await expectPicture(watcher, SCREEN, 'green');
    await expect.poll(() => sharer.calls.stats(), { timeout: LIMIT_MS }).toMatchObject({ leased: 1, releasing: 0 });
    await leave();
  });

  it('the connection of a room that was left is kept by nothing', { timeout: 4 * LIMIT_MS }, async (context) => {
    if (!server) return context.skip(NO_SERVER);
    const { sharer, leave } = await meet();
    await sharer.calls.publish('it', SCREEN);
    await sharer.calls.leave();
    const session = await sharer.page.context().newCDPSession(sharer.page);
    const left = async () => {
      await session.send('HeapProfiler.collectGarbage');
      return sharer.calls.left();
    };
    // livekit-client keeps the room itself in a FinalizationRegistry of its class, with a pool and without.
    await expect.poll(left, { timeout: LIMIT_MS, interval: 500 }).toMatchObject({ connections: 0, pools: 0 });
    await leave();
  });
});
