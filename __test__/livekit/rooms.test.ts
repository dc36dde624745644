import { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { describe, expect, test } from 'vitest';
import { Rooms } from '../../src/livekit/rooms.js';
import { encodeEvent } from '../support/messages.js';

const event = (values: object) => FfiEvent.fromBinary(encodeEvent(values));
const connected = (asyncId: bigint, id: bigint) =>
  event({ connect: { asyncId, result: { room: { handle: { id } }, localParticipant: { handle: { id: id + 1n } } } } });
const refused = (asyncId: bigint) => event({ connect: { asyncId, error: 'no' } });
const last = (roomHandle: bigint) => event({ roomEvent: { roomHandle, eos: {} } });
const disconnected = (roomHandle: bigint) => event({ roomEvent: { roomHandle, disconnected: {} } });
const published = (roomHandle: bigint, sid: string, id: bigint) =>
  event({ roomEvent: { roomHandle, trackSubscribed: { track: { handle: { id }, info: { sid } } } } });
const unpublished = (roomHandle: bigint, trackSid: string) =>
  event({ roomEvent: { roomHandle, trackUnsubscribed: { trackSid } } });
const other = (roomHandle: bigint) => event({ roomEvent: { roomHandle, roomSidChanged: {} } });

/** As rtc-node's Room does it: a listener, and the request, all at once. */
function connect(rooms: Rooms, asyncId: bigint): () => void {
  const listener = () => {};
  rooms.listenerAdded(listener);
  rooms.connecting(asyncId);
  return listener;
}

describe('a room', () => {
  test('is open until its last event, which is when its listener is to go', () => {
    const rooms = new Rooms(() => {});
    const [one, two] = [connect(rooms, 1n), connect(rooms, 2n)];
    expect(rooms.follow(connected(2n, 20n))).toBeUndefined();
    expect(rooms.follow(connected(1n, 10n))).toBeUndefined();
    expect(rooms.follow(other(10n))).toBeUndefined();
    expect(rooms.follow(last(10n))).toBe(one);
    expect(rooms.follow(last(10n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(true);
    expect(rooms.follow(last(20n))).toBe(two);
    expect(rooms.anyOpen).toBe(false);
  });

  test("and its participant are this thread's until then", () => {
    const mine = new Set<bigint>();
    const rooms = new Rooms((handle, isMine) => void (isMine ? mine.add(handle) : mine.delete(handle)));
    for (const asyncId of [1n, 2n]) connect(rooms, asyncId);
    rooms.follow(connected(1n, 10n));
    rooms.follow(connected(2n, 20n));
    rooms.follow(other(10n));
    expect([...mine]).toEqual([10n, 11n, 20n, 21n]);
    rooms.follow(last(10n));
    rooms.follow(last(30n)); // another thread's
    expect([...mine]).toEqual([20n, 21n]);
    mine.clear(); // an uninstall
    rooms.claimAgain();
    expect([...mine]).toEqual([20n, 21n]);
  });

  test('that could not be entered was never open, and its listener is to go', () => {
    const rooms = new Rooms(() => {});
    const listener = connect(rooms, 1n);
    expect(rooms.follow(refused(1n))).toBe(listener);
    expect(rooms.anyOpen).toBe(false);
  });

  test('takes no listener away that was there before, for another reason', async () => {
    const rooms = new Rooms(() => {});
    rooms.listenerAdded(() => {});
    await Promise.resolve();
    rooms.connecting(1n);
    expect(rooms.follow(connected(1n, 10n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(true);
    expect(rooms.follow(last(10n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(false);
  });

  test('that was disconnected is over, whether or not the engine has a last word', async () => {
    const mine = new Set<bigint>();
    const rooms = new Rooms((handle, isMine) => void (isMine ? mine.add(handle) : mine.delete(handle)));
    const listener = connect(rooms, 1n);
    rooms.follow(connected(1n, 10n));
    rooms.follow(published(10n, 'a', 100n));
    const track = rooms.endOf(100n)!;
    expect(rooms.follow(disconnected(10n))).toBe(listener);
    // rtc-node's Room has heard of it, and handles it now.
    expect([track.aborted, mine.size, rooms.anyOpen]).toEqual([false, 0, false]);
    await new Promise(setImmediate);
    expect(track.aborted).toBe(true);
    expect(rooms.follow(last(10n))).toBeUndefined();
  });

  test("that is not rtc-node's has no listener to go, though one was connected just before, nor has one that is answered twice", () => {
    const rooms = new Rooms(() => {});
    const listener = connect(rooms, 1n);
    rooms.connecting(2n);
    expect(rooms.follow(refused(2n))).toBeUndefined();
    expect(rooms.follow(refused(1n))).toBe(listener);
    expect(rooms.follow(refused(1n))).toBeUndefined();
  });

  test('of another thread is none of ours', () => {
    const rooms = new Rooms(() => {});
    expect(rooms.follow(last(10n))).toBeUndefined();
    expect(rooms.follow(refused(1n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(false);
  });

  test('ends the tracks in it that were not unsubscribed before, and no others', async () => {
    const rooms = new Rooms(() => {});
    for (const id of [1n, 2n]) connect(rooms, id);
    for (const id of [1n, 2n]) rooms.follow(connected(id, id * 10n));
    rooms.follow(published(10n, 'a', 100n));
    rooms.follow(published(10n, 'b', 101n));
    rooms.follow(published(20n, 'a', 200n));
    const [a, b, others] = [100n, 101n, 200n].map((track) => rooms.endOf(track)!);
    expect(rooms.endOf(7n)).toBeUndefined();
    rooms.follow(unpublished(10n, 'b'));
    await new Promise(setImmediate);
    expect([a!.aborted, b!.aborted, others!.aborted]).toEqual([false, true, false]);
    expect(rooms.endOf(101n)).toBeUndefined();
    rooms.follow(last(10n));
    await new Promise(setImmediate);
    expect([a!.aborted, others!.aborted]).toEqual([true, false]);
    expect([100n, 101n].map((track) => rooms.endOf(track))).toEqual([undefined, undefined]);
    expect(rooms.endOf(200n)).toBe(others);
  });
});
