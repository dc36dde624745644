// What a user's compiler sees of FfiQueue and Subscription. Never run: `tsc` is the test.
import {
  AudioStream,
  FfiQueue,
  nativeInterface,
  Subscription,
  type FfiEvent,
  type FfiQueueOptions,
  type FfiQueueStats,
  type NativeInterface,
  type OverflowPolicy,
  type SubscribeOptions,
  type WakePolicy,
} from 'narrowcast';
import { a, same, takes } from './support.js';

// Types of events come from the options, without `as const`.
const queue = new FfiQueue({ types: ['audio', 'video'] });
same<typeof queue, FfiQueue<'audio' | 'video', FfiEvent<'audio' | 'video'>>>();
const table = new FfiQueue({ types: { audio: 4, video: 3 } });
same<typeof table, FfiQueue<'audio' | 'video', FfiEvent<'audio' | 'video'>>>();
const anything = new FfiQueue({ types: a<string[]>() });
same<typeof anything, FfiQueue>();
same<FfiQueue, FfiQueue<string, FfiEvent<string>>>();

// decode says what subscribers get.
const decoded = new FfiQueue({
  types: ['audio', 'video'],
  decode: (event) => {
    same<typeof event, FfiEvent<'audio' | 'video'>>();
    return { about: event.handle, size: event.payload.length };
  },
});
same<typeof decoded, FfiQueue<'audio' | 'video', { about: bigint; size: number }>>();

// An event.
const event = a<FfiEvent<'audio'>>();
same<typeof event.type, 'audio'>();
same<typeof event.handle, bigint>();
takes<Uint8Array>(event.payload);
// @ts-expect-error an event is not to be changed
event.handle = 1n;

// open: the same options; put and id.
const opened = FfiQueue.open(queue.id, { types: ['audio', 'video'], decode: (event) => event.type });
same<typeof opened, FfiQueue<'audio' | 'video', 'audio' | 'video'>>();
same<typeof queue.id, bigint>();
same<ReturnType<typeof queue.put>, number>();
queue.put('audio', new Uint8Array(1));
queue.put('video', Buffer.alloc(1), 7n);
// @ts-expect-error no such type
queue.put('sound', new Uint8Array(1));
// @ts-expect-error a handle is a BigInt
queue.put('audio', new Uint8Array(1), 7);
// @ts-expect-error a payload is bytes
queue.put('audio', 'bytes');
// @ts-expect-error an id is a BigInt
FfiQueue.open(7, { types: ['audio'] });
// @ts-expect-error types are needed
new FfiQueue({});
// @ts-expect-error numbers are numbers
new FfiQueue({ types: { audio: '1' } });

// subscribe.
const events = queue.subscribe();
same<typeof events, Subscription<FfiEvent<'audio' | 'video'>>>();
queue.subscribe({});
queue.subscribe({
  types: ['audio'],
  handles: [7n],
  filter: (event) => event.payload.length > 0,
  capacity: 10,
  overflow: 'error',
  maxCapacity: 20,
  wake: 'immediate',
  own: true,
  signal: AbortSignal.timeout(1000),
});
queue.subscribe({ types: new Set(['audio'] as const), handles: new Map<bigint, string>().keys() });
decoded.subscribe({ filter: ({ about, size }) => about > BigInt(size) });
// @ts-expect-error no such type
queue.subscribe({ types: ['sound'] });
// @ts-expect-error handles are BigInts
queue.subscribe({ handles: [7] });
// @ts-expect-error a string is not a list of types
queue.subscribe({ types: 'audio' });
// @ts-expect-error no such policy
queue.subscribe({ overflow: 'block' });
// @ts-expect-error no such way to be woken
queue.subscribe({ wake: 'later' });
// @ts-expect-error a boolean
queue.subscribe({ own: 'yes' });
// @ts-expect-error no such option
queue.subscribe({ type: ['audio'] });
// @ts-expect-error a filter decides now
queue.subscribe({ filter: async () => true });
// @ts-expect-error what decode made has no payload
decoded.subscribe({ filter: (event) => event.payload.length > 0 });
same<OverflowPolicy, 'error' | 'grow' | 'drop-oldest' | 'drop-newest'>();
takes<SubscribeOptions<'audio', number>>({ types: ['audio'], filter: (n) => n > 1 });
takes<FfiQueueOptions<'audio', number>>({ types: ['audio'], decode: ({ payload }) => payload.length });

// Reading.
const sizes = decoded.subscribe();
type Size = { about: bigint; size: number };
same<ReturnType<typeof sizes.tryNext>, Size | undefined>();
same<ReturnType<typeof sizes.drain>, Size[]>();
same<ReturnType<typeof sizes.next>, Promise<IteratorResult<Size, undefined>>>();
same<ReturnType<typeof sizes.waitFor>, Promise<Size>>();
same<ReturnType<typeof sizes.return>, Promise<IteratorResult<Size, undefined>>>();
takes<Promise<Size>>(sizes.waitFor(({ size }) => size > 1, { signal: AbortSignal.timeout(1) }));
takes<number[]>([sizes.size, sizes.dropped, sizes.filterErrors, sizes.drain(3).length]);
same<typeof sizes.closed, boolean>();
sizes.close();
decoded.unsubscribe(sizes);
// @ts-expect-error size is to be read
sizes.size = 0;
// @ts-expect-error a predicate is needed
void sizes.waitFor();

export async function reads(): Promise<void> {
  await using subscription = decoded.subscribe();
  for await (const event of subscription) same<typeof event, Size>();
  const { done, value } = await subscription.next();
  if (done) same<typeof value, undefined>();
  else same<typeof value, Size>();
}
takes<AsyncIterable<Size>>(sizes);
takes<AsyncIterableIterator<Size>>(sizes);
takes<AsyncDisposable>(sizes);

// What reads some events can be given a subscription of fewer.
takes<Subscription<FfiEvent>>(events);
takes<Subscription<unknown>>(sizes);
// @ts-expect-error and not of other events
takes<Subscription<FfiEvent>>(sizes);

// Only a queue makes subscriptions.
// @ts-expect-error no constructor for others
new Subscription();

same<keyof FfiQueueStats, 'published' | 'delivered' | 'unwanted' | 'dropped' | 'queued' | 'wakes' | 'subscribers'>();
same<ReturnType<typeof queue.stats>, FfiQueueStats>();
same<ReturnType<typeof queue.close>, void>();

// forEach.
const over = decoded.subscribe().forEach(({ about, size }) => about > BigInt(size));
same<typeof over, Promise<void>>();
void decoded.subscribe().forEach(async ({ size }) => size);
// @ts-expect-error no such member of what was decoded
void decoded.subscribe().forEach(({ payload }) => payload);
// @ts-expect-error a callback
void queue.subscribe().forEach();
const wake: WakePolicy = 'paced';
queue.subscribe({ wake });

// For other addons: ids, and an object that only nativeInterface() makes.
same<ReturnType<typeof nativeInterface>, NativeInterface>();
same<NativeInterface['version'], string>();
same<AudioStream['id'], bigint>();
// @ts-expect-error it can't be made by hand
takes<NativeInterface>({ version: '1.0' });
