import chartLicence from 'uplot/LICENSE?raw';
import chartLibrary from 'uplot/dist/uPlot.iife.min.js?raw';
import chartStyle from 'uplot/dist/uPlot.min.css?raw';
import { FRAMES_TEXT, WAKES_TEXT, type ComparisonRow } from './figures.js';
import { escapeHtml, fill, htmlTable, linked, scriptJson, type Cell } from './html.js';
import type { Machine } from './machine.js';
import page from './report/page.html?raw';
import script from './report/page.js?raw';
import style from './report/page.css?raw';
import type { Measured } from './measured.js';

/** What a report is made of. Everything is text, but for `figures`, `voices` and `participants`, which are HTML. */
export interface ReportParts {
  readonly title: string;
  /** What it is about, in a few words each. */
  readonly shape: readonly string[];
  /** What must not be overlooked. */
  readonly notes: readonly string[];
  readonly cards: readonly Card[];
  /** What is drawn above the cards. */
  readonly voices?: string;
  /** A table. */
  readonly figures: string;
  /** A table. */
  readonly participants: string;
  readonly machine: Machine;
  /** What `machine.load` was measured before and after: `the meeting`. */
  readonly occasion: string;
  /** How it was measured, a line each. */
  readonly method: readonly string[];
  /** What the charts show, narrowcast's first; three at most. */
  readonly sides: readonly ReportSide[];
}

/** A line of each chart. */
interface ReportSide {
  readonly name: string;
  readonly measured: Measured;
}

/** What page.css calls the colours of the sides. */
export const SIDE_CLASSES = ['ours', 'peer', 'third'] as const;

/** One headline figure. */
export interface Card {
  readonly figure: string;
  readonly of: string;
  readonly details: string;
  readonly meaning?: string | undefined;
}

/** A web page with charts, in one file: it loads nothing, from nowhere. */
export function renderPage(parts: ReportParts): string {
  const { title, shape, notes, cards, voices = '', figures, participants, machine, occasion, method, sides } = parts;
  return fill(page, {
    title: escapeHtml(title),
    shape: escapeHtml(shape.join(' · ')),
    notes: notes.map((text) => `<p class="note">${escapeHtml(text)}</p>`).join('\n'),
    cards: cards.map(cardHtml).join('\n'),
    charts: CHARTS.map((chart) => chartHtml(chart, sides)).join('\n'),
    voices,
    comparison: figures,
    participants,
    machine: htmlTable([], machineRows(machine, occasion)),
    meanings: meaningsHtml(),
    method: `<ul>\n${method.map((line) => `<li>${escapeHtml(line)}</li>`).join('\n')}\n</ul>`,
    chartLicence: chartLicence.trim(),
    chartLibrary,
    chartStyle,
    style,
    script,
    figures: scriptJson(sides),
  });
}

/** A cell with a number in it. */
export const numberCell = (text: string): Cell => ({ text, className: 'number' });

/** What main-thread time is here. */
export function clockText({ mainThreadClock }: Measured): string {
  return mainThreadClock === 'processor'
    ? 'is time that the JavaScript thread was on a processor'
    : 'is time that the event loop was not waiting, so what else the machine did at that moment is in it';
}

/** What the other figures of a process are. */
export const LAG_TEXT =
  'Event-loop lag is how late a timer of 20 ms fired. Lag, memory and the time of all threads are the whole process’s.';

/** `2026-11-21 14:05 UTC`. */
export function dateText(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function cardHtml({ figure, of, details, meaning }: Card): string {
  return `<div class="card"><p class="figure">${escapeHtml(figure)}</p><p class="of">${linked(of, meaning)}</p><p>${escapeHtml(details)}</p></div>`;
}

/** What a figure means, by the part of the page that says so: the figures' names that lead there, and the words. */
const MEANINGS: readonly { readonly id: string; readonly names: readonly string[]; readonly text: string }[] = [
  {
    id: 'gaps',
    names: ['gaps in the agent’s voice', 'missing of the agent’s voice'],
    text: 'Silence that the callers heard in the middle of what the agent said, because nothing was there to play: runs of 5 ms or more. The agent’s words have no silent sample of their own.',
  },
  {
    id: 'lost',
    names: ['frames of the callers lost', 'samples lost', 'samples played', 'recordings intact', 'frames read'],
    text: `What was said and is not in the recording of it, unchanged and in its place. The recordings were read back from the disk and compared with what was played. ${FRAMES_TEXT}`,
  },
  {
    id: 'main-thread',
    names: ['main thread', '… idle, before', '… per frame', '… half of seconds'],
    text: 'Time of the JavaScript thread, without stalls made on purpose and without drawing. What it takes is not there for the agent’s own work. “Idle” is what measuring alone takes, before anything is played.',
  },
  {
    id: 'wakes',
    names: ['wakes, a second', 'wakes of JavaScript'],
    text: `How often the JavaScript thread went to sleep, and was woken again. ${WAKES_TEXT} The timer that measures lag wakes it 50 times a second on each side.`,
  },
  {
    id: 'lag',
    names: ['event-loop lag p50', 'event-loop lag p99', 'event-loop lag max'],
    text: 'How late a timer of 20 ms fired: what any other work of the thread would have waited. Stalls show.',
  },
  {
    id: 'memory',
    names: ['memory at the end', 'memory growth'],
    text: 'Resident memory of the process, with Node and LiveKit’s engine in it.',
  },
  {
    id: 'all-threads',
    names: ['all threads'],
    text: 'Processor time of the whole process, in % of one core: the engine’s threads and stalls are in it.',
  },
  {
    id: 'events',
    names: ['native events', '… delivered', '… unwanted', '… dropped'],
    text: 'Events that the engine sent to this process. Unwanted ones end natively, and JavaScript is not woken for them. rtc-node does not count them.',
  },
];

/** The part of the page that says what a figure of this name means. */
export function meaningOf(name: string): string | undefined {
  return MEANINGS.find(({ names }) => names.includes(name))?.id;
}

function meaningsHtml(): string {
  return `<dl>\n${MEANINGS.map(({ id, names, text }) => `<dt id="${id}">${escapeHtml(names[0]!)}</dt><dd>${escapeHtml(text)}</dd>`).join('\n')}\n</dl>`;
}

interface Chart {
  /** The name that page.js knows it by. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly meaning: string;
  /** What the dots are, where there are some beside the line. */
  readonly dots?: string;
}

const CHARTS: readonly Chart[] = [
  { name: 'thread', title: 'Main thread', unit: '% of each second', meaning: 'main-thread' },
  { name: 'lag', title: 'Event-loop lag', unit: 'p99', dots: 'max', meaning: 'lag' },
  { name: 'memory', title: 'Resident memory', unit: '', meaning: 'memory' },
];

function chartHtml({ name, title, unit, dots, meaning }: Chart, sides: readonly ReportSide[]): string {
  const keys = [
    ...sides.map(({ name }, at) => `<span class="key ${SIDE_CLASSES[at]}">${escapeHtml(name)}</span>`),
    ...(dots ? [`<span class="key dots">${dots}</span>`] : []),
  ];
  return `<figure><figcaption><strong>${linked(title, meaning)} <span class="unit">${unit}</span></strong>${keys.join('')}</figcaption><div class="plot" data-chart="${name}"></div></figure>`;
}

/** A table of both sides, or of narrowcast alone. */
export function figuresHtml(figures: readonly ComparisonRow[], compared: boolean): string {
  const head: Cell[] = [
    { text: '' },
    { text: 'narrowcast', className: 'number ours' },
    { text: 'rtc-node', className: 'number peer' },
    numberCell('ratio'),
  ];
  const rows = figures.map(({ what, ours, peer, ratio }) => [
    { text: what, meaning: meaningOf(what) },
    ...[ours, peer, ratio].map(numberCell),
  ]);
  const columns = compared ? head.length : 2;
  return htmlTable(
    head.slice(0, columns),
    rows.map((row) => row.slice(0, columns)),
  );
}

function machineRows(machine: Machine, occasion: string): Cell[][] {
  const { cpu, cores, memoryGb, system, node, narrowcast, rtcNode, engine, load } = machine;
  return [
    ['processor', `${cpu}, ${cores === 1 ? '1 core' : `${cores} cores`}`],
    ['memory', `${memoryGb.toFixed(1)} GB`],
    ['system', system],
    ['Node', node],
    ['narrowcast', narrowcast],
    ['@livekit/rtc-node', `${rtcNode}, engine ${engine}`],
    ['load', `${load.before.toFixed(1)} before ${occasion}, ${load.after.toFixed(1)} after it`],
  ].map((row) => row.map((text) => ({ text })));
}
