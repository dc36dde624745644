import Table from 'cli-table3';
import type { Reading } from './meters.js';
import type { EventCounts } from './side.js';

/** A meeting at one moment, as it is shown. */
export interface View {
  /** Since the meeting began, in s. */
  readonly elapsed: number;
  /** Length of the meeting, in s. */
  readonly seconds: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Length of a frame. */
  readonly frameMs: number;
  /** How long the JavaScript thread is blocked each second; 0: not. */
  readonly stallMs: number;
  readonly participants: readonly ParticipantView[];
  readonly events: EventCounts;
  readonly reading: Reading;
}

export interface ParticipantView {
  readonly identity: string;
  /** Read so far. */
  readonly frames: number;
  /** RMS, in dB below full scale. */
  readonly level: number;
  /** Frames lost because nobody read them in time. */
  readonly dropped: number;
}

/** How a recording came out. */
export interface ResultView {
  readonly identity: string;
  readonly framesExpected: number;
  readonly framesReceived: number;
  readonly framesDropped: number;
  readonly samplesLost: number;
  readonly intact: boolean;
}

/** The quietest level that a bar shows, in dB. */
const SILENCE_DB = -60;

/** Widest a table gets, in columns, however wide the terminal. */
const WIDEST = 100;

const numbers = new Intl.NumberFormat('en-US');

/** A number with its thousands apart. */
export const count = (value: number): string => numbers.format(value);

/**
 * The table of a running meeting, for a terminal of this size. No line is as wide as `columns`. Where not all
 * participants fit `rows`, the last row sums up the others.
 */
export function liveTable(view: View, columns: number, rows: number): string[] {
  const heading = wrap('', headingParts(view), columns);
  const footing = meterLines(view, columns);
  const frame = 4; // above, below, and around the head
  // A row for the cursor, below it all.
  const room = Math.max(1, rows - heading.length - footing.length - frame - 1);
  const all = view.participants;
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
  for (const { identity, frames, level, dropped } of shown) {
    table.push([identity, count(frames), levelBar(level, bar), count(dropped)]);
  }
  if (others.length > 0) {
    const sum = (of: (participant: ParticipantView) => number) => others.reduce((total, each) => total + of(each), 0);
    const loudest = Math.max(...others.map(({ level }) => level));
    table.push([rest, count(sum((each) => each.frames)), levelBar(loudest, bar), count(sum((each) => each.dropped))]);
  }
  return [...heading, ...fitted(table, columns), ...footing];
}

/** One line that says how far the meeting is, where there is no terminal to draw on. */
export function plainLine(view: View): string {
  const { participants, events, reading } = view;
  const frames = participants.reduce((sum, each) => sum + each.frames, 0);
  const dropped = participants.reduce((sum, each) => sum + each.dropped, 0);
  return [
    `${clock(view.elapsed)}  ${people(participants.length)}, ${count(frames)} frames, ${count(dropped)} dropped`,
    `events: ${eventParts(events).join(', ')}`,
    `thread: ${threadParts(reading).join(', ')}`,
    processParts(reading).join(', '),
  ].join(' | ');
}

/** What was measured, below the live table and below the final one. */
export function meterLines(view: Pick<View, 'events' | 'reading'>, columns: number): string[] {
  return [
    ...wrap('events   ', eventParts(view.events), columns),
    ...wrap('thread   ', threadParts(view.reading), columns),
    ...wrap('process  ', processParts(view.reading), columns),
  ];
}

/** The table at the end of a meeting. */
export function resultTable(results: readonly ResultView[], columns: number): string[] {
  const cells = results.map((result) => [
    result.identity,
    framesOf(result),
    count(result.framesDropped),
    count(result.samplesLost),
    result.intact ? 'intact' : 'damaged',
  ]);
  const widest = (head: string[]) =>
    head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]!.length)) + 2);
  const long = ['participant', 'frames', 'dropped', 'samples lost', 'recording'];
  const fits = widest(long).reduce((sum, width) => sum + width + 1, 1) < columns;
  const head = fits ? long : ['participant', 'frames', 'dropped', 'lost', 'result'];
  // How many there should be is left to the line below the table.
  if (!fits) for (const [at, row] of cells.entries()) row[1] = count(results[at]!.framesReceived);
  const table = plainTable(head, widest(head), ['left', 'right', 'right', 'right', 'left']);
  table.push(...cells);
  return fitted(table, columns);
}

function framesOf({ framesReceived, framesExpected }: ResultView): string {
  const received = count(framesReceived);
  return framesReceived === framesExpected ? received : `${received}/${count(framesExpected)}`;
}

/** `3 participants`. */
export function people(number: number): string {
  return number === 1 ? '1 participant' : `${count(number)} participants`;
}

/** Words that belong together, joined by commas to lines that are narrower than `columns`. */
export function wrap(label: string, parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = label;
  for (const [at, part] of parts.entries()) {
    const text = at < parts.length - 1 ? `${part},` : part;
    const first = line.trim() === '' || line === label;
    if (!first && line.length + 1 + text.length >= columns) {
      lines.push(line);
      line = ' '.repeat(label.length) + text;
    } else {
      line += first ? text : ` ${text}`;
    }
  }
  return [...lines, line].map((each) => each.slice(0, Math.max(1, columns - 1)));
}

function headingParts(view: View): string[] {
  const { participants, sampleRate, frameMs, stallMs, elapsed, seconds } = view;
  return [
    `meeting: ${clock(elapsed)} of ${clock(seconds)}`,
    people(participants.length),
    `${sampleRate / 1000} kHz`,
    `${frameMs} ms frames`,
    ...(stallMs > 0 ? [`JavaScript blocked for ${count(stallMs)} ms each second`] : []),
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

function threadParts({ mainThreadUsPerFrame, lagMs }: Reading): string[] {
  return [
    `${mainThreadUsPerFrame.toFixed(1)} µs a frame`,
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

/** `01:05`, hours only where there are any. */
function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
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

function plainTable(head: string[], colWidths: number[], colAligns: ('left' | 'right')[]): Table.Table {
  // Compact: no lines between the rows. Colours are not ours to choose.
  return new Table({ head, colWidths, colAligns, style: { compact: true, head: [], border: [] } });
}

function fitted(table: Table.Table, columns: number): string[] {
  return table
    .toString()
    .split('\n')
    .map((line) => line.slice(0, Math.max(1, columns - 1)));
}
