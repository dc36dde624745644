// Two participants of a room, and publications that the one makes and the other looks for.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import type { Way } from './calls.js';
import { launch } from './chromium.js';
import { isAudio, type Joining, type Seen, type Shape } from './room-calls.js';
import {
  COLORS,
  joinRoom,
  looks,
  sees,
  type Before,
  type Caller,
  type Color,
  type Participant,
  type Server,
} from './room.js';

export const LIMIT_MS = 20_000;

interface Meeting {
  readonly browser: Browser;
  readonly sharer: Participant;
  readonly watcher: Participant;
}
/** `client`: see {@link joinRoom}. */
type Sharing = Partial<Joining> & { readonly client?: string };
export type Meet = (way: Way, sharing?: Sharing, watching?: Partial<Joining>, before?: Before) => Promise<Meeting>;

let meetings = 0;

/** Two participants of a room, in a browser of their own. */
export const meetIn =
  (chromium: string, server: Server): Meet =>
  async (way, { client, ...sharing } = {}, watching = {}, before = undefined) => {
    const browser = await launch(chromium);
    const room = `bench-${process.pid}-${meetings++}`;
    const watcher = await joinRoom(browser, server, room, 'watcher', { way: 'plain', ...watching });
    const sharer = await joinRoom(browser, server, room, 'sharer', { way, ...sharing }, client, before);
    return { browser, sharer, watcher };
  };

const colorOf = ({ color }: Shape): Color => (Object.keys(COLORS) as Color[]).find((each) => COLORS[each] === color)!;

/**
 * Whether a publication is seen, or heard. `unpainted`: frames of it are decoded, but the watching page has painted none in
 * time, as on a machine that is busy with much else; whose they are is not known then.
 */
export async function look(watcher: Caller, shape: Shape): Promise<'seen' | 'unpainted' | 'lost'> {
  const condition = (all: Seen[]) => {
    const one = all.find(({ source }) => source === shape.source);
    return isAudio(shape) ? (one?.energy ?? 0) > 0 : looks(colorOf(shape), one);
  };
  const { is, seen } = await sees(watcher, condition, LIMIT_MS);
  if (is) return 'seen';
  const one = seen.find(({ source }) => source === shape.source);
  const black = one?.color?.every((value) => value < 30) ?? true;
  return !isAudio(shape) && black && (one?.frames ?? 0) > 3 ? 'unpainted' : 'lost';
}

/** Whether more of it arrives, as the same publication or, after a reconnect, as another. */
export async function flowsOn(watcher: Participant, { source }: Shape): Promise<boolean> {
  const find = (all: Seen[]) => all.find((each) => each.source === source);
  const before = find(await watcher.calls.seen());
  const flows = (now: Seen | undefined) =>
    now !== undefined && now.frames > (now.sid === before?.sid ? before.frames : 0) + 3;
  return (await sees(watcher, (all) => flows(find(all)), LIMIT_MS)).is;
}

/** Calls until it is true, at most for {@link LIMIT_MS}; resolves to whether it was. */
export async function until(condition: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await sleep(100)) {
    if (await condition()) return true;
  }
  return false;
}

/** Unpublishes, and waits until the watcher has heard of it. */
export async function unpublish(
  { sharer, watcher }: Record<'sharer' | 'watcher', Caller>,
  ...names: string[]
): Promise<void> {
  await Promise.all(names.map((name) => sharer.calls.unpublish(name)));
  await sees(watcher, (all) => all.length < names.length || all.length === 0, LIMIT_MS);
}

/** What is published again and again, and by whom. */
export interface Subject {
  readonly sharing?: Sharing;
  readonly watching?: Partial<Joining>;
  /** Of publications that are made at once. `i` counts from 0. */
  shapes(i: number): readonly Shape[];
  /** What must be true, too, while it is published; or else a text may say what was not. */
  also?(meeting: Meeting, i: number): Promise<boolean | string>;
}

export interface Outcome {
  all: number;
  lost: number;
  unpainted: number;
  /** Of those whose `also` was not true. */
  different: number;
  /** The smallest of those that were seen in the end. */
  width: number;
  /** Publications that were seen smaller in the end than they are. */
  reduced: number;
  /** More than before the first publication. */
  mLines: number;
}

export async function repeated(
  meet: Meet,
  way: Way,
  { sharing, watching, shapes, also }: Subject,
  { holdS, count, sessions }: { holdS: number; count: number; sessions: number },
): Promise<Outcome> {
  const total: Outcome = { all: 0, lost: 0, unpainted: 0, different: 0, width: Infinity, reduced: 0, mLines: 0 };
  for (let session = 0; session < sessions; session++) {
    const meeting = await meet(way, sharing, watching);
    const { sharer, watcher, browser } = meeting;
    const before = await sharer.calls.counts();
    for (let i = 0; i < count; i++) {
      const wanted = shapes(i);
      await Promise.all(wanted.map((shape) => sharer.calls.publish(shape.source, shape)));
      for (const shape of wanted) {
        total.all++;
        const outcome = await look(watcher, shape);
        if (outcome !== 'seen') total[outcome]++;
      }
      const same = (await also?.(meeting, i)) ?? true;
      if (same !== true) total.different++;
      if (typeof same === 'string') process.stderr.write(`${way}, round ${i}: ${same}\n`);
      await sleep(holdS * 1000);
      const seen = await watcher.calls.seen();
      for (const shape of wanted) {
        if (isAudio(shape)) continue;
        const width = seen.find(({ source }) => source === shape.source)?.width ?? 0;
        total.width = Math.min(total.width, width);
        if (width < shape.width!) total.reduced++;
      }
      await unpublish(meeting, ...wanted.map(({ source }) => source));
    }
    total.mLines = Math.max(total.mLines, (await sharer.calls.counts()).sections - before.sections);
    await browser.close();
  }
  return total;
}
