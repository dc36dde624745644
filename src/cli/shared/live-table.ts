import { formatted, MAIN_THREAD, PER_FRAME, spreadText } from './figures.js';
import { clock, count, countOrNone, orNone, people, percent } from './format.js';
import type { Reading } from './meters.js';
import type { EventCounts } from './engine-watch.js';
import { fitted, plainTable, wrap } from './table.js';

/** How one participant is heard, so far. */
export interface Heard {
  readonly identity: string;
  readonly frames: number;
  /** RMS since it was last asked for, in dB below full scale. */
  readonly level: number;
  readonly dropped: number | null;
  /** Why there is nothing to hear, where something else than silence is the reason. */
  readonly state?: string | undefined;
}

/** How far the same meeting is on plain rtc-node. */
export interface Progress {
  /** Frames read, of all participants. */
  readonly frames: number;
  readonly reading: Reading;
}

/** What is listened to at one moment, as it is shown. */
export interface View {
  /** What is above the table: what it is, and how long it has been. */
  readonly heading: readonly string[];
  /** Since it began, in s. */
  readonly elapsed: number;
  readonly heard: readonly Heard[];
  readonly events: EventCounts | null;
  readonly reading: Reading;
  /** The same meeting on plain rtc-node, as far as it has been heard of. */
  readonly peer?: Progress | undefined;
}

/** The quietest level that a bar shows, in dB. */
const SILENCE_DB = -60;

/** Widest a table gets, in columns, however wide the terminal. */
const WIDEST = 100;

/**
 * The table of what is listened to, for a terminal of this size. No line is as wide as `columns`. Where not all
 * participants fit `rows`, the last row sums up the others.
 */
export function liveTable(view: View, columns: number, rows: number): string[] {
  const heading = wrap('', view.heading, columns);
  const footing = meterLines(view, columns);
  const frame = 4; // above, below, and around the head
  // A row for the cursor, below it all.
  const room = Math.max(1, rows - heading.length - footing.length - frame - 1);
  const all = view.heard;
  const shown = all.length <= room ? all : all.slice(0, room - 1);
  const width = Math.min(columns - 1, WIDEST);

  const lines = all.map(({ identity }) => identity.length);
  const others = all.slice(shown.length);
  const rest = `${others.length} more`;
  const widths = [
    Math.max(11, ...lines) + 2,
    Math.max(6, count(Math.max(...all.map(({ frames }) => frames)) * Math.max(1, others.length)).length) + 2,
    0,
    9,
  ];
  widths[2] = Math.max(8, width - widths.reduce((sum, each) => sum + each) - widths.length - 1);
  const bar = widths[2] - 2;
  const table = plainTable(['participant', 'frames', 'level', 'dropped'], widths, ['left', 'right', 'left', 'right']);
  for (const { identity, frames, level, dropped, state } of shown) {
    table.push([identity, count(frames), state ?? levelBar(level, bar), countOrNone(dropped)]);
  }
  if (others.length > 0) {
    const sum = (of: (each: Heard) => number) => others.reduce((total, each) => total + of(each), 0);
    const loudest = Math.max(...others.map(({ level }) => level));
    const dropped = sum((each) => each.dropped ?? 0);
    table.push([rest, count(sum((each) => each.frames)), levelBar(loudest, bar), count(dropped)]);
  }
  return [...heading, ...fitted(table, columns), ...footing];
}

/** One line that says how far it is, where there is no terminal to draw on. */
export function plainLine(view: View): string {
  const { heard, events, reading, peer } = view;
  const frames = heard.reduce((sum, each) => sum + each.frames, 0);
  const dropped = heard.reduce((sum, each) => sum + (each.dropped ?? 0), 0);
  return [
    `${clock(view.elapsed)}  ${people(heard.length)}, ${count(frames)} frames, ${count(dropped)} dropped`,
    ...(events ? [`events: ${eventParts(events).join(', ')}`] : []),
    `thread: ${threadParts(reading).join(', ')}`,
    processParts(reading).join(', '),
    ...(peer ? [`rtc-node: ${peerParts(peer).join(', ')}`] : []),
  ].join(' | ');
}

/** What was measured, below the live table; below the final one, where there is no comparison. */
export function meterLines(view: Pick<View, 'events' | 'reading' | 'peer'>, columns: number): string[] {
  const { events, reading, peer } = view;
  return [
    ...(events ? wrap('events   ', eventParts(events), columns) : []),
    ...wrap('thread   ', threadParts(reading), columns),
    ...wrap('process  ', processParts(reading), columns),
    ...(peer ? wrap('rtc-node ', peerParts(peer), columns) : []),
  ];
}

function eventParts({ published, delivered, unwanted, dropped, wakes }: EventCounts): string[] {
  return [
    `${count(published)} published`,
    `${count(delivered)} delivered`,
    `${count(unwanted)} unwanted`,
    `${count(dropped)} dropped`,
    `${count(wakes)} wakes`,
  ];
}

function threadParts(reading: Reading): string[] {
  const { lagMs } = reading;
  return [
    `${formatted(MAIN_THREAD, reading)} (half of seconds ${spreadText(MAIN_THREAD, reading)}`,
    `idle ${orNone(reading.idlePercent, percent)})`,
    `${formatted(PER_FRAME, reading)} per frame`,
    `lag p50 ${lagMs.p50.toFixed(1)} ms`,
    `p99 ${lagMs.p99.toFixed(1)} ms`,
    `max ${lagMs.max.toFixed(1)} ms`,
  ];
}

function processParts({ rssMb, cpuPercent }: Reading): string[] {
  const growth = Math.round(rssMb.end) - Math.round(rssMb.start);
  return [
    `${rssMb.end.toFixed(0)} MB resident (${growth < 0 ? '-' : '+'}${Math.abs(growth)})`,
    `CPU ${cpuPercent.toFixed(0)} %`,
  ];
}

function peerParts({ frames, reading }: Progress): string[] {
  return [...threadParts(reading), ...processParts(reading), `${count(frames)} frames`];
}

/** `█████▌        -23 dB`, in eighths of a column; only the number where there is no room for a bar. */
function levelBar(level: number, width: number): string {
  const audible = level > SILENCE_DB;
  const number = audible ? `${level.toFixed(0)} dB`.padStart(6) : '     -';
  const room = width - number.length - 1;
  if (room < 3) return number.trim();
  const eighths = audible ? Math.round(Math.min(1, 1 - level / SILENCE_DB) * room * 8) : 0;
  const bar = '█'.repeat(eighths >> 3) + ' ▏▎▍▌▋▊▉'.charAt(eighths % 8).trim();
  return `${bar.padEnd(room)} ${number}`;
}
