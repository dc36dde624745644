import { join } from 'node:path';
import { VERSION } from '../../version.js';
import { Display, shownView } from '../shared/display.js';
import { Failure } from '../shared/failure.js';
import { clock, people, printable } from '../shared/format.js';
import { Interruption } from '../shared/interruption.js';
import { describeMachine, loadNow } from '../shared/machine.js';
import { Meters } from '../shared/meters.js';
import { checkWritable, makeWritableFolder, removeEmpty, writeJson, writeText } from '../shared/output-file.js';
import type { RecordFigures } from './result.js';
import { recordSummary } from './summary.js';
import type { RecordedRoom, RoomEnd } from './room.js';
import { RoomRecorder } from './room-recorder.js';
import { Sampler } from '../shared/sampler.js';
import type { Screen } from '../shared/screen.js';
import { longestWav } from '../../wav-writer.js';

/** How a room is to be recorded. */
export interface RecordOptions {
  /** Of the files, in Hz. */
  readonly sampleRate: number;
  /** How long at most, in s; undefined: as long as the room lasts, and a WAV file can be. */
  readonly seconds?: number | undefined;
  /** Folder for the files; made where it is missing. Nothing in it is replaced, but for the report. */
  readonly out: string;
  /** File for the figures. */
  readonly json?: string | undefined;
  /** File for the report, a web page, in `out` by default; false: none. */
  readonly report?: string | false | undefined;
}

/** How long before the longest that a WAV file can be a recording ends, in s: what is late still comes. */
const MARGIN_S = 30;

/** How long the thread is watched while it has nothing to do, in ms. */
const IDLE_MS = 500;

/**
 * Records all participants of a room, and shows it, until the room is over, the user interrupts, or the time is up.
 *
 * @param openRoom called once; what it returns is entered, and left
 * @returns the exit status: 0, or 1 if a frame was lost, or that of the signal that ended it
 * @throws {Failure} the room can't be entered, a file can't be written, or the room was lost before it was over: then
 * what was heard until then is in the files, complete
 */
export async function recordRoom(
  options: RecordOptions,
  openRoom: () => RecordedRoom,
  screen: Screen,
): Promise<number> {
  const { out, json, sampleRate } = options;
  const report = options.report === false ? undefined : (options.report ?? join(out, 'report.html'));
  const interruption = new Interruption();
  const meters = new Meters();
  let room: RecordedRoom | undefined;
  let made: string[] = [];
  let entered = false;
  try {
    const loadBefore = loadNow();
    made = await makeWritableFolder(out);
    if (json !== undefined) await checkWritable(json);
    if (report !== undefined) await checkWritable(report);
    await meters.idle(IDLE_MS);
    room = openRoom();
    await Promise.race([room.join(), room.broken, interruption.happened]);
    if (interruption.status !== undefined) return interruption.status;

    entered = true;
    const limit = Math.min(options.seconds ?? Infinity, longestWav(sampleRate) - MARGIN_S);
    const { end, seconds, result } = await hold(room, options, limit, meters, interruption, screen);
    const figures: RecordFigures = {
      recording: { room: room.name, seconds, sampleRate, end: end.why },
      result,
      machine: describeMachine(VERSION, loadBefore),
    };
    screen.print(recordSummary(figures, out, screen.columns));
    if (json !== undefined) await writeJson(json, figures);
    if (report !== undefined) {
      const { renderRecordReport } = await import('./report.js');
      await writeText(report, renderRecordReport(figures, new Date()));
      screen.print([`The charts are in ${report}.`]);
    }
    if (!end.regular) throw new Failure(`${end.why}; what was heard until then is in ${out}`);
    if (interruption.status !== undefined) return interruption.status;
    return result.voices.some(({ framesDropped }) => framesDropped > 0) ? 1 : 0;
  } finally {
    await room?.leave();
    if (!entered) await removeEmpty(made);
    interruption.dispose();
  }
}

/** Records until the end of it. Nothing of the recording is left open afterwards. */
async function hold(
  room: RecordedRoom,
  { out, sampleRate, seconds: asked }: RecordOptions,
  limit: number,
  meters: Meters,
  interruption: Interruption,
  screen: Screen,
) {
  const apart = (work: () => void) => meters.apart(work);
  const recorder = await RoomRecorder.open(out, sampleRate);
  const sampler = new Sampler(meters, () => recorder.frames);
  const view = (elapsed: number) => ({
    heading: [
      `recording ${printable(room.name)}: ${clock(elapsed)}`,
      ...(asked === undefined ? [] : [`of ${clock(limit)}`]),
      people(recorder.participants),
      `${sampleRate / 1000} kHz`,
    ],
    elapsed,
    heard: recorder.heard(),
    events: room.events(),
    reading: meters.read(recorder.frames),
  });
  const display = new Display(screen, shownView(view));
  try {
    room.listen((voice) => recorder.record(voice));
    screen.print([`Recording ${printable(room.name)} into ${out}; Ctrl-C ends it.`]);
    sampler.start();
    display.start(limit, apart);
    const end = await Promise.race([theEnd(room, limit, asked, interruption), room.broken, recorder.failed]);
    display.stop();
    sampler.stop();
    // Before the streams are closed: what the engine says of that is not the room's.
    const events = room.events();
    const voices = await Promise.race([recorder.finish(), room.broken]);
    const { samples } = sampler;
    return { end, seconds: recorder.seconds, result: { voices, events, ...meters.read(recorder.frames), samples } };
  } catch (error) {
    await recorder.abandon();
    throw error;
  } finally {
    display.stop();
    sampler.stop();
  }
}

/** What ends it, whatever comes first. */
async function theEnd(
  room: RecordedRoom,
  limit: number,
  asked: number | undefined,
  interruption: Interruption,
): Promise<RoomEnd> {
  let timer: NodeJS.Timeout | undefined;
  const time = new Promise<RoomEnd>((resolve) => {
    const why = limit === asked ? 'the time is up' : 'a WAV file can not be longer';
    // A timer can wait for 24 days, and no file is that long.
    timer = setTimeout(() => resolve({ why, regular: true }), limit * 1000);
  });
  const interrupted = interruption.happened.then(() => ({ why: 'it was interrupted', regular: true }));
  try {
    return await Promise.race([room.ended, time, interrupted]);
  } finally {
    clearTimeout(timer);
  }
}
