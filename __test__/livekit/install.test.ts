import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type * as Ffi from '@livekit/rtc-ffi-bindings';
import * as rtc from '@livekit/rtc-node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { install } from '../../src/livekit/index.js';
import { native } from '../../src/native.js';

const ffi = createRequire(import.meta.url)('@livekit/rtc-ffi-bindings') as typeof Ffi;
const client = () => (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance;

afterEach(() => vi.restoreAllMocks());

/** Has the `nth` native call of this name fail, from now on; nothing else. */
function fail(name: 'engineAttach' | 'engineStats' | 'engineQueue', nth: number): void {
  const call = native[name] as (...args: unknown[]) => unknown;
  let calls = 0;
  vi.spyOn(native, name).mockImplementation((...args: unknown[]) => {
    if (++calls === nth) throw new Error('half-way');
    return call(...args) as never;
  });
}

const HALF_WAY = [
  ['engineQueue', 2, "the client's inbox"],
  ['engineAttach', 2, "the engine's callback"],
  ['engineStats', 1, 'the watchdog'],
] as const;

describe('install() that fails half-way', () => {
  const { livekitDispose } = ffi;

  test.each(HALF_WAY)('leaves nothing behind, and can be called again (%s, call %i: %s)', async (name, nth) => {
    fail(name, nth);
    expect(() => install()).toThrow('half-way');
    expect([client(), native.engineAttached(), ffi.livekitDispose]).toEqual([undefined, false, livekitDispose]);
    vi.restoreAllMocks();
    const engine = install();
    expect(client()!.listenerCount('newListener')).toBe(1);
    const source = new rtc.AudioSource(48_000, 1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    await source.close();
    engine.uninstall();
  });

  test.each(HALF_WAY)("leaves rtc-node's client at work as it was (%s, call %i: %s)", async (name, nth) => {
    const source = new rtc.AudioSource(48_000, 1); // makes rtc-node's own client
    const existing = client()!;
    const before = [Object.keys(existing), existing.eventNames()];
    fail(name, nth);
    expect(() => install()).toThrow('half-way');
    vi.restoreAllMocks();
    expect(client()).toBe(existing);
    expect([Object.keys(existing), existing.eventNames()]).toEqual(before);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    install();
    expect(existing.listenerCount('newListener')).toBe(1);
    await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    install().uninstall();
    await source.close();
  });
});
