import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Display, summary } from './display.js';
import { fileFailure } from './failure.js';
import { Interruption } from './interruption.js';
import { checkWritable, writeJson } from './json-file.js';
import type { View } from './live-table.js';
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
  /** How long to block the JavaScript thread each second, in ms; 0: not at all. */
  readonly stall: number;
  /** Folder for the recordings; made where it is missing. Files of the same names are replaced. */
  readonly out: string;
  /** File for the figures. */
  readonly json?: string | undefined;
}

/** How long nothing may happen before it is taken for the end, in ms. */
const PATIENCE_MS = 3000;

/** How often what can't be waited for otherwise is looked at, in ms. */
const POLL_MS = 20;

/** One participant's place in the meeting. */
interface Seat {
  readonly participant: Participant;
  readonly recording: Recording;
  readonly listening: Listening;
  /** Settles when the stream has ended, or the file can't be written. */
  readonly recorded: Promise<void>;
}

/**
 * Holds a meeting, shows it, records it, and compares the recordings with what was played.
 *
 * @param openSide called once, when the participants are there
 * @returns the exit status: 0, or 1 if anything was lost, or that of the signal that ended the meeting early
 * @throws {Failure} a file can't be read or written
 */
export async function holdMeeting(options: MeetingOptions, openSide: () => Side, screen: Screen): Promise<number> {
  const { out, json } = options;
  const interruption = new Interruption();
  try {
    await mkdir(out, { recursive: true }).catch((cause: unknown) => {
      throw fileFailure('make the folder', out, cause);
    });
    if (json !== undefined) await checkWritable(json);
    const participants = await gather(options);
    const meeting = new Meeting(options, openSide(), screen, interruption);
    const result = await meeting.hold(participants);
    screen.print(summary(result, out, meeting.early, screen.columns));
    if (json !== undefined) await writeJson(json, { ours: result });
    const intact = result.participants.every((each) => each.intact);
    return intact ? (interruption.status ?? 0) : 1;
  } finally {
    interruption.dispose();
  }
}

class Meeting {
  /** Whether somebody ended it before all was played. */
  early = false;
  readonly #options: MeetingOptions;
  readonly #side: Side;
  readonly #screen: Screen;
  readonly #interruption: Interruption;
  readonly #meters = new Meters();
  readonly #recordings: Recording[] = [];
  readonly #seats: Seat[] = [];
  /** Aborted in the end: nobody waits any more. */
  readonly #over = new AbortController();

  constructor(options: MeetingOptions, side: Side, screen: Screen, interruption: Interruption) {
    this.#options = options;
    this.#side = side;
    this.#screen = screen;
    this.#interruption = interruption;
  }

  async hold(participants: readonly Participant[]): Promise<MeetingResult> {
    const side = this.#side;
    const meters = this.#meters;
    try {
      await this.#openFiles(participants);
      await meters.calibrate();
      for (const [at, participant] of participants.entries()) this.#seat(participant, this.#recordings[at]!);
      const recorded = Promise.all(this.#seats.map((seat) => seat.recorded));
      const trouble = Promise.race([recorded, side.broken]);
      // It may come before anybody waits for it.
      trouble.catch(() => {});

      meters.start();
      const chunks = await this.#play(trouble);
      await Promise.race([this.#arrival(), trouble]);
      // Before the streams are closed: what the engine says of that is not the meeting's.
      const events = side.events();
      for (const { listening } of this.#seats) listening.close();
      await Promise.race([recorded, side.broken]);
      meters.stop();
      await Promise.all(this.#recordings.map((recording) => recording.close()));

      const results: ParticipantResult[] = [];
      for (const [at, seat] of this.#seats.entries()) results.push(await this.#check(seat, chunks[at]!));
      return { participants: results, events, ...meters.read(this.#frames()) };
    } catch (error) {
      for (const { listening } of this.#seats) listening.close();
      await Promise.allSettled(this.#seats.map((seat) => seat.recorded));
      await Promise.allSettled(this.#recordings.map((recording) => recording.close()));
      throw error;
    } finally {
      this.#over.abort();
      await side.leave();
    }
  }

  async #openFiles(participants: readonly Participant[]): Promise<void> {
    const { out, sampleRate } = this.#options;
    for (const { identity } of participants) {
      this.#recordings.push(new Recording(await WavWriter.create(join(out, `${identity}.wav`), sampleRate)));
    }
  }

  #seat(participant: Participant, recording: Recording): void {
    const listening = this.#side.join(participant);
    this.#seats.push({ participant, recording, listening, recorded: recording.record(listening.frames) });
  }

  /** Plays until the end, or until somebody interrupts; returns how many chunks of 10 ms each participant had to say. */
  async #play(trouble: Promise<unknown>): Promise<number[]> {
    const side = this.#side;
    const { seconds, stall: stallMs } = this.#options;
    const chunks = Math.round(seconds * 100);
    const apart = (work: () => void) => this.#meters.apart(work);
    const stall = new Stall(stallMs, apart);
    const start = performance.now();
    const display = new Display(this.#screen, () => this.#view((performance.now() - start) / 1000));
    try {
      if (this.#interruption.status === undefined) side.play(chunks);
      display.start(seconds, apart);
      stall.start();
      // When the streams end before the meeting, the comparison shows what is missing.
      await Promise.race([this.#played(chunks), this.#interruption.happened, trouble]);
    } finally {
      stall.stop();
      display.stop();
      side.silence();
    }
    this.early = this.#interruption.status !== undefined;
    return side.played().map(({ sent }) => (this.early ? sent : chunks));
  }

  /** Resolves when all was played, or nothing is played any more. */
  async #played(chunks: number): Promise<void> {
    const { signal } = this.#over;
    // Before that it can't be over: looking costs time of the very thread whose time is measured.
    await sleep(chunks * 10, undefined, { signal }).catch(() => {});
    const sent = () => this.#side.played().map((each) => each.sent);
    await settled(() => sent().every((each) => each >= chunks), sent, signal);
  }

  /** Resolves when all that the engine took has come out of it, or nothing comes any more. */
  #arrival(): Promise<void> {
    const { sampleRate, frameMs } = this.#options;
    const frame = (sampleRate / 1000) * frameMs;
    const arrived = ({ recording, listening }: Seat) =>
      recording.samples + listening.buffered() + listening.dropped() * frame;
    const complete = () =>
      this.#side.played().every(({ sent, captured, failed }, at) => {
        return sent === captured + failed && arrived(this.#seats[at]!) >= captured * (sampleRate / 100);
      });
    return settled(complete, () => [this.#seats.map(arrived), this.#side.played()], this.#over.signal);
  }

  /** Reads a recording back from the disk. */
  async #check({ participant, recording, listening }: Seat, chunks: number): Promise<ParticipantResult> {
    const { sampleRate, frameMs } = this.#options;
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

  #view(elapsed: number): View {
    const { seconds, sampleRate, frameMs, stall } = this.#options;
    return {
      elapsed: Math.min(elapsed, seconds),
      seconds,
      sampleRate,
      frameMs,
      stallMs: stall,
      participants: this.#seats.map(({ participant, recording, listening }) => ({
        identity: participant.identity,
        frames: recording.frames,
        level: recording.takeLevel(),
        dropped: listening.dropped(),
      })),
      events: this.#side.events(),
      reading: this.#meters.read(this.#frames()),
    };
  }

  #frames(): number {
    return this.#seats.reduce((sum, { recording }) => sum + recording.frames, 0);
  }
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
