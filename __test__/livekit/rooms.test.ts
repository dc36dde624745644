import { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { describe, expect, test } from 'vitest';
import { Rooms } from '../../src/livekit/rooms.js';
import { encodeEvent } from '../support/messages.js';

const event = (values: object) => FfiEvent.fromBinary(encodeEvent(values));
const connected = (asyncId: bigint, id: bigint) =>
  event({ connect: { asyncId, result: { room: { handle: { id } } } } });
const refused = (asyncId: bigint) => event({ connect: { asyncId, error: 'no' } });
const last = (roomHandle: bigint) => event({ roomEvent: { roomHandle, eos: {} } });
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

/** As the client hands an event out. Returns whose listener is to go. */
function hear(rooms: Rooms, heard: FfiEvent): unknown {
  rooms.begins(heard);
  return rooms.ended(heard);
}

describe('a room', () => {
  test('is open until its last event, which is when its listener is to go', () => {
    const rooms = new Rooms();
    const [one, two] = [connect(rooms, 1n), connect(rooms, 2n)];
    expect(hear(rooms, connected(2n, 20n))).toBeUndefined();
    expect(hear(rooms, connected(1n, 10n))).toBeUndefined();
    expect(hear(rooms, other(10n))).toBeUndefined();
    expect(hear(rooms, last(10n))).toBe(one);
    expect(hear(rooms, last(10n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(true);
    expect(hear(rooms, last(20n))).toBe(two);
    expect(rooms.anyOpen).toBe(false);
  });

  test('that could not be entered was never open, and its listener is to go', () => {
    const rooms = new Rooms();
    const listener = connect(rooms, 1n);
    expect(hear(rooms, refused(1n))).toBe(listener);
    expect(rooms.anyOpen).toBe(false);
  });

  test('takes nobody away who listened before, for another reason', async () => {
    const rooms = new Rooms();
    rooms.listenerAdded(() => {});
    await Promise.resolve();
    rooms.connecting(1n);
    expect(hear(rooms, connected(1n, 10n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(true);
    expect(hear(rooms, last(10n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(false);
  });

  test('of somebody else is none of ours', () => {
    const rooms = new Rooms();
    expect(hear(rooms, last(10n))).toBeUndefined();
    expect(hear(rooms, refused(1n))).toBeUndefined();
    expect(rooms.anyOpen).toBe(false);
  });

  test('ends the tracks in it that were not unsubscribed before, and no others', () => {
    const rooms = new Rooms();
    for (const id of [1n, 2n]) connect(rooms, id);
    for (const id of [1n, 2n]) hear(rooms, connected(id, id * 10n));
    for (const [room, sid, id] of [
      [10n, 'a', 100n],
      [10n, 'b', 101n],
      [20n, 'a', 200n],
    ] as const) {
      hear(rooms, published(room, sid, id));
    }
    const [a, b, others] = [100n, 101n, 200n].map((track) => rooms.endOf(track)!);
    expect(rooms.endOf(7n)).toBeUndefined();
    hear(rooms, unpublished(10n, 'b'));
    expect([a!.aborted, b!.aborted, others!.aborted]).toEqual([false, true, false]);
    hear(rooms, last(10n));
    expect([a!.aborted, others!.aborted]).toEqual([true, false]);
    expect([100n, 101n].map((track) => rooms.endOf(track))).toEqual([undefined, undefined]);
    expect(rooms.endOf(200n)).toBe(others);
  });
});
