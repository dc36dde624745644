import { comparisonRows, difference, outcomeOf } from './comparison.js';
import { count, countOrNone } from './format.js';
import { htmlTable, type Cell } from './html.js';
import { shapeParts } from './meeting-shape.js';
import { clockText, dateText, LAG_TEXT, numberCell, renderPage, type Card } from './report-page.js';
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
  const { meeting, machine, ours, peer } = figures;
  return renderPage({
    title: peer ? 'narrowcast beside plain rtc-node' : 'narrowcast meeting',
    shape: [...shapeParts(meeting), `${meeting.seconds} s`, dateText(notes.at)],
    notes: noteTexts(notes),
    cards: cardsOf(figures),
    figures: comparisonRows(figures),
    participants: participantsHtml(figures),
    machine,
    occasion: 'the meeting',
    method: methodTexts(figures),
    sides: { ours, peer },
  });
}

/** What somebody wants to know first: computed, whichever way it comes out. */
function cardsOf({ ours, peer }: Sides): Card[] {
  const outcome = outcomeOf(ours);
  const lost = (result: MeetingResult) => count(outcomeOf(result).samplesLost);
  const micros = (result: MeetingResult) => `${result.mainThreadUsPerFrame.toFixed(1)} µs`;
  const late = (result: MeetingResult) => `${result.lagMs.p99.toFixed(1)} ms`;
  const percent = (result: MeetingResult) => `${result.cpuPercent.toFixed(1)} %`;
  const memory = (result: MeetingResult) => `${result.rssMb.end.toFixed(0)} MB`;
  const beside = (of: (result: MeetingResult) => string) => (peer ? `${of(ours)};\nrtc-node: ${of(peer)}` : '');
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
    { ...compared('memory at the end', memory, (result) => result.rssMb.end), details: beside(memory) },
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

function participantsHtml({ ours, peer }: Sides): string {
  const side = ({ participants }: MeetingResult, at: number): Cell[] => {
    const { framesReceived, framesExpected, framesDropped, samplesLost, intact } = participants[at]!;
    return [
      numberCell(`${count(framesReceived)} of ${count(framesExpected)}`),
      numberCell(countOrNone(framesDropped)),
      numberCell(count(samplesLost)),
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

function methodTexts({ meeting: { forget }, ours, peer }: MeetingFigures): string[] {
  return [
    `Main-thread time ${clockText(ours)}. Left out: stalls made on purpose, drawing the table, and what the same thread took just ` +
      'before, while everybody played and nobody listened (measuring lag, and rtc-node hearing the answers to what was ' +
      'played: in a real meeting others play).',
    LAG_TEXT,
    'Samples lost were played and are not in the recording, unchanged and in their place: each recording was read back ' +
      'from the disk and compared with what was played.',
    ...(forget > 0
      ? [
          'Forgotten streams are opened beside those that are recorded, read once, and let go of without being closed, ' +
            'on both sides alike.',
        ]
      : []),
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
}

function noteTexts({ early, missing }: ReportNotes): string[] {
  return [
    ...(early ? ['Somebody ended this meeting early.'] : []),
    ...(missing === undefined ? [] : [`No comparison with rtc-node: ${missing}`]),
  ];
}
