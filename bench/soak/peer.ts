import * as rtc from '@livekit/rtc-node';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import { native } from '../../__test__/support/engine-meeting.mjs';
import type { Ledger } from '../../__test__/support/ledger.js';
import { loadBindings } from '../../src/livekit/bindings.js';
import { describeEvents } from '../../src/livekit/schema.js';
import { ffiClient, type Client } from './client.js';
import { SAMPLE_RATE } from './meeting.js';

/** Plain rtc-node, with its own client. Of narrowcast, only the ledger works here, at the end. */
export function peer(): Client {
  const { ffi, enginePath } = loadBindings();
  // rtc-node makes its client, and takes the engine's callback, with the first thing that is opened.
  void new rtc.AudioSource(SAMPLE_RATE, 1, 0).close();
  native.engineAttach(enginePath, describeEvents(ffi));
  const { ledgerProbeHandles } = native as unknown as Ledger;

  // As the ledger does natively: handles are noted when they come, and forgotten when they are dropped. Those that are not
  // dropped stay, some 50 bytes each: a small part of what the engine keeps for each.
  const frames = new Set<bigint>();
  const streams = new Set<bigint>();
  let events = 0;
  const client = ffiClient();
  client.on('ffi_event', ({ message }: FfiEvent) => {
    events++;
    if (message.case !== 'audioStreamEvent' || message.value.message.case !== 'frameReceived') return;
    const id = message.value.message.value.frame?.handle?.id;
    if (id !== undefined) frames.add(id);
  });
  const { request } = client;
  client.request = (message) => {
    const answer = request.call(client, message) as { stream?: { handle?: { id?: bigint } } };
    const id = isNewAudioStream(message) ? answer.stream?.handle?.id : undefined;
    if (id !== undefined) streams.add(id);
    return answer;
  };
  const { dispose } = ffi.FfiHandle.prototype;
  ffi.FfiHandle.prototype.dispose = function (this: InstanceType<typeof ffi.FfiHandle>) {
    frames.delete(this.handle);
    streams.delete(this.handle);
    dispose.call(this);
  };

  return {
    open: (track) => new rtc.AudioStream(track, SAMPLE_RATE, 1),
    listeners: () => client.listenerCount('ffi_event'),
    streams: () => streams.size,
    events: () => events,
    count: () => undefined,
    handles: () => ({ frames: ledgerProbeHandles([...frames]), streams: ledgerProbeHandles([...streams]) }),
    faults: () => [],
  };
}

function isNewAudioStream(request: unknown): boolean {
  return (request as { message?: { case?: string } }).message?.case === 'newAudioStream';
}
