import { expect, test } from 'vitest';
import { whereLost } from '../../../src/cli/meeting/where-lost.js';

test('lost samples are laid to narrowcast only if it has counted a dropped frame', () => {
  expect(whereLost(0, 0)).toEqual([]);
  expect(whereLost(0, 3)).toEqual([]);
  expect(whereLost(3520, 0)).toEqual([expect.stringMatching(/^narrowcast dropped nothing: the engine/)]);
  expect(whereLost(3520, 2200)).toEqual(['narrowcast dropped 2,200 frames']);
});
