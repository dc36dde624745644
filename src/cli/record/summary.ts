import { basename } from 'node:path';
import { clock, count, people } from '../shared/format.js';
import { meterLines } from '../shared/live-table.js';
import type { RecordedVoice, RecordFigures } from './result.js';
import { fitted, plainTable, widthsOf, wrap } from '../shared/table.js';

/** What was recorded, all together. */
export interface RecordOutcome {
  readonly participants: number;
  readonly framesReceived: number;
  readonly framesDropped: number;
}

export function recordOutcome(voices: readonly RecordedVoice[]): RecordOutcome {
  const sum = (of: (voice: RecordedVoice) => number) => voices.reduce((total, voice) => total + of(voice), 0);
  return {
    participants: new Set(voices.map(({ identity }) => identity)).size,
    framesReceived: sum((voice) => voice.framesReceived),
    framesDropped: sum((voice) => voice.framesDropped),
  };
}

/** What came of a recording: the files, what it cost, and why it ended. */
export function recordSummary({ recording, result }: RecordFigures, out: string, columns: number): string[] {
  const { voices, events } = result;
  const { participants, framesReceived, framesDropped } = recordOutcome(voices);
  const head = ['file', 'first heard', 'heard for', 'frames', 'dropped'];
  const rows = voices.map((voice) => [
    basename(voice.file),
    clock(voice.begin),
    clock(voice.heard),
    count(voice.framesReceived),
    count(voice.framesDropped),
  ]);
  const table = plainTable(head, widthsOf([head, ...rows]), ['left', 'right', 'right', 'right', 'right']);
  table.push(...rows);
  return [
    ...(voices.length > 0 ? fitted(table, columns) : []),
    ...meterLines({ events, reading: result }, columns),
    ...wrap(
      '',
      [
        `${clock(recording.seconds)} recorded, until ${recording.end}: ${people(participants)}`,
        `${count(framesReceived)} frames`,
        `${count(framesDropped)} dropped`,
        voices.length > 0 ? `the files are in ${out}` : 'no participant was heard, so there is no file',
      ],
      columns,
    ),
  ];
}
