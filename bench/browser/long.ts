// `npm run bench -- transceivers --long`: publishing again and again through livekit-client and a LiveKit server, which is
// started on loopback unless LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name one. Each figure has plain
// livekit-client beside it, at the same time, in a room of its own. All takes hours on two cores:
//
//   --only camera/vp8,both   these questions alone
//   --holds 0,1,5,15         for how many seconds a publication lasts
//   --again 10               publications after the first
//   --sessions 2             rooms for each question, one after the other
//   --parallel 1             questions at once, each with the plain ones beside it: long holds are mostly waiting
//   --rounds 100             of `both`; of `memory` and `beside-audio` 30 at most, of `leaving` 8, of `failed` half as many

import { setTimeout as sleep } from 'node:timers/promises';
import { row, type Row } from '../support/harness.js';
import type { Way } from './calls.js';
import { launch, privateMb } from './chromium.js';
import { findFirefox, openInFirefox } from './firefox.js';
import { LIMIT_MS, look, meetIn, repeated, unpublish, type Meet } from './meeting.js';
import type { ParticipantCalls, Shape } from './room-calls.js';
import { COLORS, connect, joinRoom, looks, openServer, sees, type Participant, type Server } from './room.js';
import { pageScript, pidOf } from './stage.js';
import { camera, SHAPES, SUBJECTS } from './subjects.js';

export interface LongOptions {
  readonly only?: string | undefined;
  readonly holds?: string | undefined;
  readonly sessions?: string | undefined;
  readonly again?: string | undefined;
  readonly rounds?: string | undefined;
  readonly parallel?: string | undefined;
}

export async function measureLong(chromium: string, add: (row: Row) => void, options: LongOptions): Promise<void> {
  const { only, holds = '0,1,5,15', sessions = '2', again = '10', rounds = '100', parallel = '1' } = options;
  /** Each with its parts, which can run at once. */
  const questions: Record<string, ((meet: Meet) => Promise<void>)[]> = {};
  for (const [name, subject] of Object.entries(SUBJECTS)) {
    questions[name] = holds.split(',').map((hold) => async (meet) => {
      const options = { holdS: Number(hold), count: Number(again) + 1, sessions: Number(sessions) };
      const run = (way: Way) => repeated(meet, way, subject, options);
      const [ours, peer] = await Promise.all([run('pool'), run('plain')]);
      const of = (figure: keyof typeof ours, unit: string, note: string) =>
        add(row(`${name}/hold-${hold}/${figure}`, unit, [ours[figure]], [peer[figure]], note));
      of('lost', 'publications', `of ${ours.all}, which another participant did not see in ${LIMIT_MS / 1000} s`);
      if (ours.unpainted + peer.unpainted > 0) of('unpainted', 'publications', 'decoded, but not painted in time');
      if (subject.means) of('different', 'rounds', `of ${sessions} × ${options.count}: ${subject.means}`);
      if (ours.width < Infinity) {
        of('width', 'pixels', 'the smallest of the widths that were seen in the end');
        of('reduced', 'publications', `of ${ours.all}, which were seen smaller in the end than they are`);
      }
      of('mLines', 'm-lines', 'more than before the first publication');
    });
  }
  const ask = (name: string, question: (meet: Meet) => Promise<void>) => void (questions[name] = [question]);
  ask('both', async (meet) => {
    const [ours, peer] = await Promise.all([both(meet, 'pool', Number(rounds)), both(meet, 'plain', Number(rounds))]);
    add(row('both/swapped', 'rounds', [ours.swapped], [peer.swapped], `of ${rounds}, camera and screen at once`));
    add(row('both/lost', 'rounds', [ours.lost], [peer.lost], `of ${rounds}`));
  });
  ask('failed', async (meet) => {
    const count = Math.ceil(Number(rounds) / 2);
    add(
      row('failed/leased', 'leases', [await failed(meet, count)], undefined, `after ${count} unanswered publications`),
    );
  });
  ask('memory', async (meet) => {
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
  });
  ask('leaving', async (meet) => {
    const count = Math.min(8, Number(rounds));
    const [ours, peer] = [await leaving(meet, 'pool', count), await leaving(meet, 'plain', count)];
    const of = (figure: keyof typeof ours, unit: string, note: string) =>
      add(row(`leaving/${figure}`, unit, [ours[figure]], [peer[figure]], note));
    of(
      'mb',
      'MB',
      `over the page that had joined and left once, without publishing, after ${count} publications; at most 10`,
    );
    of('newPageMb', 'MB', 'the same, over the page that had never joined');
    of('emptyJoinMb', 'MB', 'of it the page that had joined and left once, without publishing');
    of('againMb', 'MB', `after ${count} publications in another room, over the first`);
    of('connections', 'connections', 'of three that were left, still there after garbage was collected');
    of('pools', 'pools', 'of the same');
    of('rooms', 'rooms', 'of the same: livekit-client keeps them itself');
  });
  ask('beside-audio', async (meet) => {
    const count = Math.min(30, Number(rounds));
    const run = (way: Way) => besideAudio(meet, way, count);
    const [ours, plain, stop] = await Promise.all([run('pool'), run('plain'), run('stop')]);
    for (const [name, peer] of Object.entries({ plain, stop })) {
      const beside = name === 'stop' ? 'transceiver.stop() alone' : name;
      const note = `${count} publications of video on the first m-line, beside audio; the peer: ${beside}`;
      add(row(`beside-audio/${name}/transports`, 'ICE ufrags', [ours.ufrags], [peer.ufrags], note));
      add(row(`beside-audio/${name}/lost`, 'publications', [ours.lost], [peer.lost], note));
      add(row(`beside-audio/${name}/gap`, 'ms', [ours.gapMs], [peer.gapMs], 'the longest of the audio'));
    }
  });
  ask('firefox', async () => {
    const firefox = findFirefox();
    if (firefox === undefined) {
      if (only === undefined) return;
      throw new Error('no Firefox was found: install one (Debian: apt-get install firefox-esr), or set FIREFOX_PATH');
    }
    const count = Number(again);
    const run = (way: Way) => inFirefox({ chromium, firefox, server: server! }, way, count);
    const [ours, peer] = [await run('pool'), await run('plain')];
    add(row('firefox/lost', 'publications', [ours.lost], [peer.lost], `of ${count} in Firefox, watched in Chromium`));
    add(row('firefox/mLines', 'm-lines', [ours.mLines], [peer.mLines], 'more than before the first publication'));
  });
  const names = only?.split(',') ?? Object.keys(questions);
  const unknown = names.find((name) => !questions[name]);
  if (unknown !== undefined) throw new Error(`--only ${unknown}: it is one of ${Object.keys(questions).join(', ')}`);

  const server = await openServer();
  if (!server) throw new Error("LiveKit's server can't be built here: `npm run livekit:server` says why");
  try {
    const parts = names.flatMap((name) => questions[name]!);
    const next = async () => {
      for (let part = parts.shift(); part; part = parts.shift()) await part(meetIn(chromium, server));
    };
    await Promise.all(Array.from({ length: Number(parallel) }, next));
  } finally {
    await server.close();
  }
}

/** Publishes a screen in Firefox again and again. */
async function inFirefox(
  { chromium, firefox, server }: { chromium: string; firefox: string; server: Server },
  way: Way,
  count: number,
) {
  const browser = await launch(chromium);
  const { calls, close } = await openInFirefox<ParticipantCalls>(firefox, pageScript('participant.ts'));
  try {
    const room = `firefox-${process.pid}-${way}`;
    const watcher = await joinRoom(browser, server, room, 'watcher', { way: 'plain' });
    const sharer = { calls };
    await connect(sharer, server, room, 'sharer', { way });
    const before = await calls.counts();
    const shape = SHAPES['screen/vp8'];
    let lost = 0;
    for (let i = 0; i < count; i++) {
      await calls.publish('it', shape);
      if ((await look(watcher, shape)) === 'lost') lost++;
      await sleep(1000);
      await unpublish({ sharer, watcher }, 'it');
    }
    return { lost, mLines: (await calls.counts()).sections - before.sections };
  } finally {
    await close();
    await browser.close();
  }
}

async function both(meet: Meet, way: Way, rounds: number) {
  const all = await meet(way);
  const { sharer, watcher, browser } = all;
  const [cam, scr] = [{ ...SHAPES['screen/vp8'], source: 'camera', color: COLORS.red } as const, SHAPES['screen/vp8']];
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

/** Weighs the private memory of a participant's page, without garbage, in MB. */
async function scales({ page, calls }: Participant): Promise<() => Promise<number>> {
  const pid = await pidOf(page.context().browser()!, calls);
  if (pid === undefined) throw new Error('memory can be measured on Linux alone: pass --only with the other questions');
  const session = await page.context().newCDPSession(page);
  return async () => {
    await session.send('HeapProfiler.collectGarbage');
    return privateMb(pid);
  };
}

/** Memory of the page, in MB, after it left rooms, and what it keeps of them. */
async function leaving(meet: Meet, way: Way, count: number) {
  let weigh!: () => Promise<number>;
  // Threads of a connection end some time later.
  const least = async () => {
    let mb = Infinity;
    for (let i = 0; i < 10; i++) {
      await sleep(1000);
      mb = Math.min(mb, await weigh());
    }
    return mb;
  };
  let join!: () => Promise<void>;
  let [never, empty] = [0, 0];
  const all = await meet(way, {}, {}, async (sharer, joining) => {
    weigh = await scales(sharer);
    never = await least();
    join = joining;
    await join();
    await sharer.calls.leave();
    empty = await least();
  });
  const { sharer, watcher, browser } = all;
  const shape = SHAPES['camera/vp8'];
  const after: number[] = [];
  for (const again of [false, true]) {
    if (again) await join();
    for (let i = 0; i < count; i++) {
      await sharer.calls.publish('it', shape);
      await look(watcher, shape);
      await unpublish(all, 'it');
    }
    await sharer.calls.leave();
    after.push(await least());
  }
  const [first, second] = after as [number, number];
  const kept = await sharer.calls.left();
  await browser.close();
  return { mb: first - empty, newPageMb: first - never, emptyJoinMb: empty - never, againMb: second - first, ...kept };
}

interface Memory {
  readonly mb: readonly number[];
  readonly sdp: readonly number[];
}

/** Private memory of the publishing page after each unpublish, over the joined page's. */
async function memory(meet: Meet, way: Way, count: number): Promise<Memory> {
  const all = await meet(way);
  const { sharer, watcher, browser } = all;
  const now = await scales(sharer);
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
  // A later version negotiates a data channel first; with this one, the first m-line is the first publication's.
  const all = await meet(way, { client: 'livekit-client-2.0.0' });
  const { sharer, watcher, browser } = all;
  const shape = SHAPES['single/vp8'];
  const ufrags = new Set<string>();
  let lost = 0;
  for (let i = 0; i < count; i++) {
    // Where the transport is begun anew, livekit-client may give up.
    const published = await sharer.calls.publish('it', shape).then(Boolean, () => false);
    if (i === 0) await sharer.calls.publish('voice', SHAPES.audio);
    if (!published || (await look(watcher, shape)) === 'lost') lost++;
    for (const each of await sharer.calls.ufrags()) ufrags.add(each);
    await sharer.calls.unpublish('it').catch(() => {});
    await sees(watcher, (now) => now.every(({ source }) => source !== shape.source), LIMIT_MS);
  }
  const gapMs = await watcher.calls.longestGap();
  await browser.close();
  return { ufrags: ufrags.size, lost, gapMs };
}

/** Least squares: by how much `values` grow from each to the next. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0) / spread;
}
