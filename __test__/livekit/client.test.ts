import type { EventEmitter } from 'node:events';
import * as rtc from '@livekit/rtc-node';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { expect, test, vi } from 'vitest';
import { install } from '../../src/livekit/index.js';
import { encodeEvent } from '../support/messages.js';
import { until } from '../support/meeting.js';

vi.setConfig({ testTimeout: 30_000 }); // on a loaded machine
const client = () => (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance!;
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

test('takes over in mid-flow: no frame and no answer is lost', async () => {
  const source = new rtc.AudioSource(48_000, 1, 0);
  const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
  const reader = new rtc.AudioStream(track, 48_000, 1).getReader();
  // One at a time: the engine keeps few frames for a stream of rtc-node's, and says nothing of those that it drops.
  const play = async (at: number, during = () => {}) => {
    const captured = source.captureFrame(new rtc.AudioFrame(new Int16Array(480).fill(at), 48_000, 1, 480));
    during(); // the answer comes to one client or the other
    await captured;
    expect((await reader.read()).value!.data[0]).toBe(at);
  };
  for (let at = 1; at <= 60; at++) {
    await play(at, at % 20 === 10 ? () => void install() : at % 20 === 0 ? () => install().uninstall() : undefined);
  }
  await reader.cancel();
  await track.close(); // until here, somebody has it: in older versions, its streams don't
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
