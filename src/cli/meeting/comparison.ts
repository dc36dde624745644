import { measuredRows, type ComparisonRow } from '../shared/figures.js';
import { count } from '../shared/format.js';
import type { MeetingResult, Sides } from './result.js';

/** What arrived of the voices, by one backend. */
export interface Outcome {
  readonly framesReceived: number;
  readonly samplesPlayed: number;
  readonly samplesLost: number;
  readonly intact: number;
  readonly recordings: number;
}

export function outcomeOf({ participants }: MeetingResult): Outcome {
  const outcome = { framesReceived: 0, samplesPlayed: 0, samplesLost: 0, intact: 0, recordings: participants.length };
  for (const each of participants) {
    outcome.framesReceived += each.framesReceived;
    outcome.samplesPlayed += each.samplesPlayed;
    outcome.samplesLost += each.samplesLost;
    if (each.intact) outcome.intact++;
  }
  return outcome;
}

/** narrowcast and rtc-node, figure by figure. */
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
    text('samples played', ({ samplesPlayed }) => count(samplesPlayed)),
    text('samples lost', ({ samplesLost }) => count(samplesLost)),
    text('recordings intact', ({ intact, recordings }) => `${count(intact)} of ${count(recordings)}`),
    ...measuredRows(ours, peer),
  ];
}
