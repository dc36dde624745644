import type { EventEmitter } from 'node:events';
import * as rtc from '@livekit/rtc-node';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { expect, test, vi } from 'vitest';
import { install } from '../../src/livekit/index.js';
import { encodeEvent } from '../support/messages.js';
import { until } from '../support/meeting.js';

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
