import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { releaseSender } from '../../src/webrtc/index.js';
import { FakeConnection, FakeTrack } from './fake-connection.js';
import { any, failure, soon } from './set-up.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const blankVideoTrack = () => new FakeTrack('video');

/** A connection that sends a track, behind a data channel. */
const sending = (kind: 'audio' | 'video' = 'video', pc = new FakeConnection().anchor()) => {
  const transceiver = pc.addTransceiver(new FakeTrack(kind), { direction: 'sendonly' });
  pc.negotiate();
  return { pc, transceiver, sender: transceiver.sender };
};

it('makes the encoders tiny, and stops the transceiver', async () => {
  const { pc, transceiver, sender } = sending();
  const released = await soon(releaseSender(pc, sender, { blankVideoTrack }));
  expect(released).toEqual({ needsNegotiation: true, freed: 'shrunk' });
  expect(transceiver.stopped).toBe(true);
  pc.negotiate();
  await expect(releaseSender(pc, sender)).rejects.toEqual(failure('foreign'));
});

it.each([
  ['audio', {}],
  ['video', { free: 'stop' }],
  ['video', {}], // there is no page to take a blank track of
] as const)('stops the transceiver of %s, with %o', async (kind, options) => {
  const { pc, transceiver, sender } = sending(kind);
  expect(await soon(releaseSender(pc, sender, options))).toEqual({ needsNegotiation: true, freed: 'stopped' });
  expect(transceiver.stopped).toBe(true);
  // Twice: there is nothing left to do, but to negotiate.
  expect(await soon(releaseSender(pc, sender, options))).toEqual({ needsNegotiation: true, freed: 'stopped' });
});

it('silences the first m-line of the BUNDLE group, and never stops it', async () => {
  const { pc, transceiver, sender } = sending('video', new FakeConnection());
  expect(await soon(releaseSender(pc, sender, { blankVideoTrack }))).toEqual({
    needsNegotiation: true,
    freed: 'shrunk',
  });
  expect(transceiver).toMatchObject({ stopped: false, direction: 'inactive', sender: { track: null } });
});

it('refuses what is no connection, no sender of it, a wrong option, and a closed connection', async () => {
  const { pc, sender } = sending();
  await expect(releaseSender(any<FakeConnection>({}), sender)).rejects.toEqual(failure('invalid-argument', 'pc is'));
  await expect(releaseSender(pc, any<typeof sender>(undefined))).rejects.toEqual(failure('foreign'));
  await expect(releaseSender(pc, sending().sender)).rejects.toEqual(failure('foreign'));
  await expect(releaseSender(pc, sender, any({ shrinkMs: -1 }))).rejects.toEqual(failure('invalid-argument'));
  await expect(releaseSender(pc, sender, any(null))).rejects.toEqual(failure('invalid-argument'));
  pc.close();
  await expect(releaseSender(pc, sender)).rejects.toEqual(failure('closed'));
});

it('ends when the connection is closed meanwhile', async () => {
  const { pc, sender } = sending();
  pc.decide = () => undefined;
  const released = releaseSender(pc, sender, { blankVideoTrack });
  released.catch(() => {});
  await vi.advanceTimersByTimeAsync(1);
  pc.close();
  await vi.advanceTimersByTimeAsync(100); // much less than settleMs
  await expect(released).rejects.toEqual(failure('closed'));
});

it('stops what does not settle', async () => {
  const { pc, transceiver, sender } = sending();
  pc.decide = () => undefined;
  expect(await soon(releaseSender(pc, sender, { blankVideoTrack }))).toMatchObject({ freed: 'stopped' });
  expect(transceiver.stopped).toBe(true);
});
