// What it costs to listen to 4, 16 and 32 publishers of a room on a real LiveKit server, and to publish 16 sources into one:
// plain rtc-node beside narrowcast, in turn. All on this machine, the publishers in another process.
// `npm run bench -- livekit`.

import { startLivekitServer } from '../__test__/support/livekit-server.js';
import { inProcess } from './support/child.js';
import { bench, inTurn, row } from './support/harness.js';
import type { PublishCost, PublishSide } from './support/publish-side.js';
import { Publishers, token } from './support/publishers.js';
import type { RoomCost, RoomSide } from './support/room-side.js';

const ROUNDS = 3;
const SECONDS = 3;
const PUBLISHERS = [4, 16, 32];
const SOURCES = 16;

const MISSING = 'of what time makes, not read; of the track that missed most. Below 0: some came late, from before';
const CONCEALED = 'made up by the engine, before either side sees them';

/** A note on what is shown for each number of publishers. */
function noteOnce(count: number, note: string | undefined): string | undefined {
  return count === PUBLISHERS[0] ? note : undefined;
}

await bench('livekit', async (add) => {
  const { server, stop } = await startLivekitServer();
  const listening: Record<string, RoomCost[]> = {};
  const publishing: Record<PublishSide, PublishCost[]> = { peer: [], 'capture-frame': [], 'pipe-to': [] };
  const measure = async <Cost>(program: string, side: string, room: string, count: number) => {
    const args = [side, server.url, await token(server, room, `${program} ${side}`), String(count), String(SECONDS)];
    return inProcess<Cost>(new URL(`support/${program}.ts`, import.meta.url), args, {
      env: { ...process.env, NODE_ENV: 'production' }, // rtc-node logs less
    });
  };
  const publishers = new Publishers(server, 'listening');
  try {
    for (const [at, count] of PUBLISHERS.entries()) {
      for (let n = PUBLISHERS[at - 1] ?? 0; n < count; n++) await publishers.join(`publisher ${n}`);
      const listen = async (side: RoomSide) => {
        (listening[`${side}/${count}`] ??= []).push(await measure('room-side', side, 'listening', count));
      };
      for (let round = 0; round < ROUNDS; round++) await inTurn(round, [() => listen('peer'), () => listen('ours')]);
    }
    await publishers.stop();
    const publish = async (side: PublishSide) => {
      publishing[side].push(await measure('publish-side', side, 'publishing', SOURCES));
    };
    for (let round = 0; round < ROUNDS; round++) {
      await inTurn(round, [() => publish('peer'), () => publish('capture-frame'), () => publish('pipe-to')]);
    }
  } finally {
    await publishers.stop();
    await stop();
  }

  for (const count of PUBLISHERS) {
    const compare = (name: string, unit: string, of: keyof RoomCost, note?: string) =>
      add(
        row(
          `stream/${name}/${count}`,
          unit,
          listening[`ours/${count}`]!.map((cost) => cost[of]),
          listening[`peer/${count}`]!.map((cost) => cost[of]),
          noteOnce(count, note),
        ),
      );
    compare('main', 'main-thread µs a frame', 'mainUsPerFrame', '`for await`, 10 ms at 16 kHz; nothing is subtracted');
    compare(
      'wakes',
      'wakes a frame',
      'wakesPerFrame',
      "how often native code calls the main thread, for whatever: peer, once for each of the engine's events",
    );
    compare('turns', 'turns of the event loop a frame', 'turnsPerFrame', 'several calls may come in one of them');
    compare('cpu', '% of a core, whole process', 'cpuPercent', "with the engine's own work");
    // No ratios: what they would compare is mostly nothing.
    for (const side of ['peer', 'ours'] as const) {
      const costs = listening[`${side}/${count}`]!;
      const lost = (name: string, unit: string, of: keyof RoomCost, note: string) => {
        const percent = costs.map((cost) => cost[of]);
        add(row(`stream/${name}/${side}/${count}`, unit, percent, undefined, noteOnce(count, note)));
      };
      lost('missing', '% of the frames', 'missingPercent', MISSING);
      lost('concealed', '% of the samples', 'concealedPercent', CONCEALED);
    }
  }
  const compare = (name: string, side: PublishSide, unit: string, of: keyof PublishCost, note?: string) =>
    add(
      row(
        `publish/${name}/${SOURCES}`,
        unit,
        publishing[side].map((cost) => cost[of]),
        publishing.peer.map((cost) => cost[of]),
        note,
      ),
    );
  compare(
    'main',
    'capture-frame',
    'main-thread µs a frame',
    'mainUsPerFrame',
    "each side's `captureFrame`, 10 ms a time",
  );
  compare(
    'main/pipe',
    'pipe-to',
    'main-thread µs a frame',
    'mainUsPerFrame',
    'an AudioStreamTrack, written to 5 times a second',
  );
  compare('wakes', 'capture-frame', 'wakes a frame', 'wakesPerFrame');
  compare('cpu', 'capture-frame', '% of a core, whole process', 'cpuPercent', "with the engine's own work");
  compare('cpu/pipe', 'pipe-to', '% of a core, whole process', 'cpuPercent');
  for (const side of Object.keys(publishing) as PublishSide[]) {
    const missing = publishing[side].map((cost) => cost.missingPercent);
    add(row(`publish/missing/${side}/${SOURCES}`, '% of the frames', missing));
  }
});
