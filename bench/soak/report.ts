import Table from 'cli-table3';
import type { Leftovers } from './leftovers.js';
import type { Aftermath } from './meeting.js';
import type { RoomAftermath } from './room-meeting.js';

/** Adds a line: its name, and what it says of a side. */
type AddRow<Side> = (name: string, cell: (side: Side) => string | number) => void;

/** Both sides of a meeting of `minutes`, side by side. */
export function table(minutes: number, peer: Aftermath, ours: Aftermath): string {
  return sideBySide(minutes, peer, ours, (row) => {
    row('never read: frames in', ({ neverRead }) => neverRead.counts?.framesIn ?? 'not counted');
    row('never read: frames dropped', ({ neverRead }) => neverRead.counts?.framesDropped ?? 'not counted');
    row('never read: frames waiting', ({ neverRead }) => neverRead.waiting);
    row('streams cancelled', ({ did }) => did.cancelled);
    row('streams forgotten', ({ did }) => did.forgotten);
    row('frames read', ({ did }) => did.framesRead);
  });
}

/** The same of a room on a real server. */
export function roomTable(minutes: number, peer: RoomAftermath, ours: RoomAftermath): string {
  return sideBySide(minutes, peer, ours, (row) => {
    row('event loop late, median, ms', ({ lagMs }) => lagMs.p50.toFixed(1));
    row('event loop late, p99, ms', ({ lagMs }) => lagMs.p99.toFixed(1));
    row('read slowly: frames in', ({ slow }) => slow.counts?.framesIn ?? 'not counted');
    row('read slowly: frames dropped', ({ slow }) => slow.counts?.framesDropped ?? 'not counted');
    row('read slowly: frames read', ({ slow }) => slow.framesRead);
    row('room opened and closed', ({ did }) => did.opened);
    row('others left and joined', ({ did }) => did.left);
    row('streams cancelled', ({ did }) => did.cancelled);
    row('streams forgotten', ({ did }) => did.forgotten);
    row('frames read', ({ did }) => did.framesRead);
  });
}

function sideBySide<Side extends Leftovers>(
  minutes: number,
  peer: Side,
  ours: Side,
  addRows: (row: AddRow<Side>) => void,
): string {
  const table = new Table({
    head: ['', 'rtc-node', 'narrowcast'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [] },
  });
  const row: AddRow<Side> = (name, cell) => {
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
  addRows(row);
  return table.toString();
}
