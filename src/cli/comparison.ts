import { count } from './format.js';
import type { Measured, MeetingResult, Sides } from './result.js';

/** One figure of both sides. */
export interface ComparisonRow {
  readonly what: string;
  readonly ours: string;
  /** `-` where it was not counted. */
  readonly peer: string;
  /** Ours divided by the peer's; empty where that says nothing. */
  readonly ratio: string;
}

/** A figure of one side. */
interface Figure {
  readonly what: string;
  readonly of: (result: Measured) => number | null;
  readonly format: (value: number) => string;
  /** Whether the two can be divided. */
  readonly ratio?: boolean;
}

const oneDecimal = (value: number): string => value.toFixed(1);
const megabytes = (value: number): string => `${value.toFixed(0)} MB`;
const milliseconds = (value: number): string => `${value.toFixed(1)} ms`;

const COSTS: readonly Figure[] = [
  {
    what: 'main thread per frame',
    of: (result) => result.mainThreadUsPerFrame,
    format: (value) => `${oneDecimal(value)} µs`,
    ratio: true,
  },
  { what: 'event-loop lag p50', of: (result) => result.lagMs.p50, format: milliseconds },
  { what: 'event-loop lag p99', of: (result) => result.lagMs.p99, format: milliseconds },
  { what: 'event-loop lag max', of: (result) => result.lagMs.max, format: milliseconds },
  { what: 'memory at the end', of: (result) => result.rssMb.end, format: megabytes, ratio: true },
  {
    what: 'memory growth',
    of: (result) => result.rssMb.end - result.rssMb.start,
    format: (value) => (value < 0 ? `-${megabytes(-value)}` : `+${megabytes(value)}`),
  },
  {
    what: 'processor',
    of: (result) => result.cpuPercent,
    format: (value) => `${oneDecimal(value)} %`,
    ratio: true,
  },
];

const EVENTS: readonly Figure[] = (
  [
    ['native events', 'published'],
    ['… delivered', 'delivered'],
    ['… nobody wanted', 'unwanted'],
    ['… dropped', 'dropped'],
    ['wakes of JavaScript', 'wakes'],
  ] as const
).map(([what, key]) => ({ what, of: ({ events }) => events?.[key] ?? null, format: count }));

/** What of the voices arrived on one side. */
export interface Outcome {
  readonly framesReceived: number;
  readonly framesExpected: number;
  readonly samplesLost: number;
  readonly intact: number;
  readonly recordings: number;
}

export function outcomeOf({ participants }: MeetingResult): Outcome {
  const outcome = { framesReceived: 0, framesExpected: 0, samplesLost: 0, intact: 0, recordings: participants.length };
  for (const each of participants) {
    outcome.framesReceived += each.framesReceived;
    outcome.framesExpected += each.framesExpected;
    outcome.samplesLost += each.samplesLost;
    if (each.intact) outcome.intact++;
  }
  return outcome;
}

/** Both sides, figure by figure. */
export function comparisonRows({ ours, peer }: Sides): ComparisonRow[] {
  const outcomes = [outcomeOf(ours), peer && outcomeOf(peer)] as const;
  const text = (what: string, of: (outcome: Outcome) => string): ComparisonRow => ({
    what,
    ours: of(outcomes[0]),
    peer: outcomes[1] ? of(outcomes[1]) : '-',
    ratio: '',
  });
  return [
    text('frames read', ({ framesReceived }) => count(framesReceived)),
    text('frames played', ({ framesExpected }) => count(framesExpected)),
    text('samples lost', ({ samplesLost }) => count(samplesLost)),
    text('recordings intact', ({ intact, recordings }) => `${count(intact)} of ${count(recordings)}`),
    ...measuredRows(ours, peer),
  ];
}

/** What was measured of both sides, or of one. */
export function measuredRows(ours: Measured, peer: Measured | null = null): ComparisonRow[] {
  return [...COSTS, ...EVENTS].map((figure) => rowOf(figure, ours, peer));
}

function rowOf({ what, of, format, ratio }: Figure, ours: Measured, peer: Measured | null): ComparisonRow {
  const [one, other] = [of(ours), peer && of(peer)];
  return {
    what,
    ours: one === null ? '-' : format(one),
    peer: other === null ? '-' : format(other),
    ratio: ratio && one !== null && other ? (one / other).toFixed(2) : '',
  };
}

/** How much less, or more, of something ours takes: computed, whichever way it comes out. */
export interface Difference {
  /** 1 or more; null where one of the two is nothing. */
  readonly times: number | null;
  readonly word: 'less' | 'more' | 'the same';
}

/** Differences below this, as a part of the whole, are none. */
const NOTHING = 0.05;

export function difference(ours: number, peer: number): Difference {
  const times = ours > 0 && peer > 0 ? Math.max(ours / peer, peer / ours) : null;
  if (ours === peer || (times !== null && times < 1 + NOTHING)) return { times: 1, word: 'the same' };
  return { times, word: ours < peer ? 'less' : 'more' };
}

/** `3.2 times less main-thread time per frame`. */
export function differenceText({ times, word }: Difference, what: string): string {
  if (word === 'the same') return `the same ${what}`;
  return times === null ? `${word} ${what}` : `${times.toFixed(1)} times ${word} ${what}`;
}
