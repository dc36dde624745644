/**
 * How long callers of rtc-node's client wait for their answers, in a process of its own.
 *
 *   client-side.ts SIDE URL CALLER_TOKEN CALLEE_TOKEN REPEATS
 *
 * - `peer`: plain rtc-node.
 * - `ours`: the same classes after `install()`; for `own-answers`, narrowcast's AudioSource.
 *
 * Each figure is the time from {@link BATCH} calls, all at once, to the last answer, while each turn of the event loop is
 * blocked for some ms by an immediate, as a busy agent's is.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as rtc from '@livekit/rtc-node';
import { AudioSource, install } from '../../src/livekit/index.js';
import { BATCH, BLOCKED_MS, CALLS, type Call, type ClientCost, type ClientSide } from './client-cost.js';
import { mainThreadUs } from './spent.js';

const [side, url, callerToken, calleeToken] = process.argv.slice(2) as [ClientSide, string, string, string];
const repeats = Number(process.argv[6]);

// Not without the process that started this one.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

if (side === 'ours') install();

const RATE = 48_000;
const FRAME = new rtc.AudioFrame(new Int16Array(RATE / 100), RATE, 1, RATE / 100);

const [caller, callee] = [new rtc.Room(), new rtc.Room()];
const options = { autoSubscribe: false, dynacast: false };
await caller.connect(url, callerToken, options);
await callee.connect(url, calleeToken, options);
const destinationIdentity = callee.localParticipant!.identity;
callee.localParticipant!.registerRpcMethod('echo', async ({ payload }) => payload);

/** With queue size 0, each frame is answered at once. */
const source = new rtc.AudioSource(RATE, 1, 0);
const own = side === 'ours' ? new AudioSource(RATE, 1, 0) : source;
const data = new Uint8Array([1, 2, 3]);

const call: Record<Call, () => Promise<unknown>> = {
  answers: () => source.captureFrame(FRAME),
  'own-answers': () => own.captureFrame(FRAME),
  'publish-data': () => caller.localParticipant!.publishData(data, { reliable: true }),
  rpc: () => caller.localParticipant!.performRpc({ destinationIdentity, method: 'echo', payload: 'x' }),
};

/** Blocks each turn until what it returns is called. */
function block(ms: number): () => void {
  let blocking = true;
  const turn = () => {
    if (!blocking) return;
    const end = performance.now() + ms;
    while (performance.now() < end);
    setImmediate(turn);
  };
  if (ms > 0) turn();
  return () => (blocking = false);
}

async function batch(each: () => Promise<unknown>, blockedMs: number): Promise<{ ms: number; mainUs: number }> {
  const stop = block(blockedMs);
  const [at, mainUs] = [performance.now(), mainThreadUs()];
  await Promise.all(Array.from({ length: BATCH }, each));
  const spent = { ms: performance.now() - at, mainUs: mainThreadUs() - mainUs };
  stop();
  return spent;
}

// Node warns of more than ten calls at once that one room's signal may abort.
process.removeAllListeners('warning');
process.on('warning', () => {});

for (const name of CALLS) for (let warm = 0; warm < 5; warm++) await batch(call[name], 0);
const cost: ClientCost = { ms: {}, mainUs: {} };
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const name of CALLS) {
    for (const blockedMs of BLOCKED_MS) {
      const { ms, mainUs } = await batch(call[name], blockedMs);
      (cost.ms[`${name}/turn-${blockedMs}`] ??= []).push(ms);
      if (blockedMs === 0) (cost.mainUs[name] ??= []).push(mainUs / BATCH);
      await sleep(20);
    }
  }
}
process.send!(cost, () => process.exit(0));
