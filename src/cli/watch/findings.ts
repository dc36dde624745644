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
  // What a thread says when it ends is of no whole period.
  const reports = all.length > 1 && all.at(-1)!.ended ? all.slice(0, -1) : all;
  const last = reports.at(-1)!;
  const before = reports.at(-2);
  const leaks = last.groups.filter((group) => before && isLeak(group, before));
  const unread = last.groups.filter((group) => (group.unreadMs ?? 0) >= LONG_MS && !leaks.includes(group));
  const silentMs = now - Date.parse(last.time);
  return [
    ...leaks.map((group) => leakWords(group, before!, last)),
    ...unread.map((group) => `${opened(group)} are not read: one of them for ${seconds(group.unreadMs!)}`),
    ...(last.framesDropped > 0
      ? [`${count(last.framesDropped)} frames were dropped in the last ${seconds(last.periodMs)}: a reader was late`]
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
    ...(silentMs > 2.5 * last.periodMs + 1000 && !all.at(-1)!.ended
      ? [`has reported nothing since ${last.time.slice(11, 19)} UTC: it was killed, or is blocked`]
      : []),
  ];
}

/** Periods that a thread is shown for after it has ended, and after it has said nothing more. */
const ENDED_PERIODS = 3;
const SILENT_PERIODS = 20;

/** Whether there is no use in showing a thread any more: it has ended, or been silent for long. */
export function isOver(reports: readonly Report[], now: number): boolean {
  const { time, periodMs, ended } = reports.at(-1)!;
  return now - Date.parse(time) > (ended ? ENDED_PERIODS : SILENT_PERIODS) * Math.max(periodMs, 1000);
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

function opened({ kind, place }: Group): string {
  const verb = kind === 'listeners' ? 'added' : 'opened';
  return `${NAMES[kind]}${place === undefined ? '' : ` ${verb} at ${shown(place)}`}`;
}

/** The end of a place says more than its beginning. */
function shown(place: string): string {
  return visible(place.split(/[\\/]/).slice(-3).join('/'));
}

const seconds = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${count(Math.round(ms / 1000))} s`);
