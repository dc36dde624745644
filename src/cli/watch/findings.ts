import type { Group, Listed, Report } from '../../livekit/report.js';
import { count, visible } from '../shared/format.js';

/** Objects that do nothing, at least, to speak of a leak: two or three may have their reasons. */
const FEWEST_IDLE = 3;

/** How long a reader may be away, and an answer pending. */
const LONG_MS = 10_000;

const NAMES: Record<Listed, string> = {
  streams: 'streams',
  videoStreams: 'video streams',
  sources: 'sources',
  tracks: 'AudioStreamTracks',
  subscriptions: 'subscriptions',
  listeners: 'listeners',
};

/** What looks wrong in the last reports of one thread, in words. Nothing, for a program that is well. */
export function findings(all: readonly Report[], now: number): string[] {
  // What a thread says when it ends is of a short period: too short to see a leak grow.
  const reports = all.length > 1 && all.at(-1)!.ended ? all.slice(0, -1) : all;
  const last = reports.at(-1)!;
  const before = reports.at(-2);
  const leaks = last.groups.filter((group) => before && isLeak(group, before));
  const unread = last.groups.filter((group) => (group.unreadMs ?? 0) >= LONG_MS && !leaks.includes(group));
  // The line about these streams says so already.
  const explained = [...leaks, ...unread].reduce((sum, { dropped = 0 }) => sum + dropped, 0);
  const late = last.framesDropped - explained;
  return [
    ...leaks.map((group) => leakWords(group, before!, last) + droppedWords(group, last)),
    ...unread.map(
      (group) =>
        `${opened(group)} are not read: one of them for ${seconds(group.unreadMs!)}${droppedWords(group, last)}`,
    ),
    ...(late > 0
      ? [`${count(late)} frames were dropped in the last ${seconds(last.periodMs)}: a reader was late`]
      : []),
    ...(last.stalls > 0
      ? [
          `the thread was blocked ${last.stalls === 1 ? 'once' : `${count(last.stalls)} times`} in the last ` +
            `${seconds(last.periodMs)}, for ${count(last.stalledMs)} ms in all`,
        ]
      : []),
    ...(last.oldestPendingMs >= LONG_MS
      ? [`${count(last.pending)} answers of the engine are pending, one of them for ${seconds(last.oldestPendingMs)}`]
      : []),
    ...(stateOf(all, now) === 'silent'
      ? [`has reported nothing since ${last.time.slice(11, 19)} UTC: it was killed, or is blocked`]
      : []),
  ];
}

/** Periods that a thread is shown for after it has ended, and after it has said nothing more. */
const ENDED_PERIODS = 3;
const SILENT_PERIODS = 20;

/** Whether there is no use in showing a thread any more: it has ended, or been silent for long. */
export function isOver(reports: readonly Report[], now: number): boolean {
  const periods = reports.at(-1)!.ended ? ENDED_PERIODS : SILENT_PERIODS;
  return silence(reports, now) > periods * Math.max(periodOf(reports), 1000);
}

/** Whether a thread still reports. */
export function stateOf(reports: readonly Report[], now: number): 'runs' | 'ended' | 'silent' {
  if (reports.at(-1)!.ended) return 'ended';
  return silence(reports, now) > 2.5 * periodOf(reports) + 1000 ? 'silent' : 'runs';
}

const silence = (reports: readonly Report[], now: number) => now - Date.parse(reports.at(-1)!.time);

/** The period that the thread was told: only the line of its end comes sooner, and a blocked thread's come later. */
function periodOf(reports: readonly Report[]): number {
  const whole = reports.filter(({ ended }) => !ended);
  return Math.min(...(whole.length > 0 ? whole : reports).map(({ periodMs }) => periodMs));
}

/** Whether there were more of them in both of the last periods, none was closed, and some do nothing. */
function isLeak(group: Group, before: Report): boolean {
  const then = before.groups.find(({ kind, place }) => kind === group.kind && place === group.place);
  return (
    then !== undefined && then.grew > 0 && group.grew > 0 && then.ended + group.ended === 0 && group.idle >= FEWEST_IDLE
  );
}

function leakWords(group: Group, before: Report, last: Report): string {
  const then = before.groups.find(({ kind, place }) => kind === group.kind && place === group.place)!;
  const perMinute = ((then.grew + group.grew) / (before.periodMs + last.periodMs)) * 60_000;
  const never = group.kind === 'listeners' ? 'removed' : 'closed';
  const hint = group.place === undefined ? ' (NARROWCAST_TRACE=1 in its environment says where)' : '';
  return `${opened(group)} are never ${never}: ${count(group.alive)} alive, +${count(Math.round(perMinute))} a minute${hint}`;
}

function droppedWords({ dropped = 0 }: Group, { periodMs }: Report): string {
  return dropped > 0 ? `; they dropped ${count(dropped)} frames in the last ${seconds(periodMs)}` : '';
}

function opened({ kind, place }: Group): string {
  const verb = kind === 'listeners' ? 'added' : 'opened';
  return `${NAMES[kind]}${place === undefined ? '' : ` ${verb} at ${shown(place)}`}`;
}

/** The end of a place says more than its beginning. */
function shown(place: string): string {
  return visible(place.split(/[\\/]/).slice(-3).join('/'));
}

const seconds = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${count(Math.round(ms / 1000))} s`);
