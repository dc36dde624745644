import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { Meters } from '../../src/cli/meters.js';
import { threadClock } from '../../src/cli/thread-clock.js';

// Work of so long takes longer on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const clock = threadClock();

/** Works that long: on a machine with other things to do it takes longer. */
function block(ms: number): void {
  for (const end = clock.now() + ms; clock.now() < end;);
}

async function measure(work: (meters: Meters) => void): Promise<ReturnType<Meters['read']>> {
  const meters = new Meters();
  await meters.calibrate();
  meters.start();
  // Out of this test's own callback: the loop counts as busy only for what it runs.
  await sleep(20);
  work(meters);
  await sleep(20);
  meters.stop();
  return meters.read(100);
}

test('work of the thread is divided by the frames', async () => {
  const { mainThreadUsPerFrame, cpuPercent, lagMs } = await measure(() => block(400));

  expect(mainThreadUsPerFrame).toBeGreaterThan(3500);
  expect(cpuPercent).toBeGreaterThan(10);
  expect(lagMs.max).toBeGreaterThan(390);
});

test('parts of a meeting have figures of their own', async () => {
  const meters = new Meters();
  await meters.calibrate();
  const first = meters.start();
  await sleep(20);
  block(300);
  await sleep(20);
  const busy = meters.sample(100);
  await sleep(100);
  const idle = meters.sample(200);
  const nothing = meters.sample(200);
  meters.stop();

  expect(first).toEqual({ at: 0, rssMb: expect.any(Number), lagMs: null, mainThreadUsPerFrame: null });
  expect(busy.at).toBeGreaterThan(0.3);
  expect(busy.mainThreadUsPerFrame).toBeGreaterThan(2600);
  expect(busy.lagMs!.max).toBeGreaterThan(290);
  expect(idle.at).toBeGreaterThan(busy.at);
  expect(idle.mainThreadUsPerFrame).toBeLessThan(1000);
  // No frame, no time of one.
  expect(nothing.mainThreadUsPerFrame).toBeNull();
});

test('what the playing of others takes is left out', async () => {
  const meters = new Meters();
  // A third of the thread's time, before and during the meeting.
  const play = () => {
    const timer = setInterval(() => block(5), 15);
    return () => clearInterval(timer);
  };
  await meters.calibrate(play);
  meters.start();
  const silence = play();
  await sleep(600);
  silence();
  meters.stop();
  const without = new Meters();
  await without.calibrate();
  without.start();
  const again = play();
  await sleep(600);
  again();
  without.stop();

  expect(meters.read(100).mainThreadUsPerFrame).toBeLessThan(0.7 * without.read(100).mainThreadUsPerFrame);
});

test('what is apart is left out of the time per frame, and shows in the delay', async () => {
  const { mainThreadUsPerFrame, lagMs } = await measure((meters) => meters.apart(() => block(400)));

  expect(mainThreadUsPerFrame).toBeLessThan(2000);
  expect(lagMs.max).toBeGreaterThan(390);
});

test('an idle thread has next to no delay, and a sensible memory', async () => {
  const { lagMs, rssMb } = await measure(() => {});

  expect(lagMs.p50).toBeLessThan(5);
  expect(rssMb.start).toBeGreaterThan(20);
  expect(rssMb.end).toBeGreaterThan(20);
  expect(rssMb.end).toBeLessThan(4000);
});

test('after the end, readings stay', async () => {
  const meters = new Meters();
  meters.start();
  meters.stop();
  const before = meters.read(1);
  block(50);

  expect(meters.read(1)).toEqual(before);
});

test('what comes after the end, waited for in vain, is left out', async () => {
  const meters = new Meters();
  await meters.calibrate();
  meters.start();
  await sleep(20);
  meters.mayBeOver();
  block(300);
  await sleep(20);
  meters.stop();

  expect(meters.read(100).mainThreadUsPerFrame).toBeLessThan(1500);
});

test('no frames cost nothing', () => {
  const meters = new Meters();
  meters.start();

  expect(meters.read(0).mainThreadUsPerFrame).toBe(0);
});
