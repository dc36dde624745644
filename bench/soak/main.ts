import { startLivekitServer, type LivekitServer } from '../../__test__/support/livekit-server.js';
import { ledgerPackage } from '../../__test__/support/ledger.js';
import { checkWritable, writeJson } from '../../src/cli/shared/output-file.js';
import { inProcess } from '../support/child.js';
import { loadLine, watchLoad, type Load } from '../support/load.js';
import type { Aftermath } from './meeting.js';
import type { Leftovers } from './leftovers.js';
import { roomTable, table } from './report.js';
import type { RoomAftermath } from './room-meeting.js';
import { wrongCounts, wrongRoomCounts, wrongSlope } from './verdict.js';

/** What `npm run soak` was asked for. */
export interface SoakOptions {
  readonly minutes: number;
  /** Whether it is held in a room on a real server, with others in it, and not on the engine alone. */
  readonly server: boolean;
  /** Where the figures go, too. */
  readonly json?: string | undefined;
  /** Whether memory that grows is a failure; without, the counts alone are. */
  readonly assertSlope: boolean;
}

/**
 * V8's young generation stays at one size, small enough to be in use as a whole long before the warm-up ends. Otherwise V8
 * doubles it when the machine was busy, and the process grows by 15 MB at once, which is no leak.
 */
const FIXED_HEAP = ['--min-semi-space-size=4', '--max-semi-space-size=4'];

/** How long a side may take beyond its meeting, in ms: to collect a heap with every frame of 10 minutes takes seconds. */
const EXTRA_MS = 240_000;

/**
 * The same meeting on LiveKit's engine, with narrowcast and with plain rtc-node, at the same time, in a process each.
 * Returns the exit status: whether narrowcast left nothing behind.
 *
 * @throws {Failure} the file can't be written
 */
export async function soak(options: SoakOptions): Promise<0 | 1> {
  if (options.json !== undefined) await checkWritable(options.json);
  return options.server ? soakInRoom(options) : soakInProcess(options);
}

async function soakInProcess(options: SoakOptions): Promise<0 | 1> {
  const look = watchLoad();
  const [peer, ours] = await bothSides<Aftermath>(options.minutes);
  return conclude('soak', options, look(), peer, ours, table, wrongCounts);
}

async function soakInRoom(options: SoakOptions): Promise<0 | 1> {
  const { server, stop } = await startLivekitServer();
  try {
    const look = watchLoad();
    const [peer, ours] = await bothSides<RoomAftermath>(options.minutes, server);
    return await conclude('soak in a room', options, look(), peer, ours, roomTable, wrongRoomCounts);
  } finally {
    await stop();
  }
}

/** Prints, and writes, what both left behind. */
async function conclude<Side extends Leftovers>(
  name: string,
  { minutes, json, assertSlope }: SoakOptions,
  load: Load,
  peer: Side,
  ours: Side,
  tableOf: (minutes: number, peer: Side, ours: Side) => string,
  wrongCountsOf: (ours: Side) => string[],
): Promise<0 | 1> {
  const wrong = [...wrongCountsOf(ours), ...(assertSlope ? wrongSlope(ours) : [])];
  console.log(loadLine(`${name}, ${minutes} min`, load));
  console.log(tableOf(minutes, peer, ours));
  for (const what of wrong) console.log(`narrowcast: ${what}`);
  if (wrong.length === 0) console.log('narrowcast left nothing behind.');
  if (json !== undefined) await writeJson(json, { name, minutes, load, peer, ours, wrong });
  return wrong.length === 0 ? 0 : 1;
}

/** The peer's and ours, in processes of their own that end with this one. */
function bothSides<Side>(minutes: number, server?: LivekitServer): Promise<[Side, Side]> {
  // The addon that knows its handles, on both sides: what it notes is small, and the same code is measured and counted.
  const root = ledgerPackage('soak');
  const run = (side: 'ours' | 'peer') => {
    const args = [side, String(minutes), ...(server ? [JSON.stringify(server)] : [])];
    return inProcess<Side>(new URL('side.ts', import.meta.url), args, {
      limitMs: minutes * 60_000 + EXTRA_MS,
      nodeArgs: FIXED_HEAP,
      // rtc-node logs less.
      env: { ...process.env, NODE_ENV: 'production', NARROWCAST_ROOT: root },
    });
  };
  return Promise.all([run('peer'), run('ours')]);
}
