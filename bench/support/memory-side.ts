/**
 * What one thing costs in resident memory, in a process of its own: `memory-side.ts CASE`. Sends bytes each.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { AudioStream, AudioStreamTrack, FfiQueue, RingBuffer } from 'narrowcast';

/** Of each kind of thing, so that what the process itself does meanwhile is small beside them. */
const COUNT = 128;
/** Half a second of stereo at 48 kHz, as a user of a RingBuffer would take. */
const RING_SAMPLES = 480_000;
const EVENT_BYTES = 100e6;

async function resident(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc!();
    // What was collected is finalized when the event loop turns.
    await sleep(20);
  }
  return process.memoryUsage.rss();
}

/** Growth of resident memory by each of `COUNT` things, in bytes. They are referenced until it is measured. */
async function each<T>(make: () => T, afterwards: (thing: T) => void = () => {}): Promise<number> {
  // What the first one of its kind loads and compiles stays, however many follow.
  afterwards(make());
  const before = await resident();
  const things = Array.from({ length: COUNT }, make);
  things.forEach(afterwards);
  const grown = (await resident()) - before;
  return grown / things.length;
}

/** Opens, fills and closes as many as are opened afterwards: their memory is then not the system's first. */
async function used(make: () => { close(): void }): Promise<void> {
  for (const thing of Array.from({ length: COUNT }, make)) thing.close();
  await resident();
}

const second = new Int16Array(48_000);

function fullStream(): AudioStream {
  const stream = new AudioStream();
  for (let at = 0; at < 10; at++) stream.write(second);
  return stream;
}

function fullTrack(): { close(): void } {
  const track = new AudioStreamTrack();
  for (let at = 0; at < 30; at++) track.write({ data: second, sampleRate: 48_000, channels: 1 });
  return { close: () => track.stop() };
}

function fullRing(): RingBuffer {
  const ring = new RingBuffer({ capacity: RING_SAMPLES });
  ring.write(new Int16Array(RING_SAMPLES));
  return ring;
}

/** What stays of an event that was read and forgotten. */
async function largeEvent(): Promise<number> {
  const queue = new FfiQueue({ types: ['event'] });
  const subscription = queue.subscribe();
  const pass = (bytes: number) => {
    queue.put('event', new Uint8Array(bytes));
    return subscription.tryNext()!.payload.length;
  };
  pass(100);
  const before = await resident();
  pass(EVENT_BYTES);
  for (let at = 0; at < 100; at++) pass(100);
  return (await resident()) - before;
}

const cases: Record<string, () => Promise<number>> = {
  track: () => each(() => new AudioStreamTrack()),
  stream: () => each(() => new AudioStream()),
  ring: () => each(() => new RingBuffer({ capacity: RING_SAMPLES })),
  'track-again': async () => (await used(fullTrack), each(() => new AudioStreamTrack())),
  'stream-again': async () => (await used(fullStream), each(() => new AudioStream())),
  'ring-again': async () => (await used(fullRing), each(() => new RingBuffer({ capacity: RING_SAMPLES }))),
  'stream-cancelled': () => each(fullStream, (stream) => void stream.cancel()),
  'track-stopped': () => each(fullTrack, (track) => track.close()),
  'large-event': largeEvent,
};

process.send!(await cases[process.argv[2]!]!(), () => process.exit(0));
