import { formatted, MAIN_THREAD, measuredRows, PER_FRAME, PROCESSOR } from '../shared/figures.js';
import { clock, count } from '../shared/format.js';
import { htmlTable } from '../shared/html.js';
import type { RecordFigures, RecordResult } from './result.js';
import { recordOutcome } from './summary.js';
import {
  clockText,
  dateText,
  figuresHtml,
  LAG_TEXT,
  numberCell,
  renderPage,
  type Card,
} from '../shared/report-page.js';

/** A web page about a recording, in one file: it loads nothing, from nowhere. @param at when it ended */
export function renderRecordReport({ recording, result, machine }: RecordFigures, at: Date): string {
  const { room, seconds, sampleRate, end } = recording;
  const { framesDropped } = recordOutcome(result.voices);
  const lost = `${count(framesDropped)} frames were lost: the disk or this process was too slow.`;
  return renderPage({
    title: `narrowcast recording of ${room}`,
    shape: [clock(seconds), `${sampleRate / 1000} kHz`, `until ${end}`, dateText(at)],
    notes: framesDropped > 0 ? [lost] : [],
    cards: cardsOf(result),
    figures: figuresHtml(measuredRows(result), false),
    participants: voicesHtml(result),
    machine,
    occasion: 'the recording',
    method: [
      `Main-thread time ${clockText(result)}. Drawing the table is left out.`,
      LAG_TEXT,
      'Every file begins when the recording began, and ends when it ended: silence is where its participant was not heard.',
    ],
    sides: [{ name: 'narrowcast', measured: result }],
  });
}

function cardsOf(result: RecordResult): Card[] {
  const { participants, framesReceived, framesDropped } = recordOutcome(result.voices);
  const card = (figure: string, of: string, details = ''): Card => ({ figure, of, details });
  return [
    card(count(participants), participants === 1 ? 'participant' : 'participants'),
    card(count(framesDropped), 'frames lost', `of ${count(framesReceived + framesDropped)}`),
    card(formatted(MAIN_THREAD, result), 'of the main thread', `${formatted(PER_FRAME, result)} a frame`),
    card(formatted(PROCESSOR, result), 'of a core, all threads'),
  ];
}

function voicesHtml({ voices }: RecordResult): string {
  const head = ['participant', 'source', 'file', 'first heard', 'heard for', 'frames', 'dropped'];
  return htmlTable(
    head.map((text, at) => (at < 3 ? { text } : numberCell(text))),
    voices.map(({ identity, source, file, begin, heard, framesReceived, framesDropped }) => [
      { text: identity },
      { text: source },
      { text: file },
      ...[clock(begin), clock(heard), count(framesReceived), count(framesDropped)].map(numberCell),
    ]),
  );
}
