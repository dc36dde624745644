// What NARROWCAST_REPORT has a program write about itself, under the flag: apart, for programs without it do not load it.

import { appendFile, appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';
import type { Inspected, Inspection, KindCounts } from '../diagnostics/inspect.js';
import { OFF } from '../environment.js';
import { VERSION } from '../version.js';
import { workingFolder } from '../working-folder.js';
import type { Engine } from './engine.js';

const VARIABLE = 'NARROWCAST_REPORT';

/** Where engine.ts keeps this thread's engine. */
const ENGINE = Symbol.for('narrowcast.livekit.engine');
const shared = globalThis as { [ENGINE]?: Engine };

/** A line of another format is none that `narrowcast watch` reads. */
export const REPORT_FORMAT = 1;

/** What is listed by the places where it was opened. */
export const LISTED = ['streams', 'videoStreams', 'sources', 'tracks', 'subscriptions', 'listeners'] as const;
export type Listed = (typeof LISTED)[number];

/** What was opened at one place of the program, and is alive. */
export interface Group {
  readonly kind: Listed;
  /** Absent without `NARROWCAST_TRACE=1`. */
  readonly place?: string;
  readonly alive: number;
  /** Since the last line. */
  readonly grew: number;
  /** Of these, objects that have done nothing in the whole period: no frame was read or played, and no reader waits. */
  readonly idle: number;
  /** Those of the last line that are gone. */
  readonly ended: number;
  readonly oldestMs: number;
  /** How long a reader of one of the streams has been away, at most. */
  readonly unreadMs?: number;
  /** Of streams: frames dropped since the last line by those that did nothing, or are new and have no reader waiting. */
  readonly dropped?: number;
}

/** One line. What is counted is what grew since the last one, but for what is alive. */
export interface Report {
  readonly narrowcast: typeof VERSION;
  readonly format: typeof REPORT_FORMAT;
  /** When, as `Date` has it. */
  readonly time: string;
  readonly pid: number;
  readonly thread: number;
  /** Counts from 1. */
  readonly line: number;
  /** Since the last line, or since reporting began. */
  readonly periodMs: number;
  readonly rssMb: number;
  readonly heapMb: number;
  /** Of the process: of a core, in percent. */
  readonly cpu: number;
  readonly rooms: number;
  readonly alive: Record<Listed, number>;
  readonly opened: Record<Listed, number>;
  /** Ended, and collected without having been closed. */
  readonly closed: Record<Listed, number>;
  readonly groups: readonly Group[];
  readonly pending: number;
  readonly oldestPendingMs: number;
  readonly frames: number;
  readonly framesDropped: number;
  readonly wakes: number;
  readonly events: number;
  readonly stalls: number;
  readonly stalledMs: number;
  /** The thread has ended: this is its last line, of what came since the one before. Absent if it goes on. */
  readonly ended?: true;
}

/** What {@link VARIABLE} asks for. */
interface Wanted {
  readonly periodMs: number;
  /** Absent: standard error. */
  readonly file?: string;
}

/** Longest period that a timer takes, in ms. */
const LONGEST_MS = 2 ** 31 - 1;
const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads `30s`, or `30s:FILE`. Returns what is wrong in words; undefined where it asks for nothing. */
export function readWanted(said: string = process.env[VARIABLE] ?? ''): Wanted | string | undefined {
  const value = said.trim();
  if (OFF.includes(value)) return undefined;
  const [, number, unit, file] = /^(\d+(?:\.\d+)?)(ms|s|m|h)(?::(.+))?$/s.exec(value) ?? [];
  const periodMs = Number(number) * UNITS[unit ?? '']!;
  if (periodMs >= 1 && periodMs <= LONGEST_MS) return file === undefined ? { periodMs } : { periodMs, file };
  return `${VARIABLE}=${value} is no period, so nothing is reported. It takes a time such as 30s, 500ms or 5m, and a file after a colon: 30s:report.jsonl`;
}

/** Starts to report, if the environment asks for it. */
export function startReport(): void {
  const wanted = readWanted();
  if (wanted === undefined) return;
  if (typeof wanted === 'string') {
    // Once in a process: its other threads have the same environment.
    if (isMainThread) warn(wanted);
    return;
  }
  const reporter = new Reporter();
  // The program may change its working folder later. Where that was removed, writing says so.
  const file = wanted.file === undefined || workingFolder() === undefined ? wanted.file : resolve(wanted.file);
  let failed = false;
  // rtc-node's `dispose()` takes it away, and agents call that at the end of a job: the last line needs it.
  let engine = shared[ENGINE];
  const write = (line: string) => {
    if (file === undefined) return void process.stderr.write(line);
    appendFile(file, line, (error) => {
      if (error && !failed) {
        warn(`${VARIABLE}: the report can't be written to ${file}: ${error.message}. The program goes on`);
      }
      failed = error !== null;
    });
  };
  setInterval(() => {
    try {
      // None while narrowcast is uninstalled.
      if (!shared[ENGINE]) return;
      engine = shared[ENGINE];
      write(`${JSON.stringify(reporter.next(engine.inspect()))}\n`);
    } catch (error) {
      if (!failed) warn(`${VARIABLE}: nothing can be reported: ${(error as Error).message}`);
      failed = true;
    }
  }, wanted.periodMs).unref();
  process.once('exit', () => {
    try {
      engine = shared[ENGINE] ?? engine;
      const last = engine && `${JSON.stringify({ ...reporter.next(engine.inspect()), ended: true })}\n`;
      if (last === undefined) return;
      if (file === undefined) process.stderr.write(last);
      else appendFileSync(file, last);
    } catch {
      // There is nothing that a warning would reach.
    }
  });
}

function warn(words: string): void {
  process.emitWarning(words, { type: 'NarrowcastWarning', code: VARIABLE });
}

/** Makes lines of inspections. Each line says what grew since the one before. */
export class Reporter {
  #line = 0;
  #before: Inspection | undefined;
  #cpu = process.cpuUsage();
  #at = performance.now();

  next(now: Inspection): Report {
    const before = this.#before;
    this.#before = now;
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    const at = performance.now();
    const elapsed = at - this.#at;
    this.#at = at;
    const grew = (of: (inspection: Inspection) => number) => of(now) - (before ? of(before) : 0);
    const perKind = (of: (inspection: Inspection, kind: Listed) => number) =>
      Object.fromEntries(LISTED.map((kind) => [kind, of(now, kind)])) as Record<Listed, number>;
    const ended = ({ closed, forgotten }: KindCounts) => closed + forgotten;
    const { client, ownMs } = now.pending;
    const ids = new Set(now.streams.map(({ id }) => id));
    return {
      narrowcast: VERSION,
      format: REPORT_FORMAT,
      time: new Date().toISOString(),
      pid: process.pid,
      thread: threadId,
      line: ++this.#line,
      periodMs: Math.max(1, Math.round(elapsed)),
      rssMb: tenths(rss / 1e6),
      heapMb: tenths(heapUsed / 1e6),
      cpu: tenths((user + system) / 10 / elapsed),
      rooms: now.rooms.length,
      alive: perKind((of, kind) => of[kind].length),
      opened: perKind((_, kind) => grew(({ counts }) => counts[kind].opened)),
      closed: perKind((_, kind) => grew(({ counts }) => ended(counts[kind]))),
      groups: LISTED.flatMap((kind) => groupsOf(kind, now[kind], before?.[kind] ?? [])),
      pending: client.length + ownMs.length,
      oldestPendingMs: Math.max(0, ...ownMs, ...client.map(({ ageMs }) => ageMs)),
      frames: grew(({ engine }) => engine.frames + engine.videoFrames),
      framesDropped: sum(now.streams) - (before ? sum(before.streams.filter(({ id }) => ids.has(id))) : 0),
      wakes: grew(({ engine }) => engine.threadWakes),
      events: grew(({ engine }) => engine.received),
      stalls: grew(({ stalls }) => stalls.count),
      stalledMs: Math.round(grew(({ stalls }) => stalls.totalMs)),
    };
  }
}

const tenths = (value: number) => Math.round(value * 10) / 10;
const sum = (streams: Inspection['streams']) => streams.reduce((sum, { framesDropped }) => sum + framesDropped, 0);

type Any = Inspected & {
  framesOut?: number;
  framesDropped?: number;
  awaited?: boolean;
  piped?: boolean;
  unreadMs?: number;
};

function groupsOf(kind: Listed, now: readonly Any[], before: readonly Any[]): Group[] {
  const earlier = new Map(before.map((each) => [each.id, each]));
  const groups = new Map<string | undefined, Any[]>();
  for (const each of now) {
    const group = groups.get(each.place);
    if (group) group.push(each);
    else groups.set(each.place, [each]);
  }
  return [...groups].map(([place, all]) => {
    const ids = new Set(all.map(({ id }) => id));
    const then = before.filter((each) => each.place === place);
    const unreadMs = Math.max(...all.map((each) => each.unreadMs ?? 0));
    const dropped = kind === 'streams' ? droppedUnread(all, earlier) : 0;
    return {
      kind,
      ...(place !== undefined && { place }),
      alive: all.length,
      grew: all.length - then.length,
      idle: all.filter((each) => isIdle(each, earlier.get(each.id))).length,
      ended: then.filter(({ id }) => !ids.has(id)).length,
      oldestMs: Math.max(...all.map(({ ageMs }) => ageMs)),
      ...(unreadMs > 0 && { unreadMs }),
      ...(dropped > 0 && { dropped }),
    };
  });
}

/** Whether it has done nothing since the line before. */
function isIdle(now: Any, before: Any | undefined): boolean {
  return before !== undefined && now.framesOut === before.framesOut && !now.awaited && !now.piped;
}

function droppedUnread(all: readonly Any[], earlier: ReadonlyMap<Any['id'], Any>): number {
  return all.reduce((sum, each) => {
    const before = earlier.get(each.id);
    const unread = before ? isIdle(each, before) : !each.awaited && !each.piped;
    return unread ? sum + (each.framesDropped ?? 0) - (before?.framesDropped ?? 0) : sum;
  }, 0);
}
