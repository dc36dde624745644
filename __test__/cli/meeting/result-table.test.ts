import { expect, test } from 'vitest';
import { comparisonRows } from '../../../src/cli/meeting/comparison.js';
import { comparisonTable, resultTable } from '../../../src/cli/meeting/result-table.js';
import type { ParticipantResult } from '../../../src/cli/meeting/result.js';
import { sideResult } from './figures.js';

const good = { samplesPlayed: 16_000, framesReceived: 100, framesDropped: 0, samplesLost: 0, intact: true };
const bad = { samplesPlayed: 16_000, framesReceived: 98, framesDropped: 1, samplesLost: 320, intact: false };

/** A participant of a meeting of an hour, on a side that lost much. */
const long: ParticipantResult = {
  identity: 'participant-01',
  samplesPlayed: 57_584_000,
  framesReceived: 359_000,
  framesDropped: 900,
  samplesLost: 144_000,
  intact: false,
};

test('the final table says what is wrong with whom', () => {
  const ours = [
    { identity: 'ana', ...good },
    { identity: 'ben', ...bad },
  ];
  const lines = resultTable(ours, undefined, 80);

  expect(lines.find((line) => line.includes('ana'))).toMatch(/│ +100 │ +0 │ +0 │ intact/);
  expect(lines.find((line) => line.includes('ben'))).toMatch(/│ +98 │ +1 │ +320 │ damaged/);
});

test('the final table has both sides', () => {
  const ours = ['ana', 'ben', 'cem'].map((identity) => ({ identity, ...good }));
  const peer = [{ ...bad, identity: 'ana' }, { ...ours[1]! }, { ...bad, identity: 'cem', samplesLost: 0 }];
  const lines = resultTable(ours, peer, 80);

  expect(lines[1]).toMatch(/recording │ rtc-node +│$/);
  expect(lines.find((line) => line.includes('ana'))).toMatch(/│ intact +│ 320 lost │$/);
  expect(lines.find((line) => line.includes('ben'))).toMatch(/│ intact +│ intact +│$/);
  // Nothing is missing, and yet it is not what was played.
  expect(lines.find((line) => line.includes('cem'))).toMatch(/│ intact +│ damaged +│$/);
});

test('the final table of a long meeting fits 60 columns', () => {
  const lines = resultTable([long], undefined, 60);

  expect(lines.find((line) => line.includes('participant-01'))).toMatch(/│ 359,000 │ +900 │ 144,000 │ damaged │$/);
  expect(lines.filter((line) => line.length >= 60)).toEqual([]);
});

test('the final table of a long meeting on both sides fits 60 columns, and loses nothing of either outcome', () => {
  const row = resultTable([{ ...long, samplesLost: 80, intact: false }], [{ ...long, samplesLost: 4_000 }], 60);

  expect(row.find((line) => line.includes('participant-01'))).toMatch(/│ 359,000 │ +80 │ damaged │ 4,000 lost │$/);
  expect(row.filter((line) => line.length >= 60)).toEqual([]);
});

test('figure by figure, side by backend, in 60 columns', () => {
  const ours = sideResult({ mainThreadUsPerFrame: 10.04, cpuPercent: 30, lagMs: { p50: 0.1, p99: 2, max: 60_123.4 } });
  const peer = sideResult({ mainThreadPercent: 8.04, mainThreadUsPerFrame: 40.2, cpuPercent: 15, events: null });
  const lines = comparisonTable(comparisonRows({ ours, peer }), 60);
  const row = (what: string) => lines.find((line) => line.startsWith(`│ ${what}`));

  expect(lines.filter((line) => line.length >= 60)).toEqual([]);
  expect(lines[1]).toMatch(/│ +narrowcast │ +rtc-node │ +ratio │$/);
  expect(row('main thread')).toMatch(/│ +2\.00 % │ +8\.04 % │ +0\.25 │$/);
  expect(row('… half of seconds')).toMatch(/│ +1\.90–2\.20 % │ +1\.90–2\.20 % │ +│$/);
  expect(row('… idle, before')).toMatch(/│ +0\.50 % │ +0\.50 % │ +│$/);
  expect(row('… per frame')).toMatch(/│ +10\.0 µs │ +40\.2 µs │ +0\.25 │$/);
  expect(row('all threads')).toMatch(/│ +30\.0 % │ +15\.0 % │ +2\.00 │$/);
  expect(row('event-loop lag max')).toMatch(/│ +60123\.4 ms │/);
  // Not counted is not zero.
  expect(row('wakes of JavaScript')).toMatch(/│ +913 │ +- │ +│$/);
});
