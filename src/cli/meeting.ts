import { constants } from 'node:fs';
import { access, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileFailure } from './failure.js';
import { Interruption } from './interruption.js';
import { count, liveTable, meterLines, people, plainLine, resultTable, wrap, type View } from './live-table.js';
import { Meters } from './meters.js';
import { gather, type Cast, type Participant } from './participants.js';
import { Recording } from './recording.js';
import type { MeetingResult, ParticipantResult } from './result.js';
import type { Screen } from './screen.js';
import type { Listening, Side } from './side.js';
import { Stall } from './stall.js';
import { compare } from './verify.js';
import { readRecording, WavWriter } from './wav-file.js';

/** How a meeting is to be. */
export interface MeetingOptions extends Cast {
  /** Length of the frames that are read. */
  readonly frameMs: number;
  /** How long to block the JavaScript thread each second; 0: not at all. */
  readonly stall: number;
  /** Folder for the recordings; made where it is missing. Files of the same names are replaced. */
  readonly out: string;
  /** File for the figures. */
  readonly json?: string | undefined;
}

/** How often the table is drawn, in ms. */
const DRAW_MS = 500;

/** Lines that a meeting prints where there is no table, about. */
const PLAIN_LINES = 10;

/** How long nothing may happen before a meeting is over, in ms. */
const PATIENCE_MS = 3000;

/** How often what can't be waited for otherwise is looked at, in ms. */
const POLL_MS = 20;

/** One participant's place in the meeting. */
interface Seat {
  readonly participant: Participant;
  readonly recording: Recording;
  readonly listening: Listening;
}

/**
 * Holds a meeting, shows it, records it, and compares the recordings with what was played.
 *
 * @param openSide called once, when all else is ready
 * @returns the exit status: 0, or 1 if anything was lost, or that of the signal that ended the meeting early
 * @throws {Failure} a file can't be read or written
 */
export async function holdMeeting(options: MeetingOptions, openSide: () => Side, screen: Screen): Promise<number> {
  await prepareFiles(options);
  const interruption = new Interruption();
  try {
    const participants = await gather(options);
    const result = await hold(options, participants, openSide, screen, interruption);
    screen.print(summary(options, result, interruption.status !== undefined, screen.columns));
    if (options.json !== undefined) await writeJson(options.json, { ours: result });
    const lost = result.participants.some(({ intact }) => !intact);
    return lost ? 1 : (interruption.status ?? 0);
  } finally {
    interruption.dispose();
  }
}

async function hold(
  options: MeetingOptions,
  participants: readonly Participant[],
  openSide: () => Side,
  screen: Screen,
  interruption: Interruption,
): Promise<MeetingResult> {
  const meters = new Meters();
  const recordings: Recording[] = [];
  const seats: Seat[] = [];
  const over = new AbortController();
  let reading: Promise<unknown> = Promise.resolve();
  const side = openSide();
  try {
    for (const { identity } of participants) {
      const path = join(options.out, `${identity}.wav`);
      recordings.push(new Recording(await WavWriter.create(path, options.sampleRate)));
    }
    await meters.calibrate();
    for (const [at, participant] of participants.entries()) {
      seats.push({ participant, recording: recordings[at]!, listening: side.join(participant) });
    }
    reading = Promise.all(seats.map(({ recording, listening }) => recording.record(listening.frames)));
    const trouble = Promise.race([reading, side.broken]);
    // Awaited below; it may come earlier.
    trouble.catch(() => {});

    meters.start();
    const chunks = await listen(options, seats, side, meters, screen, interruption, trouble, over.signal);
    await Promise.race([arrival(options, side, seats, over.signal), trouble]);
    for (const { listening } of seats) listening.close();
    await Promise.race([reading, side.broken]);
    meters.stop();
    const measured = { events: side.events(), ...meters.read(totalFrames(seats)) };
    await Promise.all(recordings.map((recording) => recording.close()));
    const results: ParticipantResult[] = [];
    for (const [at, seat] of seats.entries()) results.push(await checked(options, seat, chunks[at]!));
    return { participants: results, ...measured };
  } catch (error) {
    // The streams' end lets go of the files.
    for (const { listening } of seats) listening.close();
    await reading.catch(() => {});
    await Promise.allSettled(recordings.map((recording) => recording.close()));
    throw error;
  } finally {
    over.abort();
    await side.leave();
  }
}

/** Plays until the end, or until somebody interrupts; returns how many chunks of 10 ms each participant had to say. */
async function listen(
  options: MeetingOptions,
  seats: readonly Seat[],
  side: Side,
  meters: Meters,
  screen: Screen,
  interruption: Interruption,
  trouble: Promise<unknown>,
  signal: AbortSignal,
): Promise<number[]> {
  const chunks = Math.round(options.seconds * 100);
  const stall = new Stall(options.stall, (block) => meters.apart(block));
  const stopShowing = show(options, seats, side, meters, screen);
  try {
    if (interruption.status === undefined) side.play(chunks);
    stall.start();
    const played = playing(side, chunks, signal);
    // When the streams end before the meeting, the comparison shows what is missing.
    await Promise.race([played, interruption.happened, trouble]);
  } finally {
    stall.stop();
    stopShowing();
    side.silence();
  }
  return side.played().map((each) => (interruption.status === undefined ? chunks : each.sent));
}

/** Reads a recording back from the disk. */
async function checked(options: MeetingOptions, seat: Seat, chunks: number): Promise<ParticipantResult> {
  const { sampleRate, frameMs } = options;
  const { participant, recording, listening } = seat;
  const expected = chunks * (sampleRate / 100);
  const { lost, intact } = compare(participant.pcm, expected, await readRecording(recording.path, sampleRate));
  return {
    identity: participant.identity,
    framesExpected: Math.ceil(expected / ((sampleRate / 1000) * frameMs)),
    framesReceived: recording.frames,
    framesDropped: listening.dropped(),
    samplesLost: lost,
    intact,
  };
}

/** Finds out now, and not after the meeting, what can't be written. */
async function prepareFiles({ out, json }: MeetingOptions): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (cause) {
    throw fileFailure('make the folder', out, cause);
  }
  if (json === undefined) return;
  try {
    const exists = await stat(json).then(
      (stats) => {
        if (stats.isDirectory()) throw new Error('it is a folder');
        return true;
      },
      () => false,
    );
    await access(exists ? json : dirname(json), constants.W_OK);
  } catch (cause) {
    throw fileFailure('write', json, cause);
  }
}

async function writeJson(path: string, content: object): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
  } catch (cause) {
    throw fileFailure('write', path, cause);
  }
}

/** Resolves when all was played, or nothing is played any more. */
async function playing(side: Side, chunks: number, signal: AbortSignal): Promise<void> {
  // Before that it can't be over: looking costs time of the very thread whose time is measured.
  await sleep(chunks * 10, undefined, { signal }).catch(() => {});
  const sent = () => side.played().map((each) => each.sent);
  await settled(() => sent().every((each) => each >= chunks), sent, signal);
}

/** Resolves when all that the engine took has come out of it, or nothing comes any more. */
function arrival(options: MeetingOptions, side: Side, seats: readonly Seat[], signal: AbortSignal): Promise<void> {
  const { sampleRate, frameMs } = options;
  const frame = (sampleRate / 1000) * frameMs;
  const arrived = () =>
    seats.map(({ recording, listening }) => recording.samples + listening.buffered() + listening.dropped() * frame);
  const complete = () => {
    const have = arrived();
    return side
      .played()
      .every(
        ({ sent, captured, failed }, at) => sent === captured + failed && have[at]! >= (captured * sampleRate) / 100,
      );
  };
  return settled(complete, () => [arrived(), side.played()], signal);
}

/** Resolves when `condition` holds, or `progress` has not changed for {@link PATIENCE_MS}, or the signal aborts. */
async function settled(condition: () => boolean, progress: () => unknown, signal: AbortSignal): Promise<void> {
  let last = '';
  let since = performance.now();
  while (!condition() && !signal.aborted) {
    const now = JSON.stringify(progress());
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > PATIENCE_MS) {
      return;
    }
    await sleep(POLL_MS);
  }
}

/** Shows the running meeting; returns what stops that. */
function show(options: MeetingOptions, seats: readonly Seat[], side: Side, meters: Meters, screen: Screen): () => void {
  const start = performance.now();
  const view = (): View => ({
    elapsed: Math.min((performance.now() - start) / 1000, options.seconds),
    seconds: options.seconds,
    sampleRate: options.sampleRate,
    frameMs: options.frameMs,
    stallMs: options.stall,
    participants: seats.map(({ participant, recording, listening }) => ({
      identity: participant.identity,
      frames: recording.frames,
      level: recording.takeLevel(),
      dropped: listening.dropped(),
    })),
    events: side.events(),
    reading: meters.read(totalFrames(seats)),
  });
  const draw = () => {
    // The first lines of a meeting say nothing yet.
    if (screen.live) screen.draw(liveTable(view(), screen.columns, screen.rows));
    else screen.print([plainLine(view())]);
  };
  const every = screen.live ? DRAW_MS : Math.min(60, Math.max(1, options.seconds / PLAIN_LINES)) * 1000;
  const timer = setInterval(() => meters.apart(draw), every);
  if (screen.live) meters.apart(draw);
  return () => clearInterval(timer);
}

function summary(options: MeetingOptions, result: MeetingResult, early: boolean, columns: number): string[] {
  const { participants } = result;
  const sum = (of: (each: ParticipantResult) => number) => participants.reduce((total, each) => total + of(each), 0);
  const received = sum((each) => each.framesReceived);
  const expected = sum((each) => each.framesExpected);
  const lost = sum((each) => each.samplesLost);
  const damaged = participants.filter(({ intact }) => !intact).length;
  const verdict = [
    `${early ? 'ended early: ' : ''}${people(participants.length)}`,
    `${count(received)} of ${count(expected)} frames`,
    `${count(lost)} samples lost`,
    damaged === 0
      ? `every recording in ${options.out} is bit for bit what was played`
      : `${count(damaged)} of the recordings in ${options.out} are not what was played`,
  ];
  return [
    ...resultTable(participants, columns),
    ...meterLines({ events: result.events, reading: result }, columns),
    ...wrap('', verdict, columns),
  ];
}

function totalFrames(seats: readonly Seat[]): number {
  return seats.reduce((sum, { recording }) => sum + recording.frames, 0);
}
