import type { Slot } from './slot.js';
import { isStopped, sends } from './standard.js';

/** What of a transceiver is not as the pool believes, each as a sentence for a bug report. */
export function differences(slots: Iterable<Slot>, listed: ReadonlySet<unknown>): string[] {
  const found: string[] = [];
  for (const slot of slots) {
    const { transceiver, kind, state } = slot;
    const problem = problemOf(slot, listed.has(transceiver));
    if (problem) found.push(`${kind} transceiver of m-line ${transceiver.mid ?? '(none)'}, ${state}: ${problem}`);
  }
  return found;
}

function problemOf({ transceiver, state, lost }: Slot, listed: boolean): string | undefined {
  const { sender, direction } = transceiver;
  const stopped = isStopped(transceiver);
  const track = sender.track;
  switch (state) {
    case 'leased':
      if (stopped) return 'it was stopped, and not released';
      if (!listed) return 'the connection does not list it';
      if (!track) return 'its sender has no track, and it was not released';
      if (track.readyState === 'ended') return 'its track has ended, and it was not released';
      return sends(direction) ? undefined : `its direction is ${direction}, and it was not released`;
    case 'parked':
    case 'anchor':
      if (stopped) return 'it was stopped';
      if (!listed) return 'the connection does not list it';
      if (track && track.readyState !== 'ended') return 'its sender has a live track';
      return sends(direction) ? `its direction is ${direction}` : undefined;
    case 'stopping':
      return stopped ? undefined : 'it is not stopped';
    case 'dead':
      return stopped || lost || !listed || !sends(direction) ? undefined : 'it was given up, and still sends';
    default:
      return undefined; // it changes this moment
  }
}
