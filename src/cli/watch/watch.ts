import type { Report } from '../../livekit/report.js';
import { Failure } from '../shared/failure.js';
import { count, visible } from '../shared/format.js';
import type { Screen } from '../shared/screen.js';
import { fitted, folded, plainTable, tableWidth, widthsOf } from '../shared/table.js';
import { findings, isOver, stateOf } from './findings.js';
import { ReportFile } from './report-files.js';

/** How often the files are looked at, in ms. */
const LOOK_MS = 500;

/** Shows what is in the files, and what comes; for ever, unless only `once` is asked for. @throws {Failure} */
export async function watch(paths: readonly string[], { once }: { once: boolean }, screen: Screen): Promise<void> {
  const files = paths.map((path) => new ReportFile(path));
  let told: readonly string[] = [];
  for (;;) {
    const there = await Promise.all(files.map((file) => file.read()));
    const missing = files.filter((_, at) => !there[at]);
    if (once && missing.length > 0) {
      throw new Failure(`there is no ${missing[0]!.path}: NARROWCAST_REPORT=30s:FILE has a program write it`);
    }
    const now = Date.now();
    const all = files.flatMap(({ reporting }) => [...reporting.values()].map(({ reports }) => reports));
    // Asked once, hours later perhaps: what a thread left behind is what was asked for.
    const threads = all.filter((reports) => !isOver(reports, now) || (once && findings(reports, now).length > 0));
    const words = said({ threads, all, files, missing, now, once });
    const { columns, rows, width } = screen;
    if (once) return screen.print([...table(threads, width), ...words]);
    if (screen.live) {
      const lines = [...table(threads, columns), ...words.flatMap((line) => folded(line, columns))];
      screen.draw(lines.slice(-Math.max(1, rows - 1)));
    } else {
      const news = words.filter((line) => !told.includes(line));
      if (news.length > 0) screen.print(news);
      told = words;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** What is there to be spoken of. */
interface Seen {
  /** Those in the table. */
  readonly threads: readonly Report[][];
  readonly all: readonly Report[][];
  readonly files: readonly ReportFile[];
  readonly missing: readonly ReportFile[];
  readonly now: number;
  readonly once: boolean;
}

function said({ threads, all, files, missing, now, once }: Seen): string[] {
  const lines = threads.flatMap((reports) => {
    // Printed again and again, it must not change by itself.
    const state = once ? stateWords(reports, now) : '';
    return findings(reports, now).map((words) => `${nameOf(reports.at(-1)!)}${state}: ${words}`);
  });
  const over = all.length - threads.length;
  const last = all.map((reports) => reports.at(-1)!.time).toSorted((a, b) => Date.parse(a) - Date.parse(b));
  const running = all.some((reports) => stateOf(reports, now) === 'runs');
  if (last.length > 0 && !running) {
    const time = new Date(last.at(-1)!).toISOString().replace('T', ' ').slice(0, 19);
    lines.push(`no thread reports any more: the last report came at ${time} UTC`);
  }
  const about = [
    ...(over > 0
      ? [
          once
            ? `${over === 1 ? '1 thread has ended, and its last report was' : `${count(over)} threads have ended, and their last reports were`} in order: left out`
            : `${count(over)} ${over === 1 ? 'thread that has' : 'threads that have'} ended or been silent for long: left out`,
        ]
      : []),
    ...files.flatMap((file) => [
      ...(file.foreign > 0 ? [`${file.path}: ${count(file.foreign)} lines are no reports, and left out`] : []),
      ...(file.otherVersions.size > 0
        ? [
            `${file.path}: reports of narrowcast ${visible([...file.otherVersions].join(', '))} are left out: watch them with that version`,
          ]
        : []),
      ...(file.reporting.size === 0 ? [`${file.path}: ${missing.includes(file) ? 'not there' : 'no report'} yet`] : []),
    ]),
  ];
  if (lines.length === 0 && about.length <= Math.min(over, 1)) return ['nothing looks wrong', ...about];
  return [...lines, ...about];
}

/** ` (ended 10 minutes ago)`, or nothing for a thread that runs. */
function stateWords(reports: readonly Report[], now: number): string {
  const state = stateOf(reports, now);
  if (state === 'runs') return '';
  const ago = agoText(now - Date.parse(reports.at(-1)!.time));
  return state === 'ended' ? ` (ended ${ago})` : ` (last report ${ago})`;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

function agoText(ms: number): string {
  // From two of a unit on: 90 minutes ago, not 1 hour.
  const [unit, length] = UNITS.find(([, each]) => ms >= 2 * each) ?? UNITS[3];
  const number = Math.max(0, Math.floor(ms / length));
  return `${count(number)} ${unit}${number === 1 ? '' : 's'} ago`;
}

const nameOf = ({ pid, thread }: Report) => (thread === 0 ? `${pid}` : `${pid} thread ${thread}`);

/** From the left: what tells of a leak. Where there is no room for all, the last are left out. */
const COLUMNS: readonly (readonly [title: string, of: (last: Report, reports: readonly Report[]) => string])[] = [
  ['process', nameOf],
  ['alive', (last, reports) => (last.ended ? 'ended' : sparkline(reports.map(total).slice(-SPARKS)))],
  ['MB', ({ rssMb }) => count(Math.round(rssMb))],
  ['streams', ({ alive }) => count(alive.streams + alive.videoStreams)],
  ['sources', ({ alive }) => count(alive.sources)],
  ['listeners', ({ alive }) => count(alive.listeners)],
  ['drops', ({ framesDropped }) => count(framesDropped)],
  ['frames/s', ({ frames, periodMs }) => count(Math.round((frames / periodMs) * 1000))],
  ['cpu', ({ cpu }) => `${cpu.toFixed(1)} %`],
  ['rooms', ({ rooms }) => count(rooms)],
  ['tracks', ({ alive }) => count(alive.tracks)],
  ['subscriptions', ({ alive }) => count(alive.subscriptions)],
];

/** A table narrower than `width`, and below it what had no room. */
function table(threads: readonly Report[][], width: number): string[] {
  if (threads.length === 0) return [];
  const head = COLUMNS.map(([title]) => title);
  const rows = threads.map((reports) => COLUMNS.map(([, of]) => of(reports.at(-1)!, reports)));
  const widths = widthsOf([head, ...rows]);
  let shown = head.length;
  while (shown > 1 && tableWidth(widths.slice(0, shown)) >= width) shown--;
  const drawn = plainTable(
    head.slice(0, shown),
    widths.slice(0, shown),
    head.slice(0, shown).map((_, at) => (at < 2 ? 'left' : 'right')),
  );
  drawn.push(...rows.map((row) => row.slice(0, shown)));
  const out = shown < head.length ? folded(`no room for ${head.slice(shown).join(', ')}`, width) : [];
  return [...fitted(drawn, width), ...out];
}

/** How many reports a sparkline shows. */
const SPARKS = 12;
const BARS = '▁▂▃▄▅▆▇█';

const total = ({ alive }: Report) => Object.values(alive).reduce((sum, number) => sum + number, 0);

/** All that is alive, from one report to the next. */
function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 1);
  return values.map((value) => BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))]).join('');
}
