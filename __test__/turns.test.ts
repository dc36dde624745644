import { readFile } from 'node:fs/promises';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';
import { AudioFrame, AudioStream, AudioStreamTrack, FfiQueue, resampleStream } from '../src/index.js';
import { Gate, message, start } from './support/threads.js';
import { block, until } from './support/wait.mjs';

/** Each loop reads a backlog of this many values, and takes a second in all if nothing else has a turn. */
const BACKLOG = 500;
const WORK_MS = 2;

function queueWithBacklog() {
  const queue = new FfiQueue({ types: ['a'] });
  const events = queue.subscribe();
  for (let i = 0; i < BACKLOG; i++) queue.put('a', new Uint8Array(1));
  return events;
}

function streamWithBacklog() {
  const stream = new AudioStream({ sampleRate: 1000, frameSizeMs: 1 });
  stream.write(new Int16Array(BACKLOG));
  return stream;
}

/** Frames without end, from no native ring. */
const endless = () =>
  new ReadableStream<AudioFrame>({ pull: (controller) => controller.enqueue(AudioFrame.create(8000, 1, 80)) });

/** Reads, calling `consume` with each value, until that says that it was enough. */
type Loop = (consume: () => boolean) => Promise<unknown>;

async function forAwait(values: AsyncIterable<unknown>, consume: () => boolean): Promise<void> {
  for await (const _ of values) if (consume()) return;
}

const loops: Record<string, Loop> = {
  'for await over a Subscription': (consume) => forAwait(queueWithBacklog(), consume),
  'Subscription.forEach()': async (consume) => {
    const events = queueWithBacklog();
    await events.forEach(() => void (consume() && events.return()));
  },
  'Subscription.forEach() with promises': async (consume) => {
    const events = queueWithBacklog();
    await events.forEach(async () => void (consume() && events.return()));
  },
  'Subscription.waitFor()': async (consume) => {
    await queueWithBacklog().waitFor(consume);
  },
  'a filter that refuses all': async (consume) => {
    const queue = new FfiQueue({ types: ['a'] });
    const events = queue.subscribe({ filter: () => consume() });
    for (let i = 0; i < BACKLOG; i++) queue.put('a', new Uint8Array(1));
    await events.next();
  },
  'for await over an AudioStream': (consume) => forAwait(streamWithBacklog(), consume),
  'a reader of an AudioStream': async (consume) => {
    const reader = streamWithBacklog().getReader();
    do await reader.read();
    while (!consume());
    await reader.cancel();
  },
  'AudioStream.pipeTo()': async (consume) => {
    const abort = new AbortController();
    const sink = new WritableStream({ write: () => void (consume() && abort.abort()) });
    await streamWithBacklog()
      .pipeTo(sink, { signal: abort.signal })
      .catch(() => {});
  },
  'AudioStreamTrack.recv() by a late caller': async (consume) => {
    // Frames of 1 ms: each is late for a caller that takes twice as long.
    const track = new AudioStreamTrack({ sampleRate: 1000, frameSizeMs: 1 });
    do await track.recv();
    while (!consume());
    track.stop();
  },
  'resampleStream() of a stream that never waits': async (consume) =>
    forAwait(resampleStream({ stream: endless(), outputRate: 16_000 }), consume),
};

describe.each(Object.entries(loops))('%s', (_name, loop) => {
  it('lets timers and I/O have their turn while its consumer takes longer than the producer', async () => {
    let consumed = 0;
    const turns = { timer: -1, file: -1 };
    setTimeout(() => (turns.timer = consumed), 1);
    void readFile(new URL(import.meta.url)).then(() => (turns.file = consumed));
    await loop(() => {
      block(WORK_MS);
      return ++consumed === BACKLOG || (turns.timer >= 0 && turns.file >= 0);
    });
    expect(turns.timer).toBeGreaterThanOrEqual(0);
    // Some loops would have given up after 256, or after 1,024.
    expect(turns.timer).toBeLessThan(BACKLOG / 4);
    expect(turns.file).toBeGreaterThanOrEqual(0);
  });

  it('leaves other loops their share', async () => {
    const consumed = { first: 0, other: 0 };
    const share = (name: keyof typeof consumed) => () => {
      block(WORK_MS);
      return ++consumed[name] >= 60 || consumed.first + consumed.other >= 100;
    };
    await Promise.all([loop(share('first')), forAwait(streamWithBacklog(), share('other'))]);
    expect(Math.min(consumed.first, consumed.other)).toBeGreaterThan(10);
  });
});

it.each(['for await', 'forEach'] as const)(
  'a producer in another thread that is never slower leaves timers their turn (%s)',
  async (way) => {
    const queue = new FfiQueue({ types: ['a'] });
    const gate = new Gate();
    const options = { id: queue.id, types: ['a'], type: 'a', producer: 0, count: 10_000_000, cells: gate.cells };
    const worker = start('put-events.mjs', options);
    expect(await message(worker)).toBe('ready');
    const events = queue.subscribe({ overflow: 'drop-oldest', capacity: 4096 });
    let read = 0;
    const reading = way === 'forEach' ? events.forEach(() => void read++) : forAwait(events, () => (read++, false));
    gate.open();
    await until(() => read > 1000, 'events come');
    for (let i = 0; i < 10; i++) {
      const before = read;
      await new Promise((resolve) => setTimeout(resolve, 1));
      expect(read).toBeGreaterThanOrEqual(before);
    }
    events.close();
    await reading;
    await worker.terminate();
  },
);
