import type { EventEmitter } from 'node:events';
import { native } from '../../src/native.js';

/**
 * What tells how often native code has called the main thread so far. With narrowcast it counts its own wakes; plain
 * rtc-node is called for each of the engine's events, and emits it. To be made when a room is connected.
 */
export function wakeCounter(side: 'peer' | 'ours'): () => number {
  if (side === 'ours') return () => native.threadWakes();
  let events = 0;
  const client = (globalThis as unknown as { _ffiClientInstance: EventEmitter })._ffiClientInstance;
  client.on('ffi_event', () => events++);
  return () => events;
}
