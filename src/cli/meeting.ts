import { join } from 'node:path';
import { VERSION } from '../version.js';
import { Display, summary } from './display.js';
import { clock, people } from './format.js';
import { Half, type HalfOptions } from './half.js';
import { Interruption } from './interruption.js';
import { describeMachine, loadNow } from './machine.js';
import { headingParts } from './meeting-shape.js';
import { checkWritable, writeJson, writeText } from './output-file.js';
import { gather } from './participants.js';
import { RemoteHalf } from './remote-half.js';
import type { MeetingFigures, MeetingShape } from './result.js';
import type { Screen } from './screen.js';
import type { Side } from './side.js';
import { wrap } from './table.js';

/** How a meeting is to be. */
export interface MeetingOptions extends HalfOptions {
  /** File for the figures. */
  readonly json?: string | undefined;
  /** File for the report, a web page. */
  readonly report?: string | undefined;
}

/** Folder for the recordings of the other side, in that of ours. */
const PEER_FOLDER = 'rtc-node';

/**
 * Holds a meeting, shows it, records it, and compares the recordings with what was played. With a program for the
 * other side, it holds the same meeting on plain rtc-node, in a second process and at the same time: so a machine that
 * has other things to do disturbs both alike, in the same second, and nobody waits twice as long.
 *
 * @param openSide called once, when the participants are there
 * @param peerProgram the file that a second process runs; undefined: no comparison
 * @returns the exit status: 0, or 1 if anything was lost, or that of the signal that ended the meeting early. What
 * becomes of the other side does not matter for it.
 * @throws {Failure} a file can't be read or written
 */
export async function holdMeeting(
  options: MeetingOptions,
  openSide: () => Side,
  screen: Screen,
  peerProgram?: string,
): Promise<number> {
  const { out, json, report, seconds } = options;
  const interruption = new Interruption();
  let peer: RemoteHalf | undefined;
  try {
    const loadBefore = loadNow();
    if (json !== undefined) await checkWritable(json);
    if (report !== undefined) await checkWritable(report);
    const participants = await gather(options);
    const display: Display = new Display(screen, (elapsed) => ({
      heading: headingParts(elapsed, shapeOf(options)),
      elapsed: Math.min(elapsed, seconds),
      heard: half.heard(),
      events: half.events(),
      reading: half.reading(),
      peer: peer?.progress,
    }));
    const half = new Half(options, openSide(), {
      begin: (apart) => display.start(seconds, apart),
      end: () => display.stop(),
    });
    await half.open(participants);
    // Before anything is heard: the other side takes a moment.
    const beside = peerProgram === undefined ? [] : ['beside the same one without narrowcast'];
    const what = [`A meeting of ${people(participants.length)}`, `for ${clock(seconds)} or until Ctrl-C`, ...beside];
    screen.print(wrap('', what, screen.columns));
    void interruption.happened.then(() => half.stop());

    if (peerProgram !== undefined) {
      peer = new RemoteHalf(peerProgram, { ...options, out: join(out, PEER_FOLDER) }, (reason) =>
        screen.print([`narrowcast: no comparison with rtc-node: ${reason}`]),
      );
    }
    const at = await begin(peer, interruption);
    const ours = await half.hold(participants, at);
    const figures: MeetingFigures = {
      ours,
      peer: (await peer?.result()) ?? null,
      meeting: shapeOf(options),
      machine: describeMachine(VERSION, loadBefore),
    };
    screen.print(summary(figures, out, half.early, screen.columns));
    if (json !== undefined) await writeJson(json, figures);
    if (report !== undefined) {
      const { renderReport } = await import('./report.js');
      await writeText(report, renderReport(figures, { early: half.early, at: new Date(), missing: peer?.failure }));
      screen.print([`The charts are in ${report}.`]);
    }
    const intact = ours.participants.every((each) => each.intact);
    return intact ? (interruption.status ?? 0) : 1;
  } finally {
    peer?.close();
    interruption.dispose();
  }
}

/** How long the message that tells the other process to begin may take, in ms. */
const MESSAGE_MS = 100;

/**
 * Waits until the other side is ready, where there is one, and has it begin. Ctrl-C on either side ends both.
 *
 * @returns when to begin, in ms since 1970
 */
async function begin(peer: RemoteHalf | undefined, interruption: Interruption): Promise<number> {
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

function shapeOf({ participants, seconds, sampleRate, frameMs, stall, forget }: MeetingOptions): MeetingShape {
  return { participants, seconds, sampleRate, frameMs, stall, forget };
}
