import { describe, expect, it } from 'vitest';
import { native } from '../src/native.js';
import { until } from './support/wait.mjs';

const HOUR_US = 3_600_000_000;

/** Something that waits for events with a doorbell of its own. */
class Listener {
  wakes = 0;
  readonly #bell: number;
  readonly #token: number;
  readonly #scratch: number;
  #others: InstanceType<typeof native.NativeSubscription>[] = [];
  readonly #queue = new native.NativeQueue(['a']);
  readonly #subscription;
  readonly #tokens = new Uint32Array(4);

  constructor(pauseUs: number, delayUs = 0) {
    this.#bell = native.openDoorbell(
      () => {
        native.answerDoorbell(this.#bell, this.#tokens, true);
        this.wakes++;
      },
      pauseUs,
      delayUs,
    );
    this.#scratch = native.openScratch(new Uint8Array(64), new BigUint64Array(12));
    const options = { doorbell: this.#bell, scratch: this.#scratch, kinds: [0], overflow: 'grow', capacity: 1 };
    this.#subscription = this.#queue.subscribe(options);
    this.#token = this.#subscription.token;
  }

  /** Waits, and gets an event. Returns how many it has to read meanwhile. */
  event(): number {
    while (native.subscriptionRead(this.#token, 4, true) > 0);
    this.#queue.put(0, new Uint8Array(5), 0n);
    return this.#subscription.size;
  }

  /** So many wait, and each gets an event. Returns how many. */
  burst(many: number): number {
    const options = { doorbell: this.#bell, scratch: this.#scratch, kinds: [0], overflow: 'grow', capacity: 1 };
    this.#others = Array.from({ length: many }, () => this.#queue.subscribe(options));
    for (const { token } of this.#others) native.subscriptionRead(token, 4, true);
    this.#queue.put(0, new Uint8Array(5), 0n);
    const heard = this.#others.filter(({ size }) => size === 1).length;
    for (const other of this.#others) other.abandon();
    return heard;
  }

  rang(times: number): Promise<void> {
    return until(() => this.wakes >= times, `${times} wakes`);
  }
}

describe('a thread', () => {
  it('is woken at once when it has not been woken for long, and not again before the pause is over', async () => {
    const [paced, immediate] = [new Listener(HOUR_US), new Listener(0)];
    expect(paced.event()).toBe(1);
    await paced.rang(1);

    // What would come at once comes after what is paced was put.
    for (let times = 1; times <= 20; times++) {
      expect(paced.event()).toBe(1);
      immediate.event();
      await immediate.rang(times);
    }
    expect(paced.wakes).toBe(1);
  });

  it('is woken for what came in the pause when it is over, without another event', async () => {
    // Longer than it takes to get here again: all but the first are put in a pause.
    const paced = new Listener(100_000);
    for (let times = 1; times <= 5; times++) {
      paced.event();
      await paced.rang(times);
    }
    expect(paced.wakes).toBe(5);
  });

  it('has a pause for each doorbell: one does not wait for another', async () => {
    const [long, short] = [new Listener(HOUR_US), new Listener(1000)];
    for (const each of [long, short]) {
      each.event();
      await each.rang(1);
    }
    long.event();
    short.event();
    await short.rang(2);
    expect(long.wakes).toBe(1);
  });

  it('is woken at once for one thing, and later for what may be the first of a burst', async () => {
    const [gathering, immediate] = [new Listener(0, HOUR_US), new Listener(0)];
    for (let times = 1; times <= 5; times++) {
      gathering.event();
      await gathering.rang(times);
    }
    expect(gathering.burst(3)).toBe(3);
    await gathering.rang(6);
    gathering.event();
    await gathering.rang(7);

    // After four at once, what comes next waits for more.
    expect(gathering.burst(4)).toBe(4);
    await gathering.rang(8);
    gathering.event();
    for (let times = 1; times <= 20; times++) {
      immediate.event();
      await immediate.rang(times);
    }
    expect(gathering.wakes).toBe(8);
  });

  it('is woken for the first of a burst when the delay is over', async () => {
    const gathering = new Listener(0, 1000);
    for (let times = 1; times <= 5; times++) {
      gathering.burst(4);
      await gathering.rang(times);
    }
    gathering.event();
    await gathering.rang(6);
  });
});
