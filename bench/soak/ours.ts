import { AudioStream, install, native } from '../../__test__/support/engine-meeting.mjs';
import type { Ledger } from '../../__test__/support/ledger.js';
import { ffiClient, type Client, type Counts, type Frames } from './client.js';
import { FRAME_MS, SAMPLE_RATE } from './meeting.js';

/** narrowcast, installed, as users get it. */
export function ours(): Client {
  const engine = install();
  const { ledgerProbe } = native as unknown as Ledger;
  return {
    open: (track) => new AudioStream(track, SAMPLE_RATE),
    listeners: () => ffiClient().listenerCount('ffi_event') + engine.queue.stats().subscribers,
    streams: () => engine.stats().streams,
    // Without the answers to what the watchdog asks, several times a second.
    events: () => {
      const { received, answered } = engine.stats();
      return received - answered;
    },
    count: (stream: Frames): Counts => {
      const { bufferedMs, ...counts } = (stream as InstanceType<typeof AudioStream>).stats();
      return { ...counts, framesBuffered: bufferedMs / FRAME_MS };
    },
    handles: () => {
      const { left, streams } = ledgerProbe();
      return { frames: left.length, streams: streams.length };
    },
    faults: () => {
      const { unknown, malformed, panics, framesMalformed, heldDropped, events } = engine.stats();
      const faults = {
        'events of an unknown kind': unknown,
        'malformed events': malformed,
        panics,
        'malformed frames': framesMalformed,
        'early events dropped': heldDropped,
        'events dropped': events.dropped,
      };
      return Object.entries(faults).flatMap(([what, count]) => (count === 0 ? [] : [`${what}: ${count}`]));
    },
  };
}
