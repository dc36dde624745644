import { expect, vi } from 'vitest';
import { TransceiverPool, type TransceiverPoolErrorCode, type TransceiverPoolOptions } from '../../src/webrtc/index.js';
import { FakeConnection, FakeTrack, type FakeTransceiver } from './fake-connection.js';

export const any = <T>(value: unknown): T => value as T;

/** For rejects.toEqual. */
export const failure = (code: TransceiverPoolErrorCode, message = ''): unknown =>
  expect.objectContaining({ name: 'TransceiverPoolError', code, message: expect.stringContaining(message) });

/** A promise's outcome, with the time that it takes gone by. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {}); // it may be rejected before the test waits for it below
  await vi.advanceTimersByTimeAsync(20_000);
  return promise;
}

/** A pool on a connection whose first m-line is a data channel's, unless another is given. */
export function setUp(options: TransceiverPoolOptions = {}, pc = new FakeConnection().anchor()) {
  const blanks: FakeTrack[] = [];
  const pool = new TransceiverPool(pc, {
    blankVideoTrack: () => {
      const blank = new FakeTrack('video');
      blanks.push(blank);
      return blank;
    },
    ...options,
  });
  type Options = Parameters<typeof pool.acquire>[1];
  const acquire = (track = new FakeTrack(), request?: Options) => soon(pool.acquire(track, request));
  const release = (transceiver: FakeTransceiver) => soon(pool.release(transceiver));
  /** A transceiver that was used and released, with the other side knowing of both. */
  const park = async (track?: FakeTrack, request?: Options) => {
    const { transceiver } = await acquire(track, request);
    pc.negotiate();
    await release(transceiver);
    pc.negotiate();
    return transceiver;
  };
  return { pc, pool, blanks, acquire, release, park };
}
