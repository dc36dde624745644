import chartLicence from 'uplot/LICENSE?raw';
import chartLibrary from 'uplot/dist/uPlot.iife.min.js?raw';
import chartStyle from 'uplot/dist/uPlot.min.css?raw';
import type { ComparisonRow } from './figures.js';
import { escapeHtml, fill, htmlTable, scriptJson, type Cell } from './html.js';
import type { Machine } from './machine.js';
import page from './report/page.html?raw';
import script from './report/page.js?raw';
import style from './report/page.css?raw';
import type { Measured } from './measured.js';

/** What a report is made of. Everything is text, but for `participants`, which is HTML. */
export interface ReportParts {
  readonly title: string;
  /** What it is about, in a few words each. */
  readonly shape: readonly string[];
  /** What must not be overlooked. */
  readonly notes: readonly string[];
  readonly cards: readonly Card[];
  readonly figures: readonly ComparisonRow[];
  /** A table. */
  readonly participants: string;
  readonly machine: Machine;
  /** What `machine.load` was measured before and after: `the meeting`. */
  readonly occasion: string;
  /** How it was measured, a line each. */
  readonly method: readonly string[];
  /** What the charts show; `peer` is null without a comparison. */
  readonly sides: { readonly ours: Measured; readonly peer: Measured | null };
}

/** One headline figure. */
export interface Card {
  readonly figure: string;
  readonly of: string;
  readonly details: string;
}

/** A web page with charts, in one file: it loads nothing, from nowhere. */
export function renderPage(parts: ReportParts): string {
  const { title, shape, notes, cards, figures, participants, machine, occasion, method, sides } = parts;
  const compared = sides.peer !== null;
  return fill(page, {
    title: escapeHtml(title),
    shape: escapeHtml(shape.join(' · ')),
    notes: notes.map((text) => `<p class="note">${escapeHtml(text)}</p>`).join('\n'),
    cards: cards.map(cardHtml).join('\n'),
    charts: CHARTS.map((chart) => chartHtml(chart, compared)).join('\n'),
    comparison: figuresHtml(figures, compared),
    participants,
    machine: htmlTable([], machineRows(machine, occasion)),
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

function cardHtml({ figure, of, details }: Card): string {
  return `<div class="card"><p class="figure">${escapeHtml(figure)}</p><p class="of">${escapeHtml(of)}</p><p>${escapeHtml(details)}</p></div>`;
}

interface Chart {
  /** The name that page.js knows it by. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** What the dots are, where there are some beside the line. */
  readonly dots?: string;
}

const CHARTS: readonly Chart[] = [
  { name: 'thread', title: 'Main thread', unit: '% of each second' },
  { name: 'lag', title: 'Event-loop lag', unit: 'p99', dots: 'max' },
  { name: 'memory', title: 'Resident memory', unit: '' },
];

function chartHtml({ name, title, unit, dots }: Chart, compared: boolean): string {
  const keys = [
    '<span class="key">narrowcast</span>',
    ...(compared ? ['<span class="key peer">rtc-node</span>'] : []),
    ...(dots ? [`<span class="key dots">${dots}</span>`] : []),
  ];
  return `<figure><figcaption><strong>${title} <span class="unit">${unit}</span></strong>${keys.join('')}</figcaption><div class="plot" data-chart="${name}"></div></figure>`;
}

function figuresHtml(figures: readonly ComparisonRow[], compared: boolean): string {
  const head: Cell[] = [
    { text: '' },
    { text: 'narrowcast', className: 'number ours' },
    { text: 'rtc-node', className: 'number peer' },
    numberCell('ratio'),
  ];
  const rows = figures.map(({ what, ours, peer, ratio }) => [{ text: what }, ...[ours, peer, ratio].map(numberCell)]);
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
