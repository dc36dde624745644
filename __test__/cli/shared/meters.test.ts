import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { Meters, type Reading } from '../../../src/cli/shared/meters.js';
import { Sampler } from '../../../src/cli/shared/sampler.js';
import { threadClock } from '../../../src/cli/shared/thread-clock.js';

const clock = threadClock();

/** Works that long: on a machine with other things to do it takes longer. */
function block(ms: number): void {
  for (const end = clock.now() + ms; clock.now() < end;);
}

async function measure(work: (meters: Meters) => void): Promise<Reading> {
  const meters = new Meters();
  await meters.idle(300);
  meters.start();
  // Out of this test's own callback: the loop counts as busy only for what it runs.
  await sleep(20);
  work(meters);
  await sleep(20);
  meters.stop(100);
  return meters.read(100);
}

/** Windows counts a thread's time, and fires timers, in steps of 15.6 ms. */
const coarse = process.platform === 'win32';

test('Meters: the thread time is a share of the time, and divided by the frames; nothing is subtracted', async () => {
  const before = { wall: performance.now(), thread: clock.now() };
  const { mainThreadPercent, mainThreadUsPerFrame, idlePercent, cpuPercent, lagMs } = await measure(() => block(400));
  const wall = performance.now() - before.wall;
  const thread = clock.now() - before.thread;

  expect(mainThreadUsPerFrame).toBeGreaterThanOrEqual(4000);
  expect(mainThreadUsPerFrame).toBeLessThanOrEqual(thread * 10);
  // The two are the same time.
  expect(mainThreadPercent).toBeGreaterThan((mainThreadUsPerFrame! / 10 / wall) * 100);
  // Measuring alone may be less than a step of the clock.
  if (!coarse) expect(idlePercent).toBeGreaterThan(0);
  expect((cpuPercent / 100) * wall).toBeGreaterThan(350);
  expect(lagMs.max).toBeGreaterThan(370);
});

test.skipIf(coarse)('Meters.sample: parts of a meeting have figures of their own', async () => {
  const meters = new Meters();
  await meters.idle(300);
  const first = meters.start();
  await sleep(20);
  block(300);
  await sleep(20);
  const busy = meters.sample(100);
  await sleep(100);
  const idle = meters.sample(200);
  const nothing = meters.sample(200);
  meters.stop(200);

  const none = { mainThreadPercent: null, mainThreadUsPerFrame: null, cpuPercent: null };
  expect(first).toEqual({ at: 0, rssMb: expect.any(Number), lagMs: null, ...none });
  expect(busy.at).toBeGreaterThan(0.3);
  expect(busy.mainThreadUsPerFrame).toBeGreaterThanOrEqual(3000);
  expect(busy.lagMs!.max).toBeGreaterThan(270);
  expect(idle.at).toBeGreaterThan(busy.at);
  expect(idle.mainThreadUsPerFrame).toBeLessThan(1000);
  // No frame, no time of one.
  expect(nothing.mainThreadUsPerFrame).toBeNull();
});

test.skipIf(coarse)('Meters: the figures end with the latest sample, and begin after the warm-up', async () => {
  const meters = new Meters();
  meters.start();
  block(200);
  meters.begin(10);
  await sleep(50);
  meters.sample(110);
  const { mainThreadUsPerFrame } = meters.read(110);
  block(200);

  expect(mainThreadUsPerFrame).toBeLessThan(1500);
  // Frames that came since are not in it, either.
  expect(meters.read(500).mainThreadUsPerFrame).toBe(mainThreadUsPerFrame);
});

test.skipIf(coarse)('Meters: half of the seconds lies between two values, where there are four or more', async () => {
  const meters = new Meters();
  meters.start();
  for (const ms of [20, 80, 40]) {
    block(ms);
    meters.sample(0);
  }
  expect(meters.read(0).halfOfSeconds.mainThreadPercent).toBeNull();
  await sleep(100);
  meters.sample(0);
  const [low, high] = meters.read(0).halfOfSeconds.mainThreadPercent!;

  expect(low).toBeLessThan(high);
  expect(meters.read(0).halfOfSeconds.mainThreadUsPerFrame).toBeNull();
});

test('Meters.apart: what is apart is left out of the thread time, and shows in the delay', async () => {
  const { mainThreadUsPerFrame, lagMs } = await measure((meters) => meters.apart(() => block(400)));

  // null where nothing is left of a step of the clock.
  expect(mainThreadUsPerFrame ?? 0).toBeLessThan(2000);
  expect(lagMs.max).toBeGreaterThan(370);
});

test.skipIf(coarse)('Meters: an idle thread has next to no delay, and a sensible memory', async () => {
  const { lagMs, rssMb } = await measure(() => {});

  expect(lagMs.p50).toBeLessThan(5);
  expect(rssMb.start).toBeGreaterThan(20);
  expect(rssMb.end).toBeGreaterThan(20);
  expect(rssMb.end).toBeLessThan(4000);
});

test('Meters.stop: readings stay', () => {
  const meters = new Meters();
  meters.start();
  meters.stop(1);
  const before = meters.read(1);
  block(50);

  expect(meters.read(1)).toEqual(before);
});

test('Meters: a clock that stands still gives null, and not 0', async () => {
  const still = new Meters({ kind: 'processor', now: () => 7 });
  await still.idle(20);
  still.start();
  await sleep(20);
  still.sample(100);
  still.stop(100);

  expect(still.read(100)).toMatchObject({ mainThreadPercent: null, idlePercent: null, mainThreadUsPerFrame: null });
});

test('Sampler: two with the same origin sample at the same moments, after a second of warming up', async () => {
  const origin = performance.now() - 100;
  const samplers = [new Sampler(new Meters(), () => 0, { origin, warmUp: true })];
  samplers[0]!.start();
  await sleep(300);
  samplers.push(new Sampler(new Meters(), () => 0, { origin, warmUp: true }));
  const later = performance.now() - origin;
  samplers[1]!.start();
  await vi.waitUntil(() => samplers.every(({ samples }) => samples.length >= 3), { timeout: 30_000 });
  for (const sampler of samplers) sampler.stop();
  const [first, second] = samplers.map(({ samples }, at) =>
    samples.slice(1, 3).map((sample) => Math.round((sample.at * 1000 + (at === 0 ? 100 : later)) / 1000)),
  );

  expect(first).toEqual([2, 3]);
  expect(second).toEqual(first);
});
