import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Meters, type Reading, type Sample } from './meters.js';
import { makeFolder } from './output-file.js';
import type { Cast, Participant } from './participants.js';
import { Recording } from './recording.js';
import type { MeetingResult, ParticipantResult } from './result.js';
import { Sampler } from './sampler.js';
import type { EventCounts, Listening, Side } from './side.js';
import { Stall } from './stall.js';
import { compare } from './verify.js';
import { readRecording, WavWriter } from './wav-file.js';

/** What both halves of a meeting have in common. */
export interface HalfOptions extends Cast {
  /** Length of the frames that are read. */
  readonly frameMs: number;
  /** How long to block the JavaScript thread each second, in ms; 0: not at all. */
  readonly stall: number;
  /** How many streams to open and forget each second; 0: none. */
  readonly forget: number;
  /** Folder for the recordings; made where it is missing. Files of the same names are replaced. */
  readonly out: string;
}

/** What runs beside a half while it plays. */
export interface Attendance {
  /** It plays now. `apart` runs what is not the meeting's own work. */
  begin?(apart: (work: () => void) => void): void;
  /** A second is over. Not the meeting's own work. */
  sampled?(sample: Sample): void;
  /** All was played, or it ended early. */
  end?(): void;
}

/** How one participant is heard, so far. */
export interface Heard {
  readonly identity: string;
  readonly frames: number;
  /** RMS since it was last asked for, in dB below full scale. */
  readonly level: number;
  readonly dropped: number | null;
  /** Why there is nothing to hear, where something else than silence is the reason. */
  readonly state?: string | undefined;
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

/** A meeting on one side: plays, listens, records, measures, and compares the recordings with what was played. */
export class Half {
  readonly #options: HalfOptions;
  readonly #side: Side;
  readonly #attendance: Attendance;
  readonly #meters = new Meters();
  readonly #recordings: Recording[] = [];
  readonly #seats: Seat[] = [];
  /** Aborted in the end: nobody waits any more. */
  readonly #over = new AbortController();
  /** Somebody ends it before all was played. */
  readonly #stopped: Promise<void>;
  #stop!: () => void;
  #stopping = false;
  #early = false;

  constructor(options: HalfOptions, side: Side, attendance: Attendance = {}) {
    this.#options = options;
    this.#side = side;
    this.#attendance = attendance;
    this.#stopped = new Promise((resolve) => (this.#stop = resolve));
  }

  /** Whether somebody ended it before all was played. */
  get early(): boolean {
    return this.#early;
  }

  /** Ends it early, now or when it begins. What was played until then is waited for, and compared. */
  stop(): void {
    this.#stopping = true;
    this.#stop();
  }

  /** Opens the files. @throws {Failure} one can't be written; nothing is left open */
  async open(participants: readonly Participant[]): Promise<void> {
    const { out, sampleRate } = this.#options;
    try {
      await makeFolder(out);
      for (const { identity } of participants) {
        this.#recordings.push(new Recording(await WavWriter.create(join(out, `${identity}.wav`), sampleRate)));
      }
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /** Closes everything, where {@link hold} is not called after {@link open}. */
  async abandon(): Promise<void> {
    await this.#closeFiles();
    await this.#side.leave();
  }

  /**
   * Holds it, with the participants whose files are open. Nothing is left open afterwards.
   *
   * @throws {Failure} a file can't be written or read
   */
  async hold(participants: readonly Participant[]): Promise<MeetingResult> {
    const side = this.#side;
    const meters = this.#meters;
    const sampler = new Sampler(
      meters,
      () => this.frames,
      (sample) => this.#attendance.sampled?.(sample),
    );
    try {
      await meters.calibrate(() => side.rehearse(participants.length));
      for (const [at, participant] of participants.entries()) this.#seat(participant, this.#recordings[at]!);
      const recorded = Promise.all(this.#seats.map((seat) => seat.recorded));
      const trouble = Promise.race([recorded, side.broken]);
      // It may come before anybody waits for it.
      trouble.catch(() => {});

      sampler.start();
      const chunks = await this.#play(trouble);
      sampler.stop();
      await Promise.race([this.#arrival(), trouble]);
      // Before the streams are closed: what the engine says of that is not the meeting's.
      const events = side.events();
      for (const { listening } of this.#seats) listening.close();
      await Promise.race([recorded, side.broken]);
      meters.stop();
      await Promise.all(this.#recordings.map((recording) => recording.close()));

      const results: ParticipantResult[] = [];
      for (const [at, seat] of this.#seats.entries()) results.push(await this.#check(seat, chunks[at]!));
      const { samples } = sampler;
      return { participants: results, events, ...meters.read(this.frames), samples };
    } catch (error) {
      for (const { listening } of this.#seats) listening.close();
      await Promise.allSettled(this.#seats.map((seat) => seat.recorded));
      await this.#closeFiles();
      throw error;
    } finally {
      this.#over.abort();
      sampler.stop();
      await side.leave();
    }
  }

  /** How everybody is heard. */
  heard(): Heard[] {
    return this.#seats.map(({ participant, recording, listening }) => ({
      identity: participant.identity,
      frames: recording.frames,
      level: recording.takeLevel(),
      dropped: listening.dropped(),
    }));
  }

  /** Read so far, of all participants. */
  get frames(): number {
    return this.#seats.reduce((sum, { recording }) => sum + recording.frames, 0);
  }

  events(): EventCounts | null {
    return this.#side.events();
  }

  reading(): Reading {
    return this.#meters.read(this.frames);
  }

  #seat(participant: Participant, recording: Recording): void {
    const listening = this.#side.join(participant);
    this.#seats.push({ participant, recording, listening, recorded: recording.record(listening.frames) });
  }

  /** Plays until the end, or until somebody stops it; returns how many chunks of 10 ms each participant had to say. */
  async #play(trouble: Promise<unknown>): Promise<number[]> {
    const side = this.#side;
    const { seconds, stall: stallMs, forget } = this.#options;
    const chunks = Math.round(seconds * 100);
    const apart = (work: () => void) => this.#meters.apart(work);
    const stall = new Stall(stallMs, apart);
    let forgetting: NodeJS.Timeout | undefined;
    let forgotten = 0;
    try {
      if (!this.#stopping) side.play(chunks);
      this.#attendance.begin?.(apart);
      stall.start();
      const forgetOne = () => side.forget(forgotten++ % this.#seats.length);
      if (forget > 0) forgetting = setInterval(forgetOne, 1000 / forget);
      // When the streams end before the meeting, the comparison shows what is missing.
      await Promise.race([this.#played(chunks), this.#stopped, trouble]);
    } finally {
      stall.stop();
      clearInterval(forgetting);
      this.#attendance.end?.();
      side.silence();
    }
    this.#early = this.#stopping;
    return side.played().map(({ sent }) => (this.#early ? sent : chunks));
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
      recording.samples + listening.buffered() + (listening.dropped() ?? 0) * frame;
    const complete = () =>
      this.#side.played().every(({ sent, captured, failed }, at) => {
        return sent === captured + failed && arrived(this.#seats[at]!) >= captured * (sampleRate / 100);
      });
    const progress = () => [this.#seats.map(arrived), this.#side.played()];
    // What is waited for in vain is no part of the meeting.
    return settled(complete, progress, this.#over.signal, () => this.#meters.mayBeOver());
  }

  /** Reads a recording back from the disk. */
  async #check({ participant, recording, listening }: Seat, chunks: number): Promise<ParticipantResult> {
    const { sampleRate, frameMs } = this.#options;
    const expected = chunks * (sampleRate / 100);
    const heard = compare(participant.pcm, expected, await readRecording(recording.path, sampleRate));
    const moved = this.#side.ordered ? 0 : Math.min(heard.lost, heard.surplus);
    return {
      identity: participant.identity,
      framesExpected: Math.ceil(expected / ((sampleRate / 1000) * frameMs)),
      framesReceived: recording.frames,
      framesDropped: listening.dropped(),
      samplesLost: heard.lost - moved,
      intact: heard.lost === moved && heard.surplus === moved,
    };
  }

  async #closeFiles(): Promise<void> {
    await Promise.allSettled(this.#recordings.map((recording) => recording.close()));
  }
}

/** Resolves when `condition` holds, or `progress` has not changed for {@link PATIENCE_MS}, or the signal aborts. */
async function settled(
  condition: () => boolean,
  progress: () => unknown,
  signal: AbortSignal,
  onProgress: () => void = () => {},
): Promise<void> {
  let last = '';
  let since = performance.now();
  while (!condition() && !signal.aborted) {
    const now = JSON.stringify(progress());
    if (now !== last) {
      last = now;
      since = performance.now();
      onProgress();
    } else if (performance.now() - since > PATIENCE_MS) {
      return;
    }
    await sleep(POLL_MS);
  }
}
