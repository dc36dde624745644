// How long callers of rtc-node's client wait for 100 answers at once, while each turn of the event loop is blocked for 0,
// 10 and 20 ms: plain rtc-node beside narrowcast, in turn, on a LiveKit server of this machine.
// `npm run bench -- client`.

import { startLivekitServer } from '../__test__/support/livekit-server.js';
import { inProcess } from './support/child.js';
import { BATCH, BLOCKED_MS, CALLS, type ClientCost, type ClientSide } from './support/client-cost.js';
import { bench, inTurn, row } from './support/harness.js';
import { token } from './support/publishers.js';

const ROUNDS = 4;
/** Of each figure, in each process. */
const REPEATS = 20;

const NOTES: Record<string, string> = {
  'answers/turn-0': `\`captureFrame\` of rtc-node's AudioSource, ${BATCH} calls at once, until the last answer`,
  'own-answers/turn-0': "`captureFrame` of narrowcast's AudioSource; peer: of rtc-node's",
  'publish-data/turn-0': '`publishData`, reliable',
  'rpc/turn-0': '`performRpc` to another participant in the same process and thread, and back',
};

await bench('client', async (add) => {
  const { server, stop } = await startLivekitServer();
  const costs: Record<ClientSide, ClientCost[]> = { peer: [], ours: [] };
  const measure = async (side: ClientSide, round: number) => {
    const room = `client ${side} ${round}`;
    const tokens = [await token(server, room, 'caller'), await token(server, room, 'callee')];
    const args = [side, server.url, ...tokens, String(REPEATS)];
    costs[side].push(
      await inProcess<ClientCost>(new URL('support/client-side.ts', import.meta.url), args, {
        env: { ...process.env, NODE_ENV: 'production' }, // rtc-node logs less
      }),
    );
  };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await inTurn(round, [() => measure('peer', round), () => measure('ours', round)]);
    }
  } finally {
    await stop();
  }

  const compare = (name: string, unit: string, of: (cost: ClientCost) => number[], note?: string) =>
    add(row(name, unit, costs.ours.flatMap(of), costs.peer.flatMap(of), note));
  for (const call of CALLS) {
    for (const ms of BLOCKED_MS) {
      const name = `${call}/turn-${ms}`;
      compare(name, `ms for ${BATCH} answers`, (cost) => cost.ms[name]!, NOTES[name]);
    }
    compare(
      `${call}/main`,
      'main-thread µs a call',
      (cost) => cost.mainUs[call]!,
      'nothing blocked, nothing subtracted',
    );
  }
});
