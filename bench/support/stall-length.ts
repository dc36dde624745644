/**
 * How exact the length of a stall is, in a process of its own: blocks its thread again and again while audio comes, and compares what
 * `narrowcast:stall` says with how long that was.
 *
 *   stall-length.ts STALLS
 */

import { subscribe } from 'node:diagnostics_channel';
import { openTracks, play } from '../../__test__/support/meeting.js';
import type { Stall } from '../../src/diagnostics/inspect.js';
import { AudioStream, install } from '../../src/livekit/index.js';
import { block, until } from '../../__test__/support/wait.mjs';

/** What it sends: of each stall, in ms. */
export interface StallLength {
  /** How far the true length is from what the message allows: `ms` at least, `ms + intervalMs` at most. */
  readonly beyondMs: number[];
  /** The message's `intervalMs`. */
  readonly intervalMs: number[];
}

const count = Number(process.argv[2]);
install();
const [played] = openTracks(1);
const stream = new AudioStream(played!.track, 16_000);
const told: Stall[] = [];
subscribe('narrowcast:stall', (message) => told.push(message as Stall));
void (async () => {
  for await (const _ of stream);
})();
play([played!], 1_000_000);
const beyondMs: number[] = [];
const intervalMs: number[] = [];
for (let at = 0; at < count; at++) {
  const read = stream.stats().framesOut;
  await until(() => stream.stats().framesOut > read + 5 && stream.stats().bufferedMs < 20, 'it is read again');
  told.length = 0;
  const begin = performance.now();
  block(150 + 10 * (at % 26));
  const blocked = performance.now() - begin;
  await until(() => told.length > 0, 'it is told of');
  const stall = told[0]!;
  beyondMs.push(Math.max(0, stall.ms - blocked, blocked - stall.ms - stall.intervalMs));
  intervalMs.push(stall.intervalMs);
}
const result: StallLength = { beyondMs, intervalMs };
process.send!(result, () => process.exit(0));
