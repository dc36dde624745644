import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Meters } from '../../src/cli/meters.js';

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
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

  expect(mainThreadUsPerFrame).toBeGreaterThan(3900);
  expect(cpuPercent).toBeGreaterThan(10);
  expect(lagMs.max).toBeGreaterThan(390);
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

test('no frames cost nothing', () => {
  const meters = new Meters();
  meters.start();

  expect(meters.read(0).mainThreadUsPerFrame).toBe(0);
});
