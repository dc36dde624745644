import Table from 'cli-table3';
import type { Aftermath } from './meeting.js';

/** Both sides of a meeting of `minutes`, side by side. */
export function table(minutes: number, peer: Aftermath, ours: Aftermath): string {
  const table = new Table({
    head: ['', 'rtc-node', 'narrowcast'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [] },
  });
  const row = (name: string, cell: (side: Aftermath) => string | number) => {
    table.push([name, ...[peer, ours].map((side) => String(cell(side)))]);
  };
  row('RSS, first third, MB', ({ memory }) => memory.firstMb.toFixed(1));
  row('RSS, last third, MB', ({ memory }) => memory.lastMb.toFixed(1));
  row('slope, MB/min', ({ memory }) => (minutes < 1 ? 'too short' : memory.slopeMbPerMin.toFixed(2)));
  row('handles of frames left', ({ handles }) => handles.frames);
  row('handles of streams left', ({ handles }) => handles.streams);
  row('listeners left', ({ listeners }) => listeners);
  row('streams left open', ({ streams }) => streams.open);
  row('streams not collected', ({ streams }) => streams.notCollected);
  row('never read: frames in', ({ neverRead }) => neverRead.counts?.framesIn ?? 'not counted');
  row('never read: frames dropped', ({ neverRead }) => neverRead.counts?.framesDropped ?? 'not counted');
  row('never read: frames waiting', ({ neverRead }) => neverRead.waiting);
  row('streams cancelled', ({ did }) => did.cancelled);
  row('streams forgotten', ({ did }) => did.forgotten);
  row('frames read', ({ did }) => did.framesRead);
  return table.toString();
}
