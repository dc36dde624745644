import type { EventEmitter } from 'node:events';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import * as rtc from '@livekit/rtc-node';
import { install } from '../../src/livekit/index.js';
import { playLoad, type LoadPump } from './load.mjs';
import { encodeEvent } from './messages.js';
import { until } from './wait.mjs';

/** A track of the engine's own in this process, and what plays into it: no server, no network. */
export interface Played {
  readonly source: rtc.AudioSource;
  readonly track: rtc.LocalAudioTrack;
  readonly pcm: Int16Array;
}

/** Opens `count` tracks at `sampleRate`, each with samples of its own. Install narrowcast first. */
export function openTracks(count: number, sampleRate = 16_000): Played[] {
  return Array.from({ length: count }, (_, number) => {
    const source = new rtc.AudioSource(sampleRate, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack(`track ${number}`, source);
    return { source, track, pcm: counting(sampleRate, number) };
  });
}

/** One second of samples that differ from one to the next, and from one track to another. */
function counting(sampleRate: number, number: number): Int16Array {
  return new Int16Array(sampleRate).map((_, i) => ((i * 7 + number * 1000) % 60_000) - 30_000);
}

/**
 * Plays `chunks` chunks of 10 ms into each track, in real time.
 *
 * @param answersTo async ids under which JavaScript hears the engine's answers, by the track's position
 */
export function play(tracks: readonly Played[], chunks: number, answersTo?: (at: number) => bigint): LoadPump {
  return playLoad(
    tracks.map(({ source, pcm }, at) => ({
      handle: source.ffiHandle.handle,
      sampleRate: source.sampleRate,
      channels: 1,
      pcm,
      chunks,
      ...(answersTo && { answersTo: answersTo(at) }),
    })),
  );
}

let rooms = 0n;

/**
 * Has `track` subscribed to, before streams are opened on it; what is returned has it unsubscribed. That is a call of
 * rtc-node's room, or, in versions before 0.13.32 whose tracks don't know their streams, what the engine says of a room.
 */
export async function subscribe(track: rtc.Track): Promise<() => void> {
  const { closeAudioStreams } = track as unknown as { closeAudioStreams?(): void }; // private in its types
  if (closeAudioStreams) return () => closeAudioStreams.call(track);
  const { queue } = install();
  const client = (globalThis as { _ffiClientInstance?: EventEmitter })._ffiClientInstance!;
  const room = 1_000_000n + rooms++;
  let heard = false;
  const listener = ({ message }: FfiEvent) => {
    if (message.case === 'roomEvent' && message.value.roomHandle === room) heard = true;
  };
  client.on('ffi_event', listener);
  const say = (event: object) =>
    queue.put('roomEvent', encodeEvent({ roomEvent: { roomHandle: room, ...event } }), room);
  queue.put('connect', encodeEvent({ connect: { asyncId: 0n, result: { room: { handle: { id: room } } } } }), 0n);
  const { sid } = track;
  const handle = { id: (track as unknown as { ffi_handle: { handle: bigint } }).ffi_handle.handle };
  say({ trackSubscribed: { participantIdentity: 'other', track: { handle, info: { sid } } } });
  await until(() => heard, 'it is subscribed to');
  return () => {
    say({ trackUnsubscribed: { participantIdentity: 'other', trackSid: sid } });
    say({ eos: {} });
  };
}
