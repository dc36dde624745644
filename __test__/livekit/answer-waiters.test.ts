import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { describe, expect, test, vi } from 'vitest';
import { AnswerWaiters, type Predicate } from '../../src/livekit/answer-waiters.js';

const answer = (asyncId: bigint) => ({ message: { case: 'publishData', value: { asyncId } } }) as unknown as FfiEvent;
const forId = (id: bigint) =>
  vi.fn<Predicate>(({ message }) => (message.value as { asyncId?: bigint } | undefined)?.asyncId === id);
const request = (answerId?: bigint) => ({ kind: 'publishData', answerId });

test('each answer meets the predicate of the caller that it is for, and no other', async () => {
  const waiters = new AnswerWaiters();
  const predicates = Array.from({ length: 100 }, (_, at) => forId(BigInt(at)));
  const all = predicates.map((predicate, at) => waiters.waitFor(predicate, undefined, request(BigInt(at))));
  for (let at = 99; at >= 0; at--) waiters.offer(answer(BigInt(at)));
  expect(await Promise.all(all)).toEqual(predicates.map((_, at) => ({ asyncId: BigInt(at) })));
  expect(predicates.map((predicate) => predicate.mock.calls.length)).toEqual(predicates.map(() => 1));
  expect(waiters.size).toBe(0);
});

describe('an answer also comes to a caller', () => {
  test('that waits for another answer than that of its last request', async () => {
    const waiters = new AnswerWaiters();
    const crossed = [
      waiters.waitFor(forId(2n), undefined, request(1n)),
      waiters.waitFor(forId(1n), undefined, request(2n)),
    ];
    waiters.offer(answer(1n));
    waiters.offer(answer(2n));
    expect(await Promise.all(crossed)).toEqual([{ asyncId: 2n }, { asyncId: 1n }]);
  });

  test('that has made no request, beside the caller that it is for', async () => {
    const waiters = new AnswerWaiters();
    const both = [waiters.waitFor(() => true), waiters.waitFor(forId(1n), undefined, request(1n))];
    waiters.offer(answer(1n));
    expect(await Promise.all(both)).toEqual([{ asyncId: 1n }, { asyncId: 1n }]);
    expect(waiters.size).toBe(0);
  });

  test('whose id another caller waits for already', async () => {
    const waiters = new AnswerWaiters();
    const both = [
      waiters.waitFor(forId(1n), undefined, request(1n)),
      waiters.waitFor(forId(1n), undefined, request(1n)),
    ];
    waiters.offer(answer(1n));
    expect(await Promise.all(both)).toEqual([{ asyncId: 1n }, { asyncId: 1n }]);
  });

  test('that waits for it a second time, after another request', async () => {
    const waiters = new AnswerWaiters();
    const first = waiters.waitFor(forId(1n), undefined, request(1n));
    const again = waiters.waitFor(forId(1n), undefined, request(2n));
    const second = waiters.waitFor(forId(2n), undefined, request(2n));
    waiters.offer(answer(1n));
    waiters.offer(answer(2n));
    expect(waiters.size).toBe(0);
    expect(await Promise.all([first, again, second])).toEqual([{ asyncId: 1n }, { asyncId: 1n }, { asyncId: 2n }]);
  });

  test('that waits for it a second time, among many, once its last request is answered', async () => {
    const waiters = new AnswerWaiters();
    const ids = Array.from({ length: 100 }, (_, at) => BigInt(at));
    const all = ids.map((id) => waiters.waitFor(forId(id), undefined, request(id)));
    const again = waiters.waitFor(forId(50n), undefined, request(100n));
    for (const id of ids) waiters.offer(answer(id));
    await Promise.all(all);
    expect(waiters.size).toBe(1);
    waiters.offer(answer(100n));
    expect(await again).toEqual({ asyncId: 50n });
    expect(waiters.size).toBe(0);
  });

  test('that waits for one to come, and not for one that came before', () => {
    const waiters = new AnswerWaiters();
    void waiters.waitFor(forId(1n), undefined, request(1n));
    void waiters.waitFor(forId(9n), undefined, request(9n));
    waiters.offer(answer(1n));
    void waiters.waitFor(forId(1n), undefined, request(2n));
    waiters.offer(answer(2n));
    expect(waiters.size).toBe(2);
    waiters.offer(answer(1n));
    expect(waiters.size).toBe(1);
  });

  test('after one that waited for the same id was aborted', async () => {
    const waiters = new AnswerWaiters();
    const abort = new AbortController();
    const gone = waiters.waitFor(forId(1n), abort.signal, request(1n));
    abort.abort(new Error('no more'));
    await expect(gone).rejects.toThrow('no more');
    const stays = waiters.waitFor(forId(1n), undefined, request(1n));
    expect(waiters.size).toBe(1);
    waiters.offer(answer(1n));
    expect(await stays).toEqual({ asyncId: 1n });
  });
});

test('what a predicate throws is what its caller gets, and no other', async () => {
  const waiters = new AnswerWaiters();
  const fails = waiters.waitFor(
    () => {
      throw new Error('mine');
    },
    undefined,
    request(1n),
  );
  const other = waiters.waitFor(() => true);
  waiters.offer(answer(1n));
  await expect(fails).rejects.toThrow('mine');
  expect(await other).toEqual({ asyncId: 1n });
});
