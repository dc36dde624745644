// What an event costs that another addon puts, through the C interface, beside one of the engine that is built in, which is a
// stand-in here: both send the same event into the same queue, in turn, in one process, from the same C file.
// `npm run bench -- native-events`; needs a C compiler.

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AudioStream, nativeInterface } from 'narrowcast';
import { FfiQueue } from '../src/ffi-queue.js';
import { loadBindings } from '../src/livekit/bindings.js';
import { describeEvents } from '../src/livekit/schema.js';
import { native } from '../src/native.js';
import type { Probe } from '../__test__/support/native-interface/probe.js';
import { compile } from '../examples/native-events/build.mjs';
import { bench, row } from './support/harness.js';
import { rounds } from './support/rounds.js';

const ROUNDS = 101;
const TIMES = 20_000;
/** Subscriptions to other events. */
const OTHERS = 10_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const file = path.join(root, 'target', 'native-events', 'probe.node');
compile(path.join(root, '__test__', 'support', 'native-interface', 'probe.c'), file);
const probe = createRequire(import.meta.url)(file) as Probe;
probe.use(nativeInterface(), 1, 0);

/** The fastest rounds: what disturbs a loop of nanoseconds only ever adds. */
const fastest = (times: number[]) => times.toSorted((a, b) => a - b).slice(0, ROUNDS / 4);

const open = (id: bigint): number => {
  const [status, handle] = probe.queueOpen(id, 0);
  if (status !== 0) throw new Error(`the queue could not be opened: ${status}`);
  return handle;
};

await bench('native-events', async (add) => {
  const { ffi } = loadBindings();
  const schema = describeEvents(ffi);
  // The probe is the engine.
  native.engineAttach(file, schema, 1);
  const types = schema.cases.map(({ name }) => name);
  const queue = new FfiQueue<string>({ types }, () => native.engineQueue());
  const value = new ffi.CaptureAudioFrameCallback({ asyncId: 7n });
  const bytes = new ffi.FfiEvent({ message: { case: 'captureAudioFrame', value } }).toBinary();
  const type = types.indexOf('captureAudioFrame');
  const handle = open(queue.id);

  const sides = {
    ours: () => probe.timePut(handle, type, 7n, bytes, bytes.length, TIMES),
    builtIn: () => probe.timeCallback(bytes, bytes.length, TIMES),
  };
  const subscribe = (about: bigint) =>
    queue.subscribe({ types: ['captureAudioFrame'], handles: [about], overflow: 'drop-oldest', capacity: 1024 });
  const measure = (name: string, note: string) => {
    const before = queue.stats();
    const { ours, builtIn } = rounds(ROUNDS, sides);
    const after = queue.stats();
    add(row(name, 'ns', fastest(ours), fastest(builtIn), note));
    const [sent, unwanted] = [after.published - before.published, after.unwanted - before.unwanted];
    if (unwanted !== (name.startsWith('unwanted') ? sent : 0)) throw new Error(`${unwanted} of ${sent} were unwanted`);
  };

  const held = [subscribe(1000n)];
  measure('unwanted/1', 'one subscription, to another handle');
  for (let other = 1; other < OTHERS; other++) held.push(subscribe(1000n + BigInt(other)));
  measure(`unwanted/${OTHERS}`, 'subscriptions to other handles');
  const wanted = subscribe(7n);
  measure('wanted/1', `one of ${OTHERS + 1} subscriptions wants it, and is not read: the oldest event makes room`);
  wanted.close();

  const stream = new AudioStream({ sampleRate: 16_000 });
  const [, writer] = probe.streamOpen(stream.id, 16_000, 1);
  const pcm = new Int16Array(160);
  const writing = rounds(ROUNDS, { ours: () => probe.timeWrite(writer, pcm, pcm.length, TIMES) });
  add(row('stream/10ms', 'ns', fastest(writing.ours), undefined, '160 samples into an AudioStream without a reader'));
  for (const each of held) each.close();
});
// The stand-in has no thread to end.
process.exit();
