import { join } from 'node:path';
import {
  formatted,
  LAG,
  MAIN_THREAD,
  MEMORY,
  PER_FRAME,
  WAKES,
  WAKES_TEXT,
  type Figure,
} from '../../shared/figures.js';
import { clock, count } from '../../shared/format.js';
import type { Reading } from '../../shared/meters.js';
import { fitted, folded, plainTable, tableWidth, widthsOf, wrap } from '../../shared/table.js';
import type { SideProgress } from '../messages.js';
import { AGENT } from '../participants.js';
import type { MeetingResult } from '../result.js';
import {
  AGENTS_QUEUE_MS,
  framesLost,
  isWhole,
  SPEECH_BUFFER_MS,
  type AgentMeetingFigures,
  type AgentMeetingShape,
  type Side,
  type SideShape,
} from './sides.js';
import { peaksIn, type Voice } from './voice.js';

/** What kind of meeting it is, in words. */
export function shapeParts({ callers, seconds, stall, agents }: AgentMeetingShape): string[] {
  return [
    ...(agents ? [`jobs of @livekit/agents ${agents.version} in rooms at ${agents.url}`] : []),
    `${callers === 1 ? '1 caller talks' : `${count(callers)} callers talk`} for ${clock(seconds)}`,
    'the agent listens to all and speaks',
    stall > 0
      ? `its thread is blocked for ${count(stall)} ms in each second`
      : 'its thread is never blocked on purpose',
  ];
}

/** How a side is, so far or in the end. */
interface Row {
  readonly name: string;
  readonly gaps?: number | undefined;
  readonly missingMs?: number | undefined;
  /** Known in the end only: what was read is compared with what was said. */
  readonly lost?: number | undefined;
  readonly reading?: Reading | undefined;
  readonly strip?: readonly number[] | undefined;
}

interface Column {
  readonly title: string;
  readonly of: (row: Row) => string;
}

const number = (title: string, of: (row: Row) => number | undefined, unit = ''): Column => ({
  title,
  of: (row) => {
    const value = of(row);
    return value === undefined ? '-' : `${count(value)}${unit}`;
  },
});
const figure = (title: string, which: Figure): Column => ({
  title,
  of: ({ reading }) => (reading ? formatted(which, reading) : '-'),
});

const GAPS = number('gaps', ({ gaps }) => gaps);
const MISSING = number('missing', ({ missingMs }) => missingMs, ' ms');
const LOST = number('lost', ({ lost }) => lost);
const THREAD = figure('thread', MAIN_THREAD);
const DELAY = figure('delay', { ...LAG, format: (ms) => `${Math.round(ms)} ms` });

/** Columns of the table; the first that fits is taken. */
const LAYOUTS: readonly (readonly Column[])[] = [
  [GAPS, MISSING, LOST, THREAD, figure('a frame', PER_FRAME), DELAY, figure('wakes', WAKES), figure('memory', MEMORY)],
  [GAPS, MISSING, LOST, THREAD, DELAY, figure('wakes', WAKES), figure('memory', MEMORY)],
  [GAPS, MISSING, LOST, THREAD, DELAY],
  [GAPS, MISSING, THREAD],
];

function tableOf(rows: readonly Row[], columns: number): string[] {
  const cells = (layout: readonly Column[]) => [
    ['', ...layout.map(({ title }) => title)],
    ...rows.map((row) => [row.name, ...layout.map(({ of }) => of(row))]),
  ];
  const layout = LAYOUTS.find((each) => tableWidth(widthsOf(cells(each))) < columns) ?? LAYOUTS.at(-1)!;
  const [head, ...body] = cells(layout);
  const table = plainTable(head!, widthsOf([head!, ...body]), ['left', ...layout.map(() => 'right' as const)]);
  table.push(...body);
  return fitted(table, columns);
}

const BARS = '▁▂▃▄▅▆▇█';

/** The agent's voice as it was heard, a line for each side: `▃▅▆×▅▃`. */
function strips(rows: readonly Row[], columns: number): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  return rows.flatMap(({ name, strip }) => {
    if (!strip || strip.length === 0) return [];
    // Half as loud is a quarter lower.
    const bar = (peak: number) => (peak < 0 ? '×' : BARS[Math.min(7, Math.floor(Math.sqrt(peak) * 8))]!);
    return [
      `${name.padEnd(width)}${strip
        .map(bar)
        .slice(-Math.max(1, columns - width - 1))
        .join('')}`,
    ];
  });
}

/** What the strips are. */
const HEARD = 'The agent’s voice as its callers hear it (×: nothing came)';

/** The sides of a meeting that goes on. */
export function agentTable(
  sides: readonly (SideShape & { readonly progress: SideProgress | undefined })[],
  shape: AgentMeetingShape,
  { elapsed, columns, live }: { elapsed: number; columns: number; live: boolean },
): string[] {
  const heading =
    elapsed > shape.seconds
      ? `meeting: ${clock(shape.seconds)} of ${clock(shape.seconds)}, waiting for the voices to end`
      : `meeting: ${clock(elapsed)} of ${clock(shape.seconds)}`;
  if (!live) {
    // Without figures, which change: the display prints a line once.
    if (elapsed > shape.seconds) return [heading];
    const parts = sides.flatMap(({ name, progress }) =>
      progress?.voice
        ? [`${name}: ${gapsText(progress.voice)}, main thread ${formatted(MAIN_THREAD, progress.reading)}`]
        : [],
    );
    return [[heading, ...parts].join(' | ')];
  }
  const rows = sides.map(({ name, progress }) => ({ name, ...progress?.voice, reading: progress?.reading }));
  return [
    ...wrap('', [heading, ...shapeParts(shape)], columns),
    ...tableOf(rows, columns),
    `${HEARD}:`.slice(0, Math.max(1, columns - 1)),
    ...strips(rows, columns),
  ];
}

/** `5 gaps, 480 ms missing`. */
export function gapsText({ gaps, missingMs }: { readonly gaps: number; readonly missingMs: number }): string {
  return gaps === 0 ? 'no gap' : `${gaps === 1 ? '1 gap' : `${count(gaps)} gaps`}, ${count(missingMs)} ms missing`;
}

/** What a side is, in words. */
export function sideText({ client, queueMs, speechBufferMs }: SideShape): string {
  if (client === 'narrowcast') {
    return `narrowcast, a queue of ${count(queueMs)} ms and a speech buffer of ${count(speechBufferMs)} ms`;
  }
  return `rtc-node, a queue of ${count(queueMs)} ms${queueMs === AGENTS_QUEUE_MS ? ', as @livekit/agents has it' : ', its own default'}`;
}

/** What came of a meeting. */
export function agentSummary(
  { meeting, sides }: AgentMeetingFigures,
  out: string,
  early: boolean,
  columns: number,
): string[] {
  const rows = sides.map((side) => rowOf(side, meeting));
  const ours = sides[0]!.result!;
  const words = [
    ...(early ? ['It was ended early.'] : []),
    ...sides.flatMap((side) => (side.result ? [`${sideText(side)}: ${gapsText(side.result.voice!)}`] : [])),
    verdict(ours, meeting),
    `The speech buffer is not the default: NARROWCAST_SPEECH_BUFFER_MS=${SPEECH_BUFFER_MS}, see docs/livekit-agents.md.`,
  ];
  const legend = [
    'lost: frames of the callers; thread: main-thread time; delay: of the event loop, p99; wakes: of the thread, a second',
    WAKES_TEXT,
  ];
  const files = sides.flatMap(({ name, result }) => (result ? [join(out, name, `${AGENT}.wav`)] : []));
  return [
    ...folded(`${HEARD.replace('hear', 'heard')}:`, columns),
    ...strips(rows, columns),
    ...tableOf(rows, columns),
    ...legend.flatMap((line) => folded(line, columns)),
    '',
    ...words.flatMap((line) => folded(line, columns)),
    ...wrap('Listen: ', files, columns),
  ];
}

function verdict(ours: MeetingResult, meeting: AgentMeetingShape): string {
  if (isWhole(ours))
    return 'narrowcast: the callers heard the agent without a gap, and no frame of the callers was lost';
  const lost = framesLost(ours, meeting.sampleRate);
  return `narrowcast: ${gapsText(ours.voice!)} in the agent’s voice, ${lost === 1 ? '1 frame' : `${count(lost)} frames`} of the callers lost`;
}

function rowOf({ name, result }: Side, { sampleRate }: AgentMeetingShape): Row {
  if (!result) return { name };
  const { voice } = result;
  return {
    name,
    gaps: voice!.gaps,
    missingMs: voice!.missingMs,
    lost: framesLost(result, sampleRate),
    reading: result,
    strip: stripOf(voice!),
  };
}

/** At most 60 columns. */
function stripOf(voice: Voice): number[] {
  const { peaks, list, lengthMs } = voice;
  const columns = Math.min(60, peaks.length);
  const msPer = lengthMs / columns;
  return peaksIn(voice, columns).map((peak, at) => {
    const [from, to] = [at * msPer, (at + 1) * msPer];
    return list.some((gap) => gap.at < to && gap.at + gap.ms > from) ? -1 : peak;
  });
}
