import { expect, test } from 'vitest';
import { withoutSilenceAround, zerosAtEnd, zerosAtStart } from '../../../src/cli/shared/silence.js';

const samples = (...values: number[]) => Int16Array.from(values);

test('zerosAtStart, zerosAtEnd: count silence up to the first sample that is none', () => {
  expect(zerosAtStart(samples(0, 0, 1, 0))).toBe(2);
  expect(zerosAtEnd(samples(0, 0, 1, 0))).toBe(1);
  expect(zerosAtStart(samples(0, 0))).toBe(2);
  expect(zerosAtEnd(samples())).toBe(0);
});

test.each([
  { name: 'silence around it goes', recorded: [0, 0, 5, 6, 0], loop: [5, 6], played: 2, left: [5, 6] },
  { name: 'its own silence stays', recorded: [0, 0, 0, 5, 0, 0], loop: [0, 5, 0], played: 3, left: [0, 5, 0] },
  { name: 'a loop ends where it was stopped', recorded: [0, 5, 0, 5, 0, 0], loop: [5, 0], played: 3, left: [5, 0, 5] },
  { name: 'played silence stays', recorded: [0, 0, 0, 0], loop: [0], played: 3, left: [0, 0, 0] },
  { name: 'what is missing stays missing', recorded: [0, 6, 0], loop: [5, 6], played: 2, left: [6] },
  { name: 'nothing was heard', recorded: [], loop: [5], played: 2, left: [] },
])('withoutSilenceAround: $name', ({ recorded, loop, played, left }) => {
  expect([...withoutSilenceAround(samples(...recorded), samples(...loop), played)]).toEqual(left);
});
