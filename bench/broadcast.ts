// What an event costs, from LiveKit's engine to its subscribers, and without one. `npm run bench -- broadcast`.

import { Worker } from 'node:worker_threads';
import { FfiQueue } from 'narrowcast';
import { cargoBench, fastest, type NativeRounds } from './support/cargo-bench.js';
import { inProcess } from './support/child.js';
import type { EventCost, EventSide } from './support/event-side.js';
import { bench, inTurn, row, type Row } from './support/harness.js';
import { limits } from './support/limits.js';

const ROUNDS = 5;
const SECONDS = 2;
const SUBSCRIBERS = [1, 16, 64];
/** 25,600 events a second: what an event costs, and little of what a wake does. */
const TRACKS = 256;
/** 1,600 events a second, in bursts of 16: mostly what a wake costs, on both sides. */
const FEW_TRACKS = 16;
const BURST = 100_000;

await bench('broadcast', async (add) => {
  const measured: Record<string, EventCost[]> = {};
  const measure = async (side: EventSide, subscribers: number, tracks = TRACKS) => {
    const args = [side, subscribers, tracks, SECONDS].map(String);
    const cost = await inProcess<EventCost>(new URL('support/event-side.ts', import.meta.url), args);
    (measured[`${side}/${subscribers}/${tracks}`] ??= []).push(cost);
  };
  const native: Record<string, NativeRounds[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    await inTurn(round, [
      ...SUBSCRIBERS.flatMap((subscribers) =>
        (['peer', 'raw', 'decoded', 'raw-await', 'raw-drain'] as const).map((side) => () => measure(side, subscribers)),
      ),
      () => measure('peer', 16, FEW_TRACKS),
      () => measure('raw', 16, FEW_TRACKS),
    ]);
    // At other times of the same run: their own rounds take less than a second each.
    for (const rounds of cargoBench('narrowcast-livekit', 'callback')) (native[rounds.case] ??= []).push(rounds);
  }

  const unheard = measured[`peer/1/${TRACKS}`]!.map(({ unwantedUs }) => unwantedUs * 1000);
  const unwanted = (name: string, note: string, peer?: number[]) =>
    row(name, 'ns', native[name]!.map(fastest), peer, note);
  add(
    unwanted(
      'unwanted/native/1',
      "native thread; the peer's is rtc-node's main thread, where ours has nothing to do",
      unheard,
    ),
  );
  add(unwanted('unwanted/native/10000', 'native thread, with 10,000 subscribers to other events', unheard));
  add(unwanted('unwanted/release', 'native thread: a frame without a taker, with the walk to its handle'));

  const wanted = (name: string, side: EventSide, subscribers: number, note: string, tracks = TRACKS) => {
    const of = (who: EventSide) => measured[`${who}/${subscribers}/${tracks}`]!.map((cost) => cost.mainUsPerEvent);
    add(row(`wanted/${name}/${subscribers}`, 'main-thread µs an event', of(side), of('peer'), note));
  };
  for (const subscribers of SUBSCRIBERS) {
    wanted('raw', 'raw', subscribers, 'heard with `forEach`');
    wanted('decoded', 'decoded', subscribers, 'heard with `forEach`, decoded as the peer does');
    wanted('raw-await', 'raw-await', subscribers, 'read with `for await`');
    wanted('raw-drain', 'raw-drain', subscribers, 'read with `drain()` every 20 ms');
    const wakes = measured[`raw/${subscribers}/${TRACKS}`]!.map((cost) => cost.wakes / cost.received);
    add(row(`wanted/wakes/${subscribers}`, 'wakes an event', wakes));
  }
  wanted('raw-seldom', 'raw', 16, '16 events every 10 ms: both mostly wake', FEW_TRACKS);
  add(await burst());
  for (const each of throughput()) add(each);
  for (const limit of await limits()) add(limit);
});

/** The core alone beside the field's own channels. */
function throughput(): Row[] {
  return cargoBench('narrowcast-core', 'throughput').flatMap(({ case: name, ours, tokio, crossbeam }) => [
    row(name, 'ns an event', ours, tokio, "the peer is tokio's broadcast"),
    row(`${name}/crossbeam`, 'ns an event', ours, crossbeam, 'the peer is a crossbeam channel for each subscriber'),
  ]);
}

/** Wakes for events that come while JavaScript is blocked, with a read pending. */
async function burst(): Promise<Row> {
  const wakes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const queue = new FfiQueue({ types: ['event'] });
    const subscription = queue.subscribe({ overflow: 'grow' });
    let read = 0;
    const reading = (async () => {
      for await (const _ of subscription) if (++read === BURST) return;
    })();
    const done = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL('support/put-burst.mjs', import.meta.url), {
      workerData: { id: queue.id, count: BURST, done },
    });
    await new Promise((resolve) => worker.once('message', resolve));
    worker.postMessage('go');
    // Blocks until the last one was put.
    Atomics.wait(done, 0, 0);
    await reading;
    wakes.push(queue.stats().wakes);
    await worker.terminate();
    queue.close();
  }
  return row('wakes/burst', `wakes per ${BURST} events`, wakes, undefined, 'sent while JavaScript is blocked');
}
