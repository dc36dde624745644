import v8 from 'node:v8';
import type { Bindings } from '../livekit/bindings.js';

/** None of these has a subclass: V8 would count the subclass's prototype, too. */
const KINDS = [
  'Room',
  'LocalParticipant',
  'RemoteParticipant',
  'LocalAudioTrack',
  'LocalVideoTrack',
  'RemoteAudioTrack',
  'RemoteVideoTrack',
  'LocalTrackPublication',
  'RemoteTrackPublication',
  'AudioSource',
  'VideoSource',
  'AudioStream',
  'VideoStream',
  'AudioResampler',
] as const satisfies readonly HandleClass[];

/**
 * What holds native handles of the engine in this thread: objects of rtc-node by class, and under `FfiHandle` all handles,
 * narrowcast's own included. An object counts until it is collected, closed or not.
 */
export type HandleCounts = { [name in HandleClass]?: number };

/** A class of rtc-node whose objects hold a native handle, or the handle's own. */
export type HandleClass =
  | 'FfiHandle'
  | 'Room'
  | 'LocalParticipant'
  | 'RemoteParticipant'
  | 'LocalAudioTrack'
  | 'LocalVideoTrack'
  | 'RemoteAudioTrack'
  | 'RemoteVideoTrack'
  | 'LocalTrackPublication'
  | 'RemoteTrackPublication'
  | 'AudioSource'
  | 'VideoSource'
  | 'AudioStream'
  | 'VideoStream'
  | 'AudioResampler';

/**
 * Asks V8, which collects garbage first, once for each class.
 *
 * @returns undefined where Node has no `v8.queryObjects`: before 20.13
 */
export function handleCounts({ rtc, ffi }: Pick<Bindings, 'rtc' | 'ffi'>): HandleCounts | undefined {
  const { queryObjects } = v8 as { queryObjects?: (constructor: Function) => number };
  if (queryObjects === undefined) return undefined;
  const counts: HandleCounts = { FfiHandle: queryObjects(ffi.FfiHandle) };
  for (const kind of KINDS) {
    // Older versions of rtc-node have fewer classes.
    const constructor: Function | undefined = rtc[kind];
    if (typeof constructor === 'function') counts[kind] = queryObjects(constructor);
  }
  return counts;
}
