import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { differences } from './differences.js';
import { asText, parseTrace, withAllowances, withoutLosses, type Difference } from './trace.js';

const plain = parseTrace('["stream","frames",100,3]\n["stream","kind","Error"]\n["room","left",2,{"more":1}]\n');
const difference: Difference = {
  program: 'a program',
  object: 'stream',
  what: 'kind',
  plain: 'Error',
  narrowcast: 'TypeError',
  reason: 'It says more.',
};

describe('withAllowances', () => {
  test.each([
    [
      'a count within its tolerance',
      '["stream","frames",97,3]\n["stream","kind","Error"]\n["room","left",2,{"more":1}]',
    ],
    [
      'a count that may be lower, or higher by little',
      '["stream","frames",100,3]\n["stream","kind","Error"]\n["room","left",0,{"more":1}]',
    ],
    ['objects in another order', '["room","left",2,{"more":1}]\n["stream","frames",100,3]\n["stream","kind","Error"]'],
  ])('%s is the same', (_, text) => {
    expect(asText(withAllowances(parseTrace(text), plain, []))).toBe(asText(plain));
  });

  test.each([
    [
      'a count beyond its tolerance',
      '["stream","frames",96,3]\n["stream","kind","Error"]\n["room","left",2,{"more":1}]',
    ],
    [
      'a count that is higher than it may be',
      '["stream","frames",100,3]\n["stream","kind","Error"]\n["room","left",4,{"more":1}]',
    ],
    ['another value', '["stream","frames",100,3]\n["stream","kind","TypeError"]\n["room","left",2,{"more":1}]'],
    [
      'another order within an object',
      '["stream","kind","Error"]\n["stream","frames",100,3]\n["room","left",2,{"more":1}]',
    ],
    ['a line too few', '["stream","frames",100,3]\n["room","left",2,{"more":1}]'],
    ['an object too few', '["stream","frames",100,3]\n["stream","kind","Error"]'],
  ])('%s is not', (_, text) => {
    expect(asText(withAllowances(parseTrace(text), plain, []))).not.toBe(asText(plain));
  });

  test('a known difference is allowed, as it is written down', () => {
    const ours = parseTrace('["stream","frames",100,3]\n["stream","kind","TypeError"]\n["room","left",2,{"more":1}]\n');
    expect(withAllowances(ours, plain, [difference])).toEqual(plain);
    expect(withAllowances(ours, plain, [{ ...difference, narrowcast: 'RangeError' }])).not.toEqual(plain);
  });

  test('a known difference that does not show has to leave the list', () => {
    expect(withAllowances(plain, plain, [difference])).not.toEqual(plain);
  });
});

test('withoutLosses: leaves everything but the count of handles', () => {
  const trace = parseTrace('["leftovers","listeners",1]\n["leftovers","handles",2]\n["stream","handles",3]\n');
  expect(withoutLosses(trace)).toEqual({ leftovers: [['listeners', 1]], stream: [['handles', 3]] });
});

test('docs/guarantees.md has the reason for each difference', () => {
  const text = fs.readFileSync(new URL('../../docs/guarantees.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');
  expect(differences.map(({ reason }) => reason).filter((reason) => !text.includes(reason))).toEqual([]);
});
