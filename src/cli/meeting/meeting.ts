import { join } from 'node:path';
import { VERSION } from '../../version.js';
import { Display, shownView } from '../shared/display.js';
import { summary } from './summary.js';
import { clock, people } from '../shared/format.js';
import { MeetingRun, type RunOptions } from './run.js';
import { Interruption } from '../shared/interruption.js';
import { describeMachine, loadNow } from '../shared/machine.js';
import { headingParts } from './shape.js';
import { checkWritable, writeJson, writeText } from '../shared/output-file.js';
import { gather } from './participants.js';
import { MESSAGE_MS, RemoteRun } from './remote-run.js';
import type { MeetingFigures, MeetingShape } from './result.js';
import type { View } from '../shared/live-table.js';
import type { Screen } from '../shared/screen.js';
import type { Backend } from './backend.js';
import { wrap } from '../shared/table.js';

/** How a meeting is to be. */
export interface MeetingOptions extends RunOptions {
  /** File for the figures. */
  readonly json?: string | undefined;
  /** File for the report, a web page. */
  readonly report?: string | undefined;
}

/** Folder for rtc-node's recordings, in that of narrowcast's. */
const RTC_NODE_FOLDER = 'rtc-node';

/**
 * Holds a meeting, shows it, records it, and compares the recordings with what was played. Given `rtcNodeProgram`, a
 * second process holds the same meeting on plain rtc-node at the same time: what else the machine does disturbs both in
 * the same seconds.
 *
 * @param openBackend called once, when the participants are there
 * @param rtcNodeProgram the file that a second process runs; undefined: no comparison
 * @returns the exit status: 0, or 1 if anything was lost, or that of the signal that ended the meeting early. What
 * becomes of the run on rtc-node does not matter for it.
 * @throws {Failure} a file can't be read or written
 */
export async function holdMeeting(
  options: MeetingOptions,
  openBackend: () => Backend,
  screen: Screen,
  rtcNodeProgram?: string,
): Promise<number> {
  const { out, json, report, seconds } = options;
  const interruption = new Interruption();
  let peer: RemoteRun | undefined;
  try {
    const loadBefore = loadNow();
    if (json !== undefined) await checkWritable(json);
    if (report !== undefined) await checkWritable(report);
    const participants = await gather(options);
    const view = (elapsed: number): View => ({
      heading: headingParts(elapsed, shapeOf(options)),
      elapsed: Math.min(elapsed, seconds),
      heard: run.heard(),
      events: run.events(),
      reading: run.reading(),
      peer: peer?.progress,
    });
    const display = new Display(screen, shownView(view));
    const run = new MeetingRun(options, openBackend(), {
      begin: (apart) => display.start(seconds, apart),
      end: () => display.stop(),
    });
    await run.open(participants);
    // Before anything is heard: rtc-node's process takes a moment.
    const beside = rtcNodeProgram === undefined ? [] : ['and the same one without narrowcast'];
    const what = [
      `A meeting of ${people(participants.length)}`,
      `for ${clock(seconds)}`,
      ...beside,
      'Ctrl-C ends it early',
    ];
    screen.print(wrap('', what, screen.columns));
    void interruption.happened.then(() => run.stop());

    if (rtcNodeProgram !== undefined) {
      peer = new RemoteRun(rtcNodeProgram, { ...options, out: join(out, RTC_NODE_FOLDER) }, 'rtc-node', (reason) =>
        screen.print([`narrowcast: no comparison with rtc-node: ${reason}`]),
      );
    }
    const at = await begin(peer, interruption);
    const ours = await run.hold(participants, at);
    const figures: MeetingFigures = {
      ours,
      peer: (await peer?.result()) ?? null,
      meeting: shapeOf(options),
      machine: describeMachine(VERSION, loadBefore),
    };
    screen.print(summary(figures, out, run.early, screen.columns));
    if (json !== undefined) await writeJson(json, figures);
    if (report !== undefined) {
      const { renderReport } = await import('./report.js');
      await writeText(report, renderReport(figures, { early: run.early, at: new Date(), missing: peer?.failure }));
      screen.print([`The charts are in ${report}.`]);
    }
    const intact = ours.participants.every((each) => each.intact);
    return intact ? (interruption.status ?? 0) : 1;
  } finally {
    peer?.close();
    interruption.dispose();
  }
}

/**
 * Waits until the run on rtc-node is ready, where there is one, and has it begin. Ctrl-C to either process ends both.
 *
 * @returns when to begin, in ms since 1970
 */
async function begin(peer: RemoteRun | undefined, interruption: Interruption): Promise<number> {
  if (!peer) return Date.now();
  void peer.interrupted.then((status) => interruption.relay(status));
  await Promise.race([peer.opened, interruption.happened]);
  // Nothing was played yet, so there is nothing to compare.
  if (interruption.status !== undefined) {
    peer.close();
    return Date.now();
  }
  void interruption.happened.then(() => peer.stop());
  const at = Date.now() + MESSAGE_MS;
  peer.hold(at);
  return at;
}

function shapeOf({ participants, seconds, sampleRate, frameMs, stall, forget, quiet }: MeetingOptions): MeetingShape {
  return { participants, seconds, sampleRate, frameMs, stall, forget, ...(quiet && { quiet }) };
}
