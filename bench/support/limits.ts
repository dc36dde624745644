import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { FfiQueue } from 'narrowcast';
import { loadBindings } from '../../src/livekit/bindings.js';
import { native } from '../../src/native.js';
import { row, type Row } from './harness.js';
import { mainThreadUs } from './spent.js';

const ROUNDS = 5;
const OPERATIONS = 200_000;

/**
 * What Node itself takes for the steps that no way to JavaScript can do without: what a path costs beyond those it has
 * to take is ours.
 */
export async function limits(): Promise<Row[]> {
  return [
    row(
      'limit/wake',
      'main-thread µs',
      await rounds(wake),
      undefined,
      'a wake of the idle thread by another, once a ms',
    ),
    row('limit/await', 'main-thread µs', await rounds(() => awaits(OPERATIONS)), undefined, 'one await'),
    row(
      'limit/array',
      'main-thread µs',
      await rounds(() => perOperation((n) => allocate(n))),
      undefined,
      'an Int16Array for 10 ms at 16 kHz, and its collection',
    ),
    ...(await callLimits()),
    row(
      'limit/decode',
      'main-thread µs',
      await rounds(() => perOperation(decode)),
      undefined,
      "@bufbuild/protobuf's work on the answer to a chunk, one right after the other",
    ),
  ];
}

/** What it costs to call native code at all. */
export async function callLimits(): Promise<Row[]> {
  const events = new FfiQueue({ types: ['event'] }).subscribe();
  return [
    row(
      'limit/call',
      'main-thread µs',
      await rounds(() => perOperation((n) => call(n, events))),
      undefined,
      'a call of a method of a native class',
    ),
    row(
      'limit/function',
      'main-thread µs',
      await rounds(() => perOperation(callFunction)),
      undefined,
      'a call of a native function',
    ),
  ];
}

async function rounds(measure: () => Promise<number> | number): Promise<number[]> {
  const results: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const result = await measure();
    // The first one warms up.
    if (round >= 0) results.push(result);
  }
  return results;
}

function perOperation(run: (operations: number) => void): number {
  const before = mainThreadUs();
  run(OPERATIONS);
  return (mainThreadUs() - before) / OPERATIONS;
}

async function awaits(operations: number): Promise<number> {
  const before = mainThreadUs();
  for (let at = 0; at < operations; at++) await undefined;
  return (mainThreadUs() - before) / operations;
}

let kept: Int16Array | undefined;

function allocate(operations: number): void {
  for (let at = 0; at < operations; at++) {
    kept = new Int16Array(160);
    kept[0] = at;
  }
}

function call(operations: number, events: { readonly size: number }): void {
  let sum = 0;
  for (let at = 0; at < operations; at++) sum += events.size;
  if (sum !== 0) throw new Error('nothing was put');
}

function callFunction(operations: number): void {
  let sum = 0;
  for (let at = 0; at < operations; at++) sum += native.threadWakes();
  if (!(sum >= 0)) throw new Error('a count is at least 0');
}

function decode(operations: number): void {
  const { ffi } = loadBindings();
  const value = new ffi.CaptureAudioFrameCallback({ asyncId: 2n ** 50n });
  const answer = new ffi.FfiEvent({ message: { case: 'captureAudioFrame', value } }).toBinary();
  for (let at = 0; at < operations; at++) {
    if (ffi.FfiEvent.fromBinary(answer).message.case !== 'captureAudioFrame') throw new Error('decoded wrongly');
  }
}

/** What a wake costs beyond an idle thread, with one event to read. */
async function wake(): Promise<number> {
  const queue = new FfiQueue({ types: ['event'] });
  const subscription = queue.subscribe();
  const reader = (async () => {
    for (;;) if ((await subscription.next()).done) return;
  })();
  const worker = new Worker(new URL('put-steadily.mjs', import.meta.url), { workerData: { id: queue.id, everyMs: 1 } });
  await new Promise((resolve) => worker.once('online', resolve));
  while (queue.stats().delivered < 100) await sleep(10);
  const before = { us: mainThreadUs(), wakes: native.threadWakes() };
  await sleep(500);
  const cost = (mainThreadUs() - before.us) / (native.threadWakes() - before.wakes);
  await worker.terminate();
  queue.close();
  await reader;
  return cost;
}
