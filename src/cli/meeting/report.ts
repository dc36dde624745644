import { comparisonRows, outcomeOf } from './comparison.js';
import {
  difference,
  differenceText,
  formatted,
  LAG,
  MAIN_THREAD,
  MEMORY,
  PER_FRAME,
  PROCESSOR,
  type Figure,
} from '../shared/figures.js';
import { count, countOrNone } from '../shared/format.js';
import { htmlTable, type Cell } from '../shared/html.js';
import { shapeParts } from './shape.js';
import {
  clockText,
  dateText,
  figuresHtml,
  LAG_TEXT,
  meaningOf,
  numberCell,
  renderPage,
  type Card,
} from '../shared/report-page.js';
import type { MeetingFigures, MeetingResult, Sides } from './result.js';
import { paceFor } from './tracks.js';

/** What a report says about the run itself. */
export interface ReportNotes {
  /** Whether the user ended the meeting before all was played. */
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
    figures: figuresHtml(comparisonRows(figures), peer !== null),
    participants: participantsHtml(figures),
    machine,
    occasion: 'the meeting',
    method: methodTexts(figures),
    sides: [{ name: 'narrowcast', measured: ours }, ...(peer ? [{ name: 'rtc-node', measured: peer }] : [])],
  });
}

/** The figures that tell most, as they were measured; then how the two sides differ, whichever way that comes out. */
function cardsOf({ ours, peer }: Sides): Card[] {
  const outcome = outcomeOf(ours);
  const lost = (result: MeetingResult) => count(outcomeOf(result).samplesLost);
  return [
    cardOf(MAIN_THREAD, 'of the main thread'),
    cardOf(PER_FRAME, 'of the main thread per frame'),
    {
      figure: lost(ours),
      of: 'samples lost',
      meaning: 'lost',
      details: peer
        ? `rtc-node: ${lost(peer)}`
        : `${count(outcome.intact)} of ${count(outcome.recordings)} recordings intact`,
    },
    cardOf(LAG, 'event-loop lag, p99'),
    cardOf(MEMORY, 'memory at the end'),
    cardOf(PROCESSOR, 'of a core, all threads'),
  ];

  function cardOf(figure: Figure, of: string): Card {
    const found = peer && figure.ratio && difference(figure, ours, peer);
    const words = found ? [differenceText(found)] : [];
    const details = peer ? [`rtc-node: ${formatted(figure, peer)}`, ...words].join('; ') : '';
    return { figure: formatted(figure, ours), of, details, meaning: meaningOf(figure.what) };
  }
}

function participantsHtml({ ours, peer }: Sides): string {
  const cells = ({ participants }: MeetingResult, at: number): Cell[] => {
    const { framesReceived, framesDropped, samplesLost, intact } = participants[at]!;
    return [
      numberCell(count(framesReceived)),
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
      ...cells(ours, at),
      ...(peer ? cells(peer, at) : []),
    ]),
  );
}

function methodTexts({ meeting: { forget, stall }, ours, peer }: MeetingFigures): string[] {
  const { pieceMs, queueMs } = paceFor(stall);
  return [
    `Main-thread time ${clockText(ours)}: measuring lag, playing, waking up, reading, and writing the recording. Nothing ` +
      'is subtracted; stalls made on purpose and drawing the table are left out. Per frame is the time of the same seconds ' +
      'divided by the frames read in them. The figures begin with the second second, once the code is warm.',
    'Half of all seconds lies between the two values given: a difference below that is called the same.',
    LAG_TEXT,
    `Voices are played in pieces of ${count(pieceMs)} ms through an AudioSource with a queue of ${queueMs / 1000} s; the engine sends silence before and ` +
      'after them. Samples lost were played and are not in the recording, unchanged and in their place: each recording was ' +
      'read back from the disk and compared with what was played.',
    ...(forget > 0
      ? [
          'Forgotten streams are opened beside those that are recorded, read once, and never closed, ' +
            'on both sides alike.',
        ]
      : []),
    ...(peer
      ? [
          'Both sides ran at the same time in processes of their own, each with LiveKit’s engine, and were measured in the ' +
            'same seconds: the same voices, and the same code that plays, records and measures. rtc-node’s is its own client, ' +
            'its own AudioSource and its own AudioStream, read with for await. Each of its streams has a short queue in the ' +
            'engine, which drops what it has no room for; neither that nor events are counted there, so compare with what was ' +
            'played.',
          'The ratio is narrowcast divided by rtc-node.',
        ]
      : []),
  ];
}

function noteTexts({ early, missing }: ReportNotes): string[] {
  return [
    ...(early ? ['This meeting was ended early.'] : []),
    ...(missing === undefined ? [] : [`No comparison with rtc-node: ${missing}`]),
  ];
}
