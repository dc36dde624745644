import { ReadableStream, WritableStream } from 'node:stream/web';
import { describe, expect, it } from 'vitest';
import {
  AudioFrame,
  AudioStream,
  AudioStreamTrack,
  FfiQueue,
  resampleStream,
  type FfiEvent,
  type Subscription,
} from '../src/index.js';
import { afterTurn, delivered, mayDeliver } from '../src/turn-budget.js';
import { isPending, microtasks } from './support/expect.js';

/** How a promise settles in this turn of the event loop, in which promises' callbacks run and nothing else. */
async function inThisTurn(promise: Promise<unknown>): Promise<string> {
  let state = 'pending';
  promise.then(
    () => (state = 'fulfilled'),
    () => (state = 'rejected'),
  );
  await microtasks();
  return state;
}

async function forAwait(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}

/** Spends the thread's budget for this turn. */
async function spendTheTurn(): Promise<void> {
  await new Promise<void>(afterTurn);
  for (const end = performance.now() + 60_000; mayDeliver();) {
    if (performance.now() > end) throw new Error('the budget is never spent');
    delivered();
    for (const until = performance.now() + 1; performance.now() < until;);
  }
}

describe.each<[string, (events: Subscription<FfiEvent<'a'>>) => unknown, 'fulfilled' | 'rejected']>([
  ['close()', (events) => events.close(), 'fulfilled'],
  ['return()', (events) => events.return(), 'fulfilled'],
  ['asyncDispose', (events) => events[Symbol.asyncDispose](), 'fulfilled'],
  ['unsubscribe()', (events) => queueOf.get(events)!.unsubscribe(events), 'fulfilled'],
  ['an aborted signal', (events) => abortOf.get(events)!.abort(), 'rejected'],
])('Subscription: %s', (_end, end, settled) => {
  describe.each(['at rest', 'with the budget of the turn spent'])('%s', (when) => {
    it('settles in this turn what is pending', async () => {
      const waits: Record<string, (events: Subscription<FfiEvent<'a'>>) => Promise<unknown>> = {
        next: (events) => events.next(),
        'two next': (events) => Promise.all([events.next(), events.next()]),
        'for await': forAwait,
        forEach: (events) => events.forEach(() => {}),
        waitFor: (events) => events.waitFor(() => true),
      };
      const states: Record<string, string> = {};
      for (const [name, wait] of Object.entries(waits)) {
        const events = subscribed();
        const pending = wait(events);
        expect(await isPending(pending)).toBe(true);
        if (when !== 'at rest') await spendTheTurn();
        end(events);
        states[name] = await inThisTurn(pending);
      }
      const expected = Object.fromEntries(Object.keys(waits).map((name) => [name, settled]));
      expect(states).toEqual({ ...expected, waitFor: 'rejected' });
    });
  });
});

const queueOf = new WeakMap<Subscription<FfiEvent<'a'>>, FfiQueue<'a'>>();
const abortOf = new WeakMap<Subscription<FfiEvent<'a'>>, AbortController>();

function subscribed(): Subscription<FfiEvent<'a'>> {
  const [queue, abort] = [new FfiQueue({ types: ['a'] }), new AbortController()];
  const events = queue.subscribe({ signal: abort.signal });
  queueOf.set(events, queue);
  abortOf.set(events, abort);
  return events;
}

describe.each<[string, (stream: AudioStream, cancel: () => unknown) => unknown]>([
  ['close()', (stream) => stream.close()],
  ['cancel()', (_, cancel) => cancel()],
])('AudioStream: %s', (_end, end) => {
  it.each(['at rest', 'with the budget of the turn spent'])(
    'settles in this turn what is pending (%s)',
    async (when) => {
      const waits: Record<string, (stream: AudioStream) => [Promise<unknown>, cancel?: () => unknown]> = {
        read: (stream) => {
          const reader = stream.getReader();
          return [reader.read(), () => reader.cancel()];
        },
        next: (stream) => {
          const iterator = stream.values();
          return [Promise.all([iterator.next(), iterator.next()]), () => iterator.return!()];
        },
        resampleStream: (stream) => {
          const reader = resampleStream({ stream, outputRate: 8000 }).getReader();
          return [reader.read(), () => reader.cancel()];
        },
      };
      const states: Record<string, string> = {};
      for (const [name, wait] of Object.entries(waits)) {
        const stream = new AudioStream({ sampleRate: 16_000 });
        const [pending, cancel] = wait(stream);
        expect(await isPending(pending)).toBe(true);
        if (when !== 'at rest') await spendTheTurn();
        end(stream, cancel!);
        states[name] = await inThisTurn(pending);
      }
      expect(states).toEqual({ read: 'fulfilled', next: 'fulfilled', resampleStream: 'fulfilled' });
    },
  );
});

it('AudioStream: close() settles a pipe, which closes its target', async () => {
  const stream = new AudioStream();
  const piping = stream.pipeTo(new WritableStream());
  expect(await isPending(piping)).toBe(true);
  stream.close();
  await piping;
});

it.each(['at rest', 'with the budget of the turn spent'])(
  'AudioStreamTrack: stop() settles what is pending (%s)',
  async (when) => {
    const track = new AudioStreamTrack();
    await track.recv();
    track.write({ data: new Int16Array(48_000), sampleRate: 48_000, channels: 1 });
    const pending = [track.recv(), track.recv(), track.waitForPlayout()];
    if (when !== 'at rest') await spendTheTurn();
    track.stop();
    expect(await Promise.all(pending.map(inThisTurn))).toEqual(['rejected', 'rejected', 'fulfilled']);
  },
);

it('resampleStream: the end and the failure of its stream settle a pending read', async () => {
  for (const [end, state] of [
    ['close', 'fulfilled'],
    ['error', 'rejected'],
  ] as const) {
    let controller!: import('node:stream/web').ReadableStreamDefaultController<AudioFrame>;
    const stream = new ReadableStream<AudioFrame>({ start: (c) => void (controller = c) });
    const pending = resampleStream({ stream, outputRate: 8000 }).getReader().read();
    expect(await isPending(pending)).toBe(true);
    controller[end]();
    expect(await inThisTurn(pending)).toBe(state);
  }
});
