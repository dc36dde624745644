import { count, megabytes, micros, milliseconds, orNone, percent, rangeText } from './format.js';
import type { Reading, SecondFigure } from './meters.js';
import type { Measured } from './measured.js';

/** One figure of narrowcast and of rtc-node. */
export interface ComparisonRow {
  readonly what: string;
  readonly ours: string;
  /** `-` where it was not counted. */
  readonly peer: string;
  /** narrowcast's divided by the peer's; `same` where they differ by less than the seconds do; empty where it says nothing. */
  readonly ratio: string;
}

/** A figure of one of them. */
export interface Figure {
  readonly what: string;
  readonly of: (result: Reading) => number | null;
  readonly format: (value: number) => string;
  /** Its name among the figures that each second has. */
  readonly second?: SecondFigure;
  /** Whether it has a row for how much the seconds differ. */
  readonly spread?: boolean;
  /** Whether the two can be divided. */
  readonly ratio?: boolean;
}

export const MAIN_THREAD: Figure = {
  what: 'main thread',
  of: (result) => result.mainThreadPercent,
  second: 'mainThreadPercent',
  spread: true,
  format: percent,
  ratio: true,
};

export const PER_FRAME: Figure = {
  what: '… per frame',
  of: (result) => result.mainThreadUsPerFrame,
  second: 'mainThreadUsPerFrame',
  format: micros,
  ratio: true,
};

export const MEMORY: Figure = {
  what: 'memory at the end',
  of: (result) => result.rssMb.end,
  format: megabytes,
  ratio: true,
};

export const LAG: Figure = { what: 'event-loop lag p99', of: (result) => result.lagMs.p99, format: milliseconds };

export const PROCESSOR: Figure = {
  what: 'all threads',
  of: (result) => result.cpuPercent,
  second: 'cpuPercent',
  spread: true,
  format: percent,
  ratio: true,
};

export const WAKES: Figure = {
  what: 'wakes, a second',
  of: (result) => result.wakesPerSecond,
  format: (value) => count(Math.round(value)),
  ratio: true,
};

/** What wakes do not tell. */
export const WAKES_TEXT =
  'A wake may do much or little, so fewer wakes are not less work: the cost is main-thread time.';

/** Why sides of one meeting have read different numbers of frames. */
export const FRAMES_TEXT =
  'Each side reads until its voices have ended, so sides run for different times and may read different numbers of frames.';

export const measuredFigures: readonly Figure[] = [
  MAIN_THREAD,
  { what: '… idle, before', of: (result) => result.idlePercent, format: percent },
  PER_FRAME,
  WAKES,
  PROCESSOR,
  { what: 'event-loop lag p50', of: (result) => result.lagMs.p50, format: milliseconds },
  LAG,
  { what: 'event-loop lag max', of: (result) => result.lagMs.max, format: milliseconds },
  MEMORY,
  {
    what: 'memory growth',
    of: (result) => result.rssMb.end - result.rssMb.start,
    format: (value) => (value < 0 ? `-${megabytes(-value)}` : `+${megabytes(value)}`),
  },
];

const EVENTS = [
  ['native events', 'published'],
  ['… delivered', 'delivered'],
  ['… unwanted', 'unwanted'],
  ['… dropped', 'dropped'],
  ['wakes of JavaScript', 'wakes'],
] as const;

/** What was measured of both, or of narrowcast alone. */
export function measuredRows(ours: Measured, peer: Measured | null = null): ComparisonRow[] {
  return [
    ...measuredFigures.flatMap((figure) => rowsOf(figure, ours, peer)),
    ...EVENTS.map(([what, key]) => {
      const text = ({ events }: Measured) => (events ? count(events[key]) : '-');
      return { what, ours: text(ours), peer: peer ? text(peer) : '-', ratio: '' };
    }),
  ];
}

/** A figure, and what its seconds were. */
function rowsOf(figure: Figure, ours: Measured, peer: Measured | null): ComparisonRow[] {
  const { what, ratio } = figure;
  const each = (of: (result: Measured) => string) => ({ ours: of(ours), peer: peer ? of(peer) : '-' });
  const row = { what, ...each((result) => formatted(figure, result)), ratio: ratio ? ratioOf(figure, ours, peer) : '' };
  if (!figure.spread) return [row];
  return [row, { what: '… half of seconds', ...each((result) => spreadText(figure, result)), ratio: '' }];
}

function ratioOf(figure: Figure, ours: Measured, peer: Measured | null): string {
  const found = peer && difference(figure, ours, peer);
  if (!found) return '';
  return found.word === 'the same' ? 'same' : found.ratio.toFixed(2);
}

/** The figure, or `-` where there is none. */
export function formatted({ of, format }: Figure, result: Reading): string {
  return orNone(of(result), format);
}

/** `1.70–1.78 %`, or `-` for a meeting of a few seconds. */
export function spreadText({ second, format }: Figure, { halfOfSeconds }: Reading): string {
  const half = second && halfOfSeconds[second];
  return half ? rangeText(half, format) : '-';
}

/** How much less, or more, of something ours takes: computed, whichever way it comes out. */
export interface Difference {
  /** narrowcast's divided by the peer's. */
  readonly ratio: number;
  readonly word: 'less' | 'more' | 'the same';
}

/** Differences below this, as a part of the peer's, are none. */
const NOTHING = 0.05;

/** How the two differ in a figure; null where one of them has none. */
export function difference({ of, second }: Figure, ours: Reading, peer: Reading): Difference | null {
  const [one, other] = [of(ours), of(peer)];
  if (one === null || other === null || one <= 0 || other <= 0) return null;
  const widths = [ours, peer].map(({ halfOfSeconds }) => {
    const half = second && halfOfSeconds[second];
    return half ? half[1] - half[0] : 0;
  });
  const ratio = one / other;
  if (Math.abs(one - other) <= Math.max(...widths, NOTHING * other)) return { ratio, word: 'the same' };
  return { ratio, word: one < other ? 'less' : 'more' };
}

/** `1.9 times less`, or `the same`. */
export function differenceText({ ratio, word }: Difference): string {
  return word === 'the same' ? word : `${Math.max(ratio, 1 / ratio).toFixed(1)} times ${word}`;
}
