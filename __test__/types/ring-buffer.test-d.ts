// What a user's compiler sees of RingBuffer. Never run: `tsc` is the test.
import { RingBuffer, type RingBufferOptions } from 'narrowcast';
import { same, takes } from './support.js';

const ring = new RingBuffer({ capacity: 16_000 });
new RingBuffer({ capacity: 16_000, overflow: 'drop-oldest' });
takes<RingBufferOptions>({ capacity: 16_000, overflow: 'reject' });
// @ts-expect-error a capacity is needed
new RingBuffer({});
// @ts-expect-error options are needed
new RingBuffer();
// @ts-expect-error numbers are numbers
new RingBuffer({ capacity: '16000' });
// @ts-expect-error no such policy
new RingBuffer({ capacity: 16_000, overflow: 'grow' });
// @ts-expect-error only open() has a second argument
new RingBuffer(undefined, ring);

// Opened in another thread: by a BigInt, without options.
same<typeof ring.id, bigint>();
same<ReturnType<typeof RingBuffer.open>, RingBuffer>();
RingBuffer.open(7n);
// @ts-expect-error an id is a BigInt
RingBuffer.open(7);

// The producer's.
same<ReturnType<typeof ring.write>, number>();
ring.write(new Int16Array(160));
ring.write(new Int16Array(new SharedArrayBuffer(320)));
// @ts-expect-error samples are 16-bit integers
ring.write(new Float32Array(160));
ring.write(Buffer.alloc(320));

// The consumer's.
same<ReturnType<typeof ring.read>, number>();
same<ReturnType<typeof ring.peek>, number>();
same<ReturnType<typeof ring.skip>, number>();
same<ReturnType<typeof ring.clear>, void>();
ring.read(new Int16Array(160));
ring.peek(new Int16Array(160));
ring.skip(160);
// @ts-expect-error samples are 16-bit integers
ring.read(new Uint16Array(160));
// @ts-expect-error how many
ring.skip();

takes<number[]>([ring.size, ring.capacity, ring.dropped]);
same<typeof ring.closed, boolean>();
same<ReturnType<typeof ring.close>, void>();
// @ts-expect-error it is fixed
ring.capacity = 1;
