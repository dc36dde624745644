import { createRequire } from 'node:module';
import * as rtc from '@livekit/rtc-node';
import type * as Ffi from '@livekit/rtc-ffi-bindings';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { FfiClient } from '../../src/livekit/ffi-client.js';
import { install } from '../../src/livekit/index.js';
import { requestIds } from '../../src/livekit/requests.js';
import { isRoomListener } from '../../src/livekit/rooms.js';
import { native } from '../../src/native.js';
import { encodeEvent } from '../support/messages.js';
import { connect, silentServer } from '../support/silent-server.js';
import { until } from '../support/wait.mjs';

const client = () => (globalThis as { _ffiClientInstance?: FfiClient })._ffiClientInstance!;
const roomEvent = (roomHandle: bigint) => encodeEvent({ roomEvent: { roomHandle, roomSidChanged: {} } });

test('takes over a client that is at work: its listeners and its pending answers', async () => {
  const source = new rtc.AudioSource(48_000, 1); // makes rtc-node's own client
  const existing = client();
  const heard = vi.fn<(event: FfiEvent) => void>();
  existing.on('ffi_event', heard);
  const engine = install();
  expect(client()).toBe(existing);
  await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
  engine.queue.put('roomEvent', roomEvent(5n), 5n);
  await until(() => heard.mock.calls.some(([event]) => event.message.case === 'roomEvent'), 'the listener hears');
  existing.off('ffi_event', heard);
  engine.uninstall();
  await source.close();
});

test('takes over in mid-flow: no frame and no answer is lost, and none comes twice', async () => {
  const source = new rtc.AudioSource(48_000, 1, 0);
  const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
  const reader = new rtc.AudioStream(track, 48_000, 1).getReader();
  const handles: bigint[] = [];
  const note = ({ message: { case: type, value } }: FfiEvent) => {
    if (type === 'audioStreamEvent' && value.message.case === 'frameReceived') {
      handles.push(value.message.value.frame!.handle!.id!);
    }
  };
  client().on('ffi_event', note);
  // One at a time: the engine keeps few frames for a stream of rtc-node's, and says nothing of those that it drops.
  const play = async (at: number, during = () => {}) => {
    const captured = source.captureFrame(new rtc.AudioFrame(new Int16Array(480).fill(at), 48_000, 1, 480));
    during(); // the answer comes to one client or the other
    await captured;
    expect((await reader.read()).value!.data[0]).toBe(at);
  };
  // Undone and installed again, it is often in the same turn of the event loop: frames come that fast.
  for (let at = 1; at <= 1000; at++) {
    await play(at, at % 4 === 2 ? () => void install() : at % 4 === 0 ? () => install().uninstall() : undefined);
  }
  client().off('ffi_event', note);
  expect(handles).toHaveLength(1000);
  expect(new Set(handles).size).toBe(1000);
  await reader.cancel();
  await track.close(); // until here, the test has it: in older versions, its streams don't
});

test('who waits for an answer gets it, also undone and installed again meanwhile', async () => {
  const source = new rtc.AudioSource(48_000, 1, 200);
  install();
  await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 9600));
  const answered = vi.fn<() => void>();
  const captured = source.captureFrame(rtc.AudioFrame.create(48_000, 1, 9600)).then(answered);
  install().uninstall();
  await new Promise(setImmediate);
  expect(answered).not.toHaveBeenCalled(); // there is no room before what was first is played
  install();
  await captured;
  install().uninstall();
  await source.close();
});

test("who waits for an answer gets it, though an engine's thread was about to hand it on when narrowcast was taken out", async () => {
  const { queue } = install();
  const asyncId = client().getNextRequestAsyncId();
  const answered = client().waitFor(({ message }) => (message.value as { asyncId?: bigint }).asyncId === asyncId);
  install().uninstall();
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate); // it had not its turn on a loaded machine
  queue.put('publishData', encodeEvent({ publishData: { asyncId } }), asyncId);
  expect(await answered).toMatchObject({ asyncId });
});

test('what came before narrowcast was taken out is handed out before what came after', async () => {
  const ffi = createRequire(import.meta.url)('@livekit/rtc-ffi-bindings') as typeof Ffi;
  const initialize = vi.spyOn(ffi, 'livekitInitialize');
  onTestFinished(() => initialize.mockRestore());
  const { queue } = install();
  const asyncId = client().getNextRequestAsyncId();
  const heard: unknown[] = [];
  const answered = client().waitFor(({ message }) => (message.value as { asyncId?: bigint }).asyncId === asyncId);
  void answered.then(() => heard.push('answered'));
  const hear = ({ message }: FfiEvent) => message.case === 'roomEvent' && heard.push(message.value.roomHandle);
  client().on('ffi_event', hear);
  queue.put('roomEvent', roomEvent(1n), 1n);
  queue.put('publishData', encodeEvent({ publishData: { asyncId } }), asyncId);
  queue.put('roomEvent', roomEvent(2n), 2n);
  install().uninstall();
  const callback = initialize.mock.lastCall![0] as (event: Uint8Array) => void;
  callback(roomEvent(3n));
  callback(roomEvent(4n));
  await until(() => heard.length === 5, 'all is handed out');
  expect(heard).toEqual([1n, 'answered', 2n, 3n, 4n]);
  client().off('ffi_event', hear);
});

test("a room is this thread's again once narrowcast is installed again", async () => {
  new rtc.AudioSource(48_000, 1); // makes rtc-node's own client
  const { queue } = install();
  const claim = vi.spyOn(native, 'engineClaim');
  const result = { room: { handle: { id: 10n } }, localParticipant: { handle: { id: 11n } } };
  queue.put('connect', encodeEvent({ connect: { asyncId: 1n, result } }), 1n);
  await until(() => claim.mock.calls.length > 0, 'the room is claimed');
  install().uninstall();
  claim.mockClear();
  install().uninstall();
  expect(claim.mock.calls).toEqual([10n, 11n].map((handle) => [handle, requestIds().group]));
});

test('undone, rtc-node works as before', async () => {
  install().uninstall();
  const source = new rtc.AudioSource(48_000, 1);
  const own = client();
  expect(Object.keys(own)).not.toContain('waitFor');
  await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
  install().uninstall(); // taken over, and given back
  await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
  await source.close();
});

describe("a request of a caller's own", () => {
  test('is not written to, and used again, it is another request', async () => {
    install();
    const { GetStatsRequest } = createRequire(import.meta.url)('@livekit/rtc-ffi-bindings') as typeof Ffi;
    const source = new rtc.AudioSource(48_000, 1);
    const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
    const value = Object.freeze(new GetStatsRequest({ trackHandle: track.ffi_handle.handle }));
    const message = Object.freeze({ case: 'getStats' as const, value });
    const ask = () => client().request<{ asyncId: bigint }>(Object.freeze({ message })).asyncId;
    const ids = [ask(), ask()];
    expect(value.requestAsyncId).toBeUndefined();
    expect(new Set(ids.map((id) => id >> 40n))).toEqual(new Set([BigInt(requestIds().group)]));
    expect(ids[0]).not.toBe(ids[1]);
    install().uninstall();
    await source.close();
  });
});

describe('a listener that the program added itself', () => {
  test('stays when a room ends that the program connected right after', async () => {
    const { queue } = install();
    const url = await silentServer();
    const heard: bigint[] = [];
    const listener = ({ message }: FfiEvent) => message.case === 'roomEvent' && heard.push(message.value.roomHandle!);
    client().on('ffi_event', listener);
    const asyncId = connect(client(), url);
    const result = { room: { handle: { id: 10n } }, localParticipant: { handle: { id: 11n } } };
    queue.put('connect', encodeEvent({ connect: { asyncId, result } }), asyncId);
    queue.put('roomEvent', encodeEvent({ roomEvent: { roomHandle: 10n, eos: {} } }), 10n);
    queue.put('roomEvent', roomEvent(12n), 12n);
    await until(() => heard.includes(12n), 'it hears on');
    client().off('ffi_event', listener);
    install().uninstall();
  });
});

test("rtc-node's Room is known by its listener, and no other listener is taken for one", () => {
  const { onFfiEvent } = new rtc.Room() as unknown as { onFfiEvent: (event: FfiEvent) => void };
  expect([onFfiEvent, () => {}, async () => {}].map(isRoomListener)).toEqual([true, false, false]);
});

describe('callers that wait for an answer when the engine is found to have been elsewhere', () => {
  /** As another thread that has noticed a theft, and took the callback back. */
  const noticeTheft = () => {
    native.engineTakeBack();
    expect(native.engineCountTheft(install().stats().stolen)).toBe(true);
  };
  const answerTo =
    (asyncId: bigint) =>
    ({ message }: FfiEvent) =>
      (message.value as { asyncId?: bigint }).asyncId === asyncId;

  test('are told that it is lost; those that ask afterwards are not', async () => {
    const engine = install();
    const stolen = vi.fn<() => void>();
    engine.on('stolen', stolen);
    const id = client().getNextRequestAsyncId();
    const before = [client().waitFor(() => false), engine.answers.to(engine.answers.newId())];
    const rejected = Promise.all(before.map((each) => expect(each).rejects.toMatchObject({ code: 'ANSWER_LOST' })));
    await new Promise((resolve) => setTimeout(resolve, 2)); // the clock goes on
    noticeTheft();
    const after = client().waitFor(answerTo(id));
    await rejected;
    expect(stolen).toHaveBeenCalledTimes(1);
    engine.queue.put('publishData', encodeEvent({ publishData: { asyncId: id } }), id);
    expect(await after).toMatchObject({ asyncId: id });
    const source = new rtc.AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    await source.close();
    engine.uninstall();
  });

  test('get no answer that comes after all, and a room that it opens is left', async () => {
    const { queue } = install();
    const asyncId = connect(client(), await silentServer());
    const lost = client().waitFor(answerTo(asyncId));
    await new Promise((resolve) => setTimeout(resolve, 2)); // the clock goes on
    noticeTheft();
    await expect(lost).rejects.toMatchObject({ code: 'ANSWER_LOST' });
    const request = vi.spyOn(client(), 'request');
    const heard = vi.fn<(event: FfiEvent) => void>();
    client().on('ffi_event', heard);
    const result = { room: { handle: { id: 10n } }, localParticipant: { handle: { id: 11n } } };
    queue.put('connect', encodeEvent({ connect: { asyncId, result } }), asyncId);
    queue.put('roomEvent', roomEvent(12n), 12n);
    await until(() => heard.mock.calls.length > 0, 'what comes after it is heard');
    expect(heard.mock.calls.map(([{ message }]) => message.case)).toEqual(['roomEvent']);
    expect(request.mock.calls.map(([{ message }]) => message)).toMatchObject([
      { case: 'readyForRoomEvent', value: { roomHandle: 10n } },
      { case: 'disconnect', value: { roomHandle: 10n } },
    ]);
    client().off('ffi_event', heard);
    install().uninstall();
  });
});
