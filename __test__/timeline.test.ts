import { expect, test } from 'vitest';
import { Timeline } from '../src/timeline.js';

/** A recording at 1000 Hz, in which a sample is a ms. */
function timeline() {
  let now = 5000;
  const subject = new Timeline(1000, () => now);
  return { subject, at: (ms: number) => (now = 5000 + ms) };
}

const nothing = () => 0;

test('the first frame of a stream goes where the clock is, however late it is', () => {
  const { subject, at } = timeline();
  at(3010);

  expect(subject.pause(0, 10, nothing, true)).toBe(3000);
  expect(subject.pause(2995, 10, nothing, true)).toBe(5);
  expect(subject.pause(3000, 10, nothing, true)).toBe(0);
});

test('a recording that is ahead is not held up', () => {
  const { subject, at } = timeline();
  at(100);

  expect(subject.pause(150, 10, nothing, true)).toBe(0);
  expect(subject.pause(150, 10, nothing, false)).toBe(0);
});

test('frames that come one after the other make no gap, though each is a little late', () => {
  const { subject, at } = timeline();
  at(1000 + 200);

  expect(subject.pause(990, 10, nothing, false)).toBe(0);
  at(1000 + 201);
  expect(subject.pause(990, 10, nothing, false)).toBe(201);
});

test('what waits to be read is no pause', () => {
  const { subject, at } = timeline();
  at(2000);

  expect(subject.pause(500, 10, () => 1490, false)).toBe(0);
  expect(subject.pause(500, 10, () => 1490, true)).toBe(0);
  // Of 1490 ms that are missing, 900 wait.
  expect(subject.pause(500, 10, () => 900, false)).toBe(590);
});

test('its length is the time since it began', () => {
  const { subject, at } = timeline();
  expect(subject.length).toBe(0);
  at(1234);

  expect(subject.length).toBe(1234);
  expect(subject.seconds).toBe(1.234);
});
