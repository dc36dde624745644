import type { Report } from '../../livekit/report.js';
import { Failure } from '../shared/failure.js';
import { count, visible } from '../shared/format.js';
import type { Screen } from '../shared/screen.js';
import { fitted, folded, plainTable, widthsOf } from '../shared/table.js';
import { findings, isOver } from './findings.js';
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
    const threads = shown(files, now);
    const words = said(threads, files, missing, now);
    const { columns, rows } = screen;
    if (once) return screen.print([...table(threads, columns), ...words]);
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

function said(
  threads: readonly Report[][],
  files: readonly ReportFile[],
  missing: readonly ReportFile[],
  now: number,
): string[] {
  const lines = threads.flatMap((reports) =>
    findings(reports, now).map((words) => `${nameOf(reports.at(-1)!)}: ${words}`),
  );
  const over = files.reduce((sum, { reporting }) => sum + reporting.size, 0) - threads.length;
  const about = [
    ...(over > 0
      ? [
          `${count(over)} ${over === 1 ? 'thread that has' : 'threads that have'} ended or been silent for long: left out`,
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

/** What the threads have reported that are shown. */
function shown(files: readonly ReportFile[], now: number): Report[][] {
  return files.flatMap(({ reporting }) =>
    [...reporting.values()].flatMap(({ reports }) => (isOver(reports, now) ? [] : [reports])),
  );
}

const nameOf = ({ pid, thread }: Report) => (thread === 0 ? `${pid}` : `${pid} thread ${thread}`);

const HEAD = [
  'process',
  'rooms',
  'streams',
  'sources',
  'tracks',
  'subs',
  'listen',
  'frames/s',
  'drops',
  'cpu',
  'MB',
  'alive',
];

function table(threads: readonly Report[][], columns: number): string[] {
  const rows = threads.map(rowOf);
  if (rows.length === 0) return [];
  const drawn = plainTable(
    HEAD,
    widthsOf([HEAD, ...rows]),
    HEAD.map((_, at) => (at === 0 || at === HEAD.length - 1 ? 'left' : 'right')),
  );
  drawn.push(...rows);
  return fitted(drawn, columns);
}

function rowOf(reports: readonly Report[]): string[] {
  const last = reports.at(-1)!;
  const { alive } = last;
  return [
    nameOf(last),
    count(last.rooms),
    count(alive.streams + alive.videoStreams),
    count(alive.sources),
    count(alive.tracks),
    count(alive.subscriptions),
    count(alive.listeners),
    count(Math.round((last.frames / last.periodMs) * 1000)),
    count(last.framesDropped),
    `${last.cpu.toFixed(1)} %`,
    count(Math.round(last.rssMb)),
    last.ended ? 'ended' : sparkline(reports.map(total).slice(-SPARKS)),
  ];
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
