import chartLicence from 'uplot/LICENSE?raw';
import chartLibrary from 'uplot/dist/uPlot.iife.min.js?raw';
import chartStyle from 'uplot/dist/uPlot.min.css?raw';
import { comparisonRows, difference, outcomeOf } from './comparison.js';
import { count, countOrNone } from './format.js';
import { escapeHtml, fill, htmlTable, scriptJson, type Cell } from './html.js';
import { shapeParts } from './live-table.js';
import type { Machine } from './machine.js';
import page from './report/page.html?raw';
import script from './report/page.js?raw';
import style from './report/page.css?raw';
import type { MeetingFigures, MeetingResult, Sides } from './result.js';

/** What a report says about the run itself. */
export interface ReportNotes {
  /** Whether somebody ended the meeting before all was played. */
  readonly early: boolean;
  /** When it was. */
  readonly at: Date;
  /** Why there is no comparison, where there was to be one. */
  readonly missing: string | undefined;
}

/** A web page about a meeting, in one file: it loads nothing, from nowhere. */
export function renderReport(figures: MeetingFigures, notes: ReportNotes): string {
  const { meeting, machine } = figures;
  const compared = figures.peer !== null;
  return fill(page, {
    title: compared ? 'narrowcast beside plain rtc-node' : 'narrowcast meeting',
    shape: escapeHtml([...shapeParts(meeting), `${meeting.seconds} s`, dateText(notes.at)].join(' · ')),
    notes: noteTexts(notes)
      .map((text) => `<p class="note">${escapeHtml(text)}</p>`)
      .join('\n'),
    cards: cardsOf(figures).map(cardHtml).join('\n'),
    charts: CHARTS.map((chart) => chartHtml(chart, compared)).join('\n'),
    comparison: comparisonHtml(figures),
    participants: participantsHtml(figures),
    machine: htmlTable([], machineRows(machine)),
    method: methodHtml(figures),
    chartLicence: chartLicence.trim(),
    chartLibrary,
    chartStyle,
    style,
    script,
    figures: scriptJson({ ours: figures.ours, peer: figures.peer }),
  });
}

interface Card {
  readonly figure: string;
  readonly of: string;
  readonly details: string;
}

/** What somebody wants to know first: computed, whichever way it comes out. */
function cardsOf({ ours, peer }: Sides): Card[] {
  const outcome = outcomeOf(ours);
  const lost = (result: MeetingResult) => count(outcomeOf(result).samplesLost);
  const micros = (result: MeetingResult) => `${result.mainThreadUsPerFrame.toFixed(1)} µs`;
  const late = (result: MeetingResult) => `${result.lagMs.p99.toFixed(1)} ms`;
  const percent = (result: MeetingResult) => `${result.cpuPercent.toFixed(1)} %`;
  const beside = (of: (result: MeetingResult) => string) => (peer ? `${of(ours)}; rtc-node: ${of(peer)}` : '');
  return [
    {
      ...compared('main-thread time per frame', micros, (result) => result.mainThreadUsPerFrame),
      details: beside(micros),
    },
    {
      figure: lost(ours),
      of: 'samples lost',
      details: peer
        ? `rtc-node: ${lost(peer)}`
        : `${count(outcome.intact)} of ${count(outcome.recordings)} recordings intact`,
    },
    { ...compared('event-loop lag, p99', late, (result) => result.lagMs.p99), details: beside(late) },
    { ...compared('processor time, all threads', percent, (result) => result.cpuPercent), details: beside(percent) },
  ];

  function compared(what: string, format: (result: MeetingResult) => string, of: (result: MeetingResult) => number) {
    if (!peer) return { figure: format(ours), of: what };
    const { times, word } = difference(of(ours), of(peer));
    if (word === 'the same') return { figure: 'The same', of: what };
    return times === null
      ? { figure: format(ours), of: what }
      : { figure: `${times.toFixed(1)}×`, of: `${word} ${what}` };
  }
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
  { name: 'thread', title: 'Main-thread time per frame', unit: 'in each second' },
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

function comparisonHtml(sides: Sides): string {
  const number = (text: string): Cell => ({ text, className: 'number' });
  const head: Cell[] = [
    { text: '' },
    { text: 'narrowcast', className: 'number ours' },
    { text: 'rtc-node', className: 'number peer' },
    number('ratio'),
  ];
  const rows = comparisonRows(sides).map(({ what, ours, peer, ratio }) => [
    { text: what },
    ...[ours, peer, ratio].map(number),
  ]);
  const columns = sides.peer ? head.length : 2;
  return htmlTable(
    head.slice(0, columns),
    rows.map((row) => row.slice(0, columns)),
  );
}

function participantsHtml({ ours, peer }: Sides): string {
  const number = (text: string): Cell => ({ text, className: 'number' });
  const side = ({ participants }: MeetingResult, at: number): Cell[] => {
    const { framesReceived, framesExpected, framesDropped, samplesLost, intact } = participants[at]!;
    return [
      number(`${count(framesReceived)} of ${count(framesExpected)}`),
      number(countOrNone(framesDropped)),
      number(count(samplesLost)),
      intact ? { text: 'intact' } : { text: 'damaged', className: 'bad' },
    ];
  };
  const head = (name: string, className: string): Cell[] => [
    { text: `${name}: frames`, className: `number ${className}` },
    { text: 'dropped', className: 'number' },
    { text: 'samples lost', className: 'number' },
    { text: 'recording' },
  ];
  return htmlTable(
    [{ text: 'participant' }, ...head('narrowcast', 'ours'), ...(peer ? head('rtc-node', 'peer') : [])],
    ours.participants.map(({ identity }, at) => [
      { text: identity },
      ...side(ours, at),
      ...(peer ? side(peer, at) : []),
    ]),
  );
}

function machineRows({ cpu, cores, memoryGb, system, node, narrowcast, rtcNode, engine, load }: Machine): Cell[][] {
  return [
    ['processor', `${cpu}, ${cores === 1 ? '1 core' : `${cores} cores`}`],
    ['memory', `${memoryGb.toFixed(1)} GB`],
    ['system', system],
    ['Node', node],
    ['narrowcast', narrowcast],
    ['@livekit/rtc-node', `${rtcNode}, engine ${engine}`],
    ['load', `${load.before.toFixed(1)} before the meeting, ${load.after.toFixed(1)} after it`],
  ].map((row) => row.map((text) => ({ text })));
}

function methodHtml({ ours, peer }: Sides): string {
  const clock =
    ours.mainThreadClock === 'processor'
      ? 'is time that the JavaScript thread was on a processor'
      : 'is time that the event loop was not waiting, so what else the machine did at that moment is in it';
  const lines = [
    `Main-thread time ${clock}. Left out: stalls made on purpose, drawing the table, and what the same thread took just ` +
      'before, while everybody played and nobody listened (measuring lag, and rtc-node hearing the answers to what was ' +
      'played: in a real meeting others play).',
    'Event-loop lag is how late a timer of 10 ms fired. Lag, memory and processor time are the whole process’s.',
    'Samples lost were played and are not in the recording, unchanged and in their place: each recording was read back ' +
      'from the disk and compared with what was played.',
    ...(peer
      ? [
          'Both sides ran at the same time in processes of their own, each with LiveKit’s engine: the same voices, played ' +
            'from a native thread, and the same code that records and measures. rtc-node’s is its own client and its own ' +
            'AudioStream, read with for await. Each of its streams has a short queue in the engine, which drops what it has ' +
            'no room for; neither that nor events are counted there, so compare with what was played. ' +
            'Chunks that the engine took in another order than they were played, which the player can’t prevent on ' +
            'that side, are not called lost there.',
          'The ratio is narrowcast divided by rtc-node.',
        ]
      : []),
  ];
  return `<ul>\n${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('\n')}\n</ul>`;
}

function noteTexts({ early, missing }: ReportNotes): string[] {
  return [
    ...(early ? ['Somebody ended this meeting early.'] : []),
    ...(missing === undefined ? [] : [`No comparison with rtc-node: ${missing}`]),
  ];
}

/** `2026-11-21 14:05 UTC`. */
function dateText(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
