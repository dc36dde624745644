import { expect, test } from 'vitest';
import { liveTable, plainLine, type View } from '../../../src/cli/shared/live-table.js';
import { headingParts } from '../../../src/cli/meeting/shape.js';
import { wrap } from '../../../src/cli/shared/table.js';

/** A meeting with large numbers everywhere. */
function view(participants: number, change: Partial<View> = {}): View {
  return {
    heading: headingParts(3599, {
      participants,
      seconds: 86_400,
      sampleRate: 44_100,
      frameMs: 10,
      stall: 500,
      forget: 0,
    }),
    elapsed: 3599,
    heard: Array.from({ length: participants }, (_, index) => ({
      identity: `participant-${String(index + 1).padStart(2, '0')}`,
      frames: 359_900,
      level: -10 - index,
      dropped: index,
    })),
    events: { published: 11_516_800, delivered: 11_516_000, unwanted: 800, dropped: 12, wakes: 1_234_567 },
    reading: {
      mainThreadPercent: 4.936,
      idlePercent: 0.6,
      mainThreadUsPerFrame: 12.34,
      mainThreadClock: 'processor',
      lagMs: { p50: 0.06, p99: 1.26, max: 512.3 },
      rssMb: { start: 90.4, end: 1234.5 },
      wakesPerSecond: 210,
      cpuPercent: 34.5,
      halfOfSeconds: { mainThreadPercent: [4.8, 5.1], mainThreadUsPerFrame: [12, 12.8], cpuPercent: [33, 36] },
    },
    ...change,
  };
}

test.each([40, 60, 80, 200])('fits a terminal of %i columns', (columns) => {
  expect(liveTable(view(4), columns, 24).filter((line) => line.length >= columns)).toEqual([]);
});

test('shows everything in 60 columns', () => {
  const text = liveTable(view(4), 60, 24).join('\n');

  for (const identity of ['participant-01', 'participant-04']) {
    expect(text).toMatch(new RegExp(`│ ${identity} │ 359,900 │ [█▏▎▍▌▋▊▉]+ +-\\d+ dB │ +\\d │`));
  }
  const flat = text.replace(/\s+/g, ' ');
  expect(flat).toContain('meeting: 59:59 of 24:00:00, 4 participants, 44.1 kHz, 10 ms frames');
  expect(flat).toContain('JavaScript blocked for 500 ms each second');
  expect(flat).toContain('11,516,800 published, 11,516,000 delivered, 800 unwanted, 12 dropped, 1,234,567 wakes');
  expect(flat).toContain(
    '4.94 % (half of seconds 4.80–5.10 %, idle 0.60 %), 12.3 µs per frame, lag p50 0.1 ms, p99 1.3 ms, max 512.3 ms',
  );
  expect(flat).toContain('1235 MB resident (+1145), CPU 35 %');
});

test.each([
  { participants: 16, rows: 24 },
  { participants: 64, rows: 24 },
  { participants: 64, rows: 10 },
  { participants: 256, rows: 50 },
])('sums up what does not fit: $participants participants in $rows rows', ({ participants, rows }) => {
  const lines = liveTable(view(participants), 60, rows);
  const shown = lines.filter((line) => line.includes('participant-')).length;
  const others = participants - shown;
  const sum = lines.find((line) => line.includes(`${others} more`));

  // A table as high as the terminal would scroll, and be drawn below itself.
  if (rows > 12) expect(lines.length).toBeLessThan(rows);
  expect(sum).toContain((359_900 * others).toLocaleString('en-US'));
  const dropped = ((participants * (participants - 1)) / 2 - (shown * (shown - 1)) / 2).toLocaleString('en-US');
  expect(sum).toContain(` ${dropped} │`);
  // The loudest of them.
  expect(sum).toContain(`${Math.max(-10 - shown)} dB`);
});

test('16 participants fit 32 rows without a sum', () => {
  const lines = liveTable(view(16), 80, 32);

  expect(lines.filter((line) => line.includes('participant-'))).toHaveLength(16);
  expect(lines.join('\n')).not.toContain('more');
});

test('a bar is as long as the level is high, and silence has none', () => {
  const bars = [-Infinity, -90, -60, -30, 0, 6].map((level) => {
    const heard = [{ identity: 'a', frames: 0, level, dropped: 0 }];
    const row = liveTable(view(1, { heard }), 80, 24).find((line) => line.includes('│ a '))!;
    return row.split('█').length - 1;
  });

  expect(bars[0]).toBe(0);
  expect(bars[1]).toBe(0);
  expect(bars[2]).toBe(0);
  expect(bars[3]).toBeGreaterThan(10);
  expect(Math.abs(bars[4]! - 2 * bars[3]!)).toBeLessThanOrEqual(1);
  expect(bars[5]).toBe(bars[4]);
});

test('without a terminal a moment is one line', () => {
  const line = plainLine(view(4));

  expect(line).not.toContain('\n');
  expect(line).toContain('4 participants, 1,439,600 frames, 6 dropped');
  expect(line).toContain('11,516,800 published');
});

test('what plain rtc-node takes is below what narrowcast takes, as far as it was heard of', () => {
  const peer = {
    frames: 1_439_000,
    reading: { ...view(1).reading, mainThreadPercent: 11.2, mainThreadUsPerFrame: 45.67 },
  };
  const lines = liveTable(view(4, { peer }), 60, 24);

  expect(lines.filter((line) => line.length >= 60)).toEqual([]);
  expect(lines.join(' ').replace(/\s+/g, ' ')).toContain(
    'rtc-node 11.2 % (half of seconds 4.80–5.10 %, idle 0.60 %), 45.7 µs per frame, lag p50 0.1 ms',
  );
  expect(plainLine(view(4, { peer }))).toContain('rtc-node: 11.2 % (half of seconds');
  expect(plainLine(view(4))).not.toContain('rtc-node');
});

test('a clock that can not tell gives -, and not 0.0', () => {
  const reading = { ...view(1).reading, mainThreadPercent: null, idlePercent: null, mainThreadUsPerFrame: null };

  expect(plainLine(view(1, { reading }))).toContain('thread: - (half of seconds 4.80–5.10 %, idle -), - per frame');
});

test('wrapped lines keep all words and stay narrower than the terminal', () => {
  const parts = ['one', 'two and a run', 'three', 'four'];

  expect(wrap('x  ', parts, 16)).toEqual(['x  one,', '   two and a run,'.slice(0, 15), '   three, four']);
  expect(wrap('x  ', parts, 80)).toEqual(['x  one, two and a run, three, four']);
});
