/**
 * What a line of NARROWCAST_REPORT takes of the main thread, in a process of its own with so many streams, sources and listeners.
 *
 *   report-side.ts OBJECTS
 */

import { openTracks } from '../../__test__/support/meeting.js';
import { threadClock } from '../../src/cli/shared/thread-clock.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { Reporter } from '../../src/livekit/report.js';
import { median } from './harness.js';

/** What it sends. */
export interface ReportCost {
  /** Median of all lines, in µs. */
  readonly lineUs: number;
  /** Bytes of the last. */
  readonly bytes: number;
}

const LINES = 100;

const objects = Number(process.argv[2]);
const engine = install();
const [played] = openTracks(1);
const client = (globalThis as { _ffiClientInstance?: NodeJS.EventEmitter })._ffiClientInstance!;
client.setMaxListeners(objects + 100);
const kept = Array.from({ length: objects }, () => {
  const listener = () => objects;
  client.on('ffi_event', listener);
  return [new AudioStream(played!.track, 16_000), new AudioSource(16_000, 1), listener];
});
const reporter = new Reporter();
// Of this thread alone: the engine's threads are busy with the streams.
const clock = threadClock();
const times: number[] = [];
let bytes = 0;
for (let line = 0; line < LINES; line++) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const begin = clock.now();
  bytes = Buffer.byteLength(`${JSON.stringify(reporter.next(engine.inspect()))}\n`);
  times.push((clock.now() - begin) * 1000);
}
const result: ReportCost = { lineUs: median(times), bytes };
process.send!(result, () => process.exit(kept.length === objects ? 0 : 1));
