// `npm run bench -- transceivers --long`: publishing again and again through livekit-client and a LiveKit server, which is
// started on loopback unless LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name one. Each figure has plain
// livekit-client beside it, at the same time, in a room of its own. All takes hours on two cores:
//
//   --only camera/vp8,both   these questions alone
//   --holds 0,1,5,15         for how many seconds a publication lasts
//   --again 10               publications after the first
//   --sessions 2             rooms for each question, one after the other
//   --rounds 100             of `both`, of `memory` 30 at most, and `failed` half as many

import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { row, type Row } from '../support/harness.js';
import type { Way } from './calls.js';
import { launch, privateMb } from './chromium.js';
import type { Joining, Seen, Shape } from './room-calls.js';
import { COLORS, joinRoom, looks, openServer, sees, type Color, type Participant, type Server } from './room.js';
import { pidOf } from './stage.js';

const camera = { source: 'camera', width: 960, height: 540, layers: 3, color: COLORS.red } as const;
const SHAPES: Record<string, Shape> = {
  'camera/vp8': { ...camera, codec: 'vp8' },
  'camera/h264': { ...camera, codec: 'h264' },
  'camera/vp9-svc': { ...camera, width: 480, height: 270, codec: 'vp9' },
  'camera/av1-svc': { ...camera, width: 480, height: 270, codec: 'av1' },
  'screen/vp8': { source: 'screen_share', width: 480, height: 270, layers: 2, codec: 'vp8', color: COLORS.blue },
  'single/vp8': { source: 'screen_share', width: 480, height: 270, layers: 1, codec: 'vp8', color: COLORS.green },
  audio: { source: 'microphone' },
};
const LIMIT_MS = 20_000;

export interface LongOptions {
  readonly only?: string | undefined;
  readonly holds?: string | undefined;
  readonly sessions?: string | undefined;
  readonly again?: string | undefined;
  readonly rounds?: string | undefined;
}

export async function measureLong(chromium: string, add: (row: Row) => void, options: LongOptions): Promise<void> {
  const { only, holds = '0,1,5,15', sessions = '2', again = '10', rounds = '100' } = options;
  const questions: Record<string, (meet: Meet) => Promise<void>> = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    questions[name] = async (meet) => {
      for (const hold of holds.split(',')) {
        const run = (way: Way) => repeated(meet, way, shape, Number(hold), Number(again) + 1, Number(sessions));
        const [ours, peer] = await Promise.all([run('pool'), run('plain')]);
        const of = (figure: keyof typeof ours, unit: string, note: string) =>
          add(row(`${name}/hold-${hold}/${figure}`, unit, [ours[figure]], [peer[figure]], note));
        of('lost', 'publications', `of ${ours.all}, which another participant did not see in ${LIMIT_MS / 1000} s`);
        if (ours.unpainted + peer.unpainted > 0) of('unpainted', 'publications', 'decoded, but not painted in time');
        if (shape.source !== 'microphone')
          of('width', 'pixels', 'the smallest of the widths that were seen in the end');
        of('mLines', 'm-lines', 'more than before the first publication');
      }
    };
  }
  questions['both'] = async (meet) => {
    const [ours, peer] = await Promise.all([both(meet, 'pool', Number(rounds)), both(meet, 'plain', Number(rounds))]);
    add(row('both/swapped', 'rounds', [ours.swapped], [peer.swapped], `of ${rounds}, camera and screen at once`));
    add(row('both/lost', 'rounds', [ours.lost], [peer.lost], `of ${rounds}`));
  };
  questions['failed'] = async (meet) => {
    const count = Math.ceil(Number(rounds) / 2);
    add(
      row('failed/leased', 'leases', [await failed(meet, count)], undefined, `after ${count} unanswered publications`),
    );
  };
  questions['memory'] = async (meet) => {
    const count = Math.min(30, Number(rounds));
    const run = (way: Way) => memory(meet, way, way === 'plain' ? Math.min(8, count) : count);
    const [plain, stop] = [await run('plain'), await run('stop')];
    for (const way of ['pool', 'releaseSender'] as const) {
      const ours = await run(way);
      for (const [name, peer] of Object.entries({ plain, stop })) {
        const note = `${way} beside ${name === 'stop' ? 'transceiver.stop() alone' : name}; over the joined page`;
        const of = (what: string, unit: string, figure: (seen: Memory) => number) =>
          add(row(`memory/${way}/${name}/${what}`, unit, [figure(ours)], [figure(peer)], note));
        of('first-mb', 'MB', ({ mb }) => mb[0]!);
        of('last-mb', 'MB', ({ mb }) => mb.at(-1)!);
        of('growth', 'MB a cycle', ({ mb }) => slope(mb.slice(4)));
        of('sdp-growth', 'times the first', ({ sdp }) => sdp.at(-1)! / sdp[0]!);
      }
    }
  };
  questions['beside-audio'] = async (meet) => {
    const count = Math.min(30, Number(rounds));
    const [ours, peer] = await Promise.all([besideAudio(meet, 'pool', count), besideAudio(meet, 'stop', count)]);
    const note = `${count} publications of video on the first m-line, beside audio; the peer: transceiver.stop() alone`;
    add(row('beside-audio/transports', 'ICE ufrags', [ours.ufrags], [peer.ufrags], note));
    add(row('beside-audio/lost', 'publications', [ours.lost], [peer.lost], note));
  };
  const names = only?.split(',') ?? Object.keys(questions);
  const unknown = names.find((name) => !questions[name]);
  if (unknown !== undefined) throw new Error(`--only ${unknown}: it is one of ${Object.keys(questions).join(', ')}`);

  const server = await openServer();
  if (!server) throw new Error("LiveKit's server can't be built here: `npm run livekit:server` says why");
  try {
    for (const name of names) await questions[name]!((way, joining) => meeting(chromium, server, way, joining));
  } finally {
    server.close();
  }
}

interface Meeting {
  readonly browser: Browser;
  readonly sharer: Participant;
  readonly watcher: Participant;
}
type Meet = (way: Way, joining?: Partial<Joining>) => Promise<Meeting>;

let meetings = 0;

/** Two participants of a room, in a browser of their own. */
async function meeting(chromium: string, server: Server, way: Way, joining?: Partial<Joining>): Promise<Meeting> {
  const browser = await launch(chromium);
  const room = `bench-${process.pid}-${meetings++}`;
  const watcher = await joinRoom(browser, server, room, 'watcher', { way: 'plain' });
  const sharer = await joinRoom(browser, server, room, 'sharer', { way, ...joining });
  return { browser, sharer, watcher };
}

const colorOf = ({ color }: Shape): Color => (Object.keys(COLORS) as Color[]).find((each) => COLORS[each] === color)!;

/**
 * Whether a publication is seen, or heard. `unpainted`: frames of it are decoded, but the watching page has painted none in
 * time, as on a machine that is busy with much else; whose they are is not known then.
 */
async function look(watcher: Participant, shape: Shape): Promise<'seen' | 'unpainted' | 'lost'> {
  const condition = (all: Seen[]) => {
    const one = all.find(({ source }) => source === shape.source);
    return shape.source === 'microphone' ? (one?.energy ?? 0) > 0 : looks(colorOf(shape), one);
  };
  const { is, seen } = await sees(watcher, condition, LIMIT_MS);
  if (is) return 'seen';
  const one = seen.find(({ source }) => source === shape.source);
  const black = one?.color?.every((value) => value < 30) ?? true;
  return shape.source !== 'microphone' && black && (one?.frames ?? 0) > 3 ? 'unpainted' : 'lost';
}

async function unpublish({ sharer, watcher }: Meeting, ...names: string[]): Promise<void> {
  await Promise.all(names.map((name) => sharer.calls.unpublish(name)));
  await sees(watcher, (all) => all.length < names.length || all.length === 0, LIMIT_MS);
}

async function repeated(meet: Meet, way: Way, shape: Shape, holdS: number, count: number, sessions: number) {
  const total = { all: 0, lost: 0, unpainted: 0, width: Infinity, mLines: 0 };
  for (let session = 0; session < sessions; session++) {
    const all = await meet(way);
    const { sharer, watcher, browser } = all;
    const before = await sharer.calls.counts();
    for (let i = 0; i < count; i++) {
      await sharer.calls.publish('it', shape);
      total.all++;
      const outcome = await look(watcher, shape);
      if (outcome !== 'seen') total[outcome]++;
      await sleep(holdS * 1000);
      const seen = (await watcher.calls.seen()).find(({ source }) => source === shape.source);
      total.width = Math.min(total.width, seen?.width ?? 0);
      await unpublish(all, 'it');
    }
    total.mLines = Math.max(total.mLines, (await sharer.calls.counts()).sections - before.sections);
    await browser.close();
  }
  return total;
}

async function both(meet: Meet, way: Way, rounds: number) {
  const all = await meet(way);
  const { sharer, watcher, browser } = all;
  const [cam, scr] = [
    { ...SHAPES['screen/vp8']!, source: 'camera', color: COLORS.red } as const,
    SHAPES['screen/vp8']!,
  ];
  const total = { swapped: 0, lost: 0 };
  for (let i = 0; i < rounds; i++) {
    await Promise.all([sharer.calls.publish('cam', cam), sharer.calls.publish('scr', scr)]);
    const outcomes = [await look(watcher, cam), await look(watcher, scr)];
    if (outcomes.includes('lost')) {
      const seen = await watcher.calls.seen();
      const swapped = looks(
        'blue',
        seen.find(({ source }) => source === 'camera'),
      );
      if (swapped) total.swapped++;
      else total.lost++;
    }
    await Promise.all([sharer.calls.unpublish('cam'), sharer.calls.unpublish('scr')]);
    await sees(watcher, (now) => now.length === 0, LIMIT_MS);
  }
  await browser.close();
  return total;
}

async function failed(meet: Meet, count: number): Promise<number> {
  const { sharer, browser } = await meet('pool');
  await sharer.calls.withhold('publications');
  const shape: Shape = { source: 'screen_share', width: 160, height: 90, layers: 1 };
  const ATONCE = 10;
  for (let i = 0; i < count; i += ATONCE) {
    const names = Array.from({ length: Math.min(ATONCE, count - i) }, (_, k) => `${i + k}`);
    await Promise.allSettled(names.map((name) => sharer.calls.publish(name, shape)));
  }
  await sleep(1000);
  const { leased } = (await sharer.calls.stats())!;
  await browser.close();
  return leased;
}

interface Memory {
  readonly mb: readonly number[];
  readonly sdp: readonly number[];
}

/** Private memory of the publishing page after each unpublish, over the joined page's. */
async function memory(meet: Meet, way: Way, count: number): Promise<Memory> {
  const all = await meet(way);
  const { sharer, watcher, browser } = all;
  const pid = await pidOf(browser, sharer.calls);
  if (pid === undefined) throw new Error('memory can be measured on Linux alone: pass --only with the other questions');
  const session = await sharer.page.context().newCDPSession(sharer.page);
  const now = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return privateMb(pid);
  };
  const start = await now();
  const seen = { mb: [] as number[], sdp: [] as number[] };
  const shape: Shape = { ...camera, width: 1280, height: 720 };
  for (let i = 0; i < count; i++) {
    await sharer.calls.publish('it', shape);
    await look(watcher, shape);
    await sleep(2000);
    await unpublish(all, 'it');
    await sleep(1000);
    seen.mb.push((await now()) - start);
    seen.sdp.push((await sharer.calls.counts()).sdpBytes);
  }
  await browser.close();
  return seen;
}

async function besideAudio(meet: Meet, way: Way, count: number) {
  // With a connection of its own for what it publishes, the first m-line is the video's.
  const all = await meet(way, { singlePeerConnection: false });
  const { sharer, watcher, browser } = all;
  const shape = SHAPES['single/vp8']!;
  const ufrags = new Set<string>();
  let lost = 0;
  for (let i = 0; i < count; i++) {
    await sharer.calls.publish('it', shape);
    if (i === 0) await sharer.calls.publish('voice', SHAPES['audio']!);
    if ((await look(watcher, shape)) === 'lost') lost++;
    for (const each of await sharer.calls.ufrags()) ufrags.add(each);
    await sharer.calls.unpublish('it');
    await sees(watcher, (now) => now.every(({ source }) => source !== shape.source), LIMIT_MS);
  }
  await browser.close();
  return { ufrags: ufrags.size, lost };
}

/** Least squares: by how much `values` grow from each to the next. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0) / spread;
}
