import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { PcmReadable } from '../src/pcm-readable.js';
import { PcmReader } from '../src/pcm-reader.js';
import { streamFormat, type PcmOptions } from '../src/stream-format.js';
import { lookSoon } from '../src/doorbell.js';

/** Hz: a ms has one sample. */
const RATE = 1000;

interface Frame {
  readonly data: Int16Array;
  readonly position: unknown;
}

/** A stream without a frame length of its own, where the frame budget is 50 ms; its pending reads, and what they gave. */
class Listener {
  readonly frames: Frame[] = [];
  readonly #reader: PcmReader<Frame>;
  readonly stream: PcmReadable<Frame>;
  #next = 0;

  constructor(options: PcmOptions = {}) {
    const format = streamFormat({ sampleRate: RATE, ...options }, { usual: 5, longest: 5 });
    this.#reader = new PcmReader(format, (data, _rate, _channels, _samples, { position }) => ({ data, position }));
    this.stream = new PcmReadable(this.#reader);
  }

  listen(): this {
    void (async () => {
      for await (const frame of this.stream) this.frames.push(frame);
    })();
    return this;
  }

  /** The engine writes so many ms. */
  write(ms: number): void {
    this.#reader.native.write(
      Int16Array.from({ length: ms }, () => this.#next++),
      RATE,
      1,
    );
    lookSoon();
  }

  get lengths(): number[] {
    return this.frames.map(({ data }) => data.length);
  }

  /** What was heard: each sample is its position. */
  get samples(): number[] {
    return this.frames.flatMap(({ data }) => [...data]);
  }
}

/** What was written has been read. */
async function readers(): Promise<void> {
  for (let n = 0; n < 5; n++) await turn();
}

async function tick(listeners: Listener[], times = 1): Promise<void> {
  for (let n = 0; n < times; n++) {
    for (const each of listeners) each.write(10);
    await readers();
  }
}

/** The frames that each has given so far have these lengths. */
async function haveGiven(listeners: Listener[], lengths: number[][]): Promise<void> {
  await vi.waitFor(() => expect(listeners.map((each) => each.lengths)).toEqual(lengths));
}

// The time between two writes does not pass while this writes; `waitFor` lets it pass. No stream joins those of another test.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
});
beforeEach(() => {
  vi.advanceTimersByTime(10_000);
});
afterAll(() => {
  vi.useRealTimers();
});

test('a longer frame budget: the first frame of a stream is short, and the later ones come with those of the other streams', async () => {
  const first = new Listener().listen();
  const second = new Listener().listen();
  await tick([first], 3);
  await tick([first, second], 1);
  await haveGiven([first, second], [[], []]);
  await tick([first, second], 1);
  await haveGiven([first, second], [[50], [20]]);
  await tick([first, second], 4);
  await haveGiven([first, second], [[50], [20]]);
  await tick([first, second], 6);
  await haveGiven(
    [first, second],
    [
      [50, 50, 50],
      [20, 50, 50],
    ],
  );
  expect(second.frames.map(({ position }) => position)).toEqual([0, 20, 70]);
  expect(second.samples).toEqual([...Array(120).keys()]);
});

test('a longer frame budget: a stream that joins late readers leaves what they leave', async () => {
  const first = new Listener();
  const second = new Listener().listen();
  first.write(70);
  second.write(40);
  first.listen();
  await haveGiven([first, second], [[50], [20]]);
  await tick([first, second], 3);
  await haveGiven(
    [first, second],
    [
      [50, 50],
      [20, 50],
    ],
  );
});

test('a longer frame budget: a stream that the engine writes after the other one was read is complete with it, too', async () => {
  const first = new Listener().listen();
  const second = new Listener().listen();
  await tick([first, second], 3);
  // In each 10 ms, the first one is written, and read, before the second one is written.
  for (let n = 0; n < 2; n++) {
    await tick([first]);
    await tick([second]);
  }
  await haveGiven([first, second], [[50], [50]]);
  await tick([first, second], 4);
  await haveGiven([first, second], [[50], [50]]);
  await tick([first, second], 1);
  await haveGiven(
    [first, second],
    [
      [50, 50],
      [50, 50],
    ],
  );
});

test('a longer frame budget: streams that were blocked from the beginning join all the same, and one that falls silent holds up none', async () => {
  const [first, second, third] = [new Listener(), new Listener(), new Listener()];
  first.write(70);
  second.write(190);
  third.write(140);
  const all = [first, second, third];
  for (const each of all) each.listen();
  await haveGiven(all, [[50], [50, 50, 50], [50, 50]]);
  // 20, 40 and 40 ms are left. When the first one's next frame was read, the others have 20 ms more than it.
  await tick(all, 3);
  await haveGiven(all, [
    [50, 50],
    [50, 50, 50, 50, 20],
    [50, 50, 50, 20],
  ]);
  await tick(all, 4);
  expect([first.samples.length, second.samples.length, third.samples.length]).toEqual([100, 220, 170]);
  await tick(all, 1);
  await vi.waitFor(() => expect(all.map(({ lengths }) => lengths.at(-1))).toEqual([50, 50, 50]));
  expect(second.samples).toEqual([...Array(270).keys()]);

  vi.advanceTimersByTime(2000);
  const [fourth, fifth] = [new Listener().listen(), new Listener().listen()];
  await tick([fourth], 3);
  await tick([fourth, fifth], 2);
  await haveGiven([fourth, fifth], [[50], [20]]);
});

test('a longer frame budget: a stream with a frame length of its own has no shorter frame, and neither has a stream that is not read', async () => {
  const [first, own, unread] = [new Listener().listen(), new Listener({ frameSizeMs: 50 }).listen(), new Listener()];
  await tick([first], 2);
  await tick([first, own, unread], 3);
  await haveGiven([first, own], [[50], []]);
  await tick([own, unread], 2);
  await vi.waitFor(() => expect(own.lengths).toEqual([50]));
  expect(unread.stream.tryRead()?.data.length).toBe(50);
});
