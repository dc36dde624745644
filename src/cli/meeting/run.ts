import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventCounts } from '../shared/engine-watch.js';
import type { Heard } from '../shared/live-table.js';
import { Meters, type Reading, type Sample } from '../shared/meters.js';
import { makeFolder } from '../shared/output-file.js';
import { AGENT, type Cast, type Participant } from './participants.js';
import { Recording } from './recording.js';
import type { MeetingResult, ParticipantResult } from './result.js';
import { Sampler } from '../shared/sampler.js';
import type { AgentsPart } from './agents/find.js';
import type { Backend, Listening } from './backend.js';
import { withoutSilenceAround } from '../shared/silence.js';
import { Stall } from './stall.js';
import { compare } from './verify.js';
import { VoiceMeter, type Voice, type VoiceSoFar } from './agent/voice.js';
import { readRecording } from '../shared/wav-reader.js';
import { WavWriter } from '../../wav-writer.js';

/** What both runs of a meeting have in common. */
export interface RunOptions extends Cast {
  /** Length of the frames that are read. */
  readonly frameMs: number;
  /** How long to block the JavaScript thread each second, in ms; 0: not at all. */
  readonly stall: number;
  /** How many streams to open and forget each second; 0: none. */
  readonly forget: number;
  /** Nothing is played: the engine sends silence. */
  readonly quiet?: boolean;
  /** How long after each whole second the thread is blocked, in ms: sides of one meeting do not block the machine together. */
  readonly stallAt?: number;
  /** The agent is a job of `@livekit/agents`, in a room. */
  readonly agents?: AgentsPart | undefined;
  /** Folder for the recordings; made where it is missing. Files of the same names are replaced. */
  readonly out: string;
}

/** Is told how far a run is. */
export interface RunObserver {
  /** It plays now. `apart` runs what is not the meeting's own work. */
  begin?(apart: (work: () => void) => void): void;
  /** A second is over. Not the meeting's own work. */
  sampled?(sample: Sample): void;
  /** All was played, or it ended early. */
  end?(): void;
}

/** How long the thread is watched while it has nothing to do, in ms. */
const IDLE_MS = 1000;

/** A meeting of so many seconds begins with one that is not measured: the code for everything is slow at first. */
const WARM_UP_FROM_S = 3;

/** How much silence follows what was played, in ms, once all of it has come: no pause in a voice is as long. */
const SILENCE_MS = 400;

/** How long that may take, in ms: longer than any buffer. */
const ARRIVAL_MS = 20_000;

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

/** A meeting on one backend: plays, listens, records, measures, and compares the recordings with what was played. */
export class MeetingRun {
  readonly #options: RunOptions;
  readonly #backend: Backend;
  readonly #observer: RunObserver;
  readonly #meters = new Meters();
  readonly #recordings: Recording[] = [];
  readonly #seats: Seat[] = [];
  /** How the agent sounds, where there is one. */
  readonly #voice: VoiceMeter | undefined;
  /** Aborted in the end: the run waits for nothing any more. */
  readonly #over = new AbortController();
  /** The user ends it before all was played. */
  readonly #stopped: Promise<void>;
  #stop!: () => void;
  #stopping = false;
  #early = false;

  constructor(options: RunOptions, backend: Backend, observer: RunObserver = {}) {
    this.#options = options;
    this.#backend = backend;
    this.#observer = observer;
    if (options.agent) this.#voice = new VoiceMeter(options.sampleRate);
    this.#stopped = new Promise((resolve) => (this.#stop = resolve));
  }

  /** Whether the user ended it before all was played. */
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
        const file = await WavWriter.create(join(out, `${identity}.wav`), { sampleRate });
        const voice = identity === AGENT ? this.#voice : undefined;
        this.#recordings.push(new Recording(file, voice && ((data) => voice.add(data))));
      }
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /** Closes everything, where {@link hold} is not called after {@link open}. */
  async abandon(): Promise<void> {
    await this.#closeFiles();
    await this.#backend.leave();
  }

  /**
   * Holds it, with the participants whose files are open. Nothing is left open afterwards.
   *
   * @param at when it begins, in ms since 1970; seconds are counted from there
   * @throws {Failure} a file can't be written or read
   */
  async hold(participants: readonly Participant[], at: number = Date.now()): Promise<MeetingResult> {
    const backend = this.#backend;
    const meters = this.#meters;
    const origin = at - performance.timeOrigin;
    const sampler = new Sampler(meters, () => this.frames, {
      origin,
      warmUp: this.#options.seconds >= WARM_UP_FROM_S,
      onSample: (sample) => this.#observer.sampled?.(sample),
    });
    try {
      await sleep(Math.max(0, origin - performance.now()));
      await meters.idle(Math.max(0, origin + IDLE_MS - performance.now()));
      this.#seat(participants);
      const recorded = Promise.all(this.#seats.map((seat) => seat.recorded));
      const trouble = Promise.race([recorded, backend.broken]);
      // It may come before it is waited for.
      trouble.catch(() => {});

      sampler.start();
      const played = await this.#play(trouble, origin, () => sampler.stop());
      await Promise.race([this.#arrival(), trouble]);
      // Before the streams are closed: what the engine says of that is not the meeting's.
      const events = backend.events();
      for (const { listening } of this.#seats) listening.close();
      await Promise.race([recorded, backend.broken]);
      await Promise.all(this.#recordings.map((recording) => recording.close()));

      const results: ParticipantResult[] = [];
      for (const [at, seat] of this.#seats.entries()) results.push(await this.#check(seat, played[at]!));
      const { samples } = sampler;
      const voice = this.#options.agent && (await this.#heardVoice());
      return { participants: results, events, ...meters.read(this.frames), samples, ...(voice && { voice }) };
    } catch (error) {
      for (const { listening } of this.#seats) listening.close();
      await Promise.allSettled(this.#seats.map((seat) => seat.recorded));
      await this.#closeFiles();
      throw error;
    } finally {
      this.#over.abort();
      sampler.stop();
      await backend.leave();
    }
  }

  /** How each participant is heard. */
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

  /** How the agent sounds so far; undefined without one. */
  voice(): VoiceSoFar | undefined {
    return this.#voice?.soFar();
  }

  events(): EventCounts | null {
    return this.#backend.events();
  }

  reading(): Reading {
    return this.#meters.read(this.frames);
  }

  #seat(participants: readonly Participant[]): void {
    for (const [at, listening] of this.#backend.join(participants).entries()) {
      const recording = this.#recordings[at]!;
      const recorded = recording.record(listening.frames);
      this.#seats.push({ participant: participants[at]!, recording, listening, recorded });
    }
  }

  /**
   * Plays until the end, or until it is stopped.
   *
   * @param measured is called when all is played that is measured
   * @returns samples played of each participant
   */
  async #play(trouble: Promise<unknown>, origin: number, measured: () => void): Promise<number[]> {
    const backend = this.#backend;
    const { seconds, sampleRate, stall: stallMs, stallAt = 0, forget, quiet } = this.#options;
    const apart = (work: () => void) => this.#meters.apart(work);
    const stall = new Stall(stallMs, apart);
    let forgetting: NodeJS.Timeout | undefined;
    let forgotten = 0;
    // Whole chunks of 10 ms: the engine plays nothing shorter.
    const samples = this.#stopping || quiet ? 0 : Math.round(seconds * 100) * (sampleRate / 100);
    const waiting = quiet ? sleep(seconds * 1000, undefined, { signal: this.#over.signal }) : undefined;
    const playing = Promise.all([backend.play(samples), waiting && Promise.race([waiting, this.#stopped])]);
    // It may fail after something else did.
    playing.catch(() => {});
    try {
      this.#observer.begin?.(apart);
      stall.start(origin + stallAt);
      const forgetOne = () => backend.forget(forgotten++ % this.#seats.length);
      if (forget > 0) forgetting = setInterval(forgetOne, 1000 / forget);
      await Promise.race([playing, this.#stopped, trouble]);
    } finally {
      measured();
      stall.stop();
      clearInterval(forgetting);
      this.#observer.end?.();
      backend.silence();
    }
    this.#early = this.#stopping;
    await Promise.race([playing, trouble]);
    return backend.played();
  }

  /** Resolves when all that was played has come out of the engine and silence follows, or nothing comes any more. */
  #arrival(): Promise<void> {
    const silence = (SILENCE_MS / 1000) * this.#options.sampleRate;
    const limit = performance.now() + ARRIVAL_MS;
    const arrived = () => this.#seats.every(({ recording }) => recording.quiet >= silence);
    const complete = () => arrived() || performance.now() > limit;
    const progress = () => this.#seats.map(({ recording }) => recording.samples);
    return settled(complete, progress, this.#over.signal);
  }

  /** Reads the agent's recording back from the disk. */
  async #heardVoice(): Promise<Voice> {
    const { recording } = this.#seats.at(-1)!;
    const meter = new VoiceMeter(this.#options.sampleRate);
    meter.add(await readRecording(recording.path, this.#options.sampleRate));
    return meter.whole();
  }

  /** Reads a recording back from the disk. */
  async #check({ participant, recording, listening }: Seat, played: number): Promise<ParticipantResult> {
    const { pcm, identity } = participant;
    const recorded = await readRecording(recording.path, this.#options.sampleRate);
    const { lost, intact } = compare(pcm, played, withoutSilenceAround(recorded, pcm, played));
    return {
      identity,
      samplesPlayed: played,
      framesReceived: recording.frames,
      framesDropped: listening.dropped(),
      samplesLost: lost,
      intact,
    };
  }

  async #closeFiles(): Promise<void> {
    await Promise.allSettled(this.#recordings.map((recording) => recording.close()));
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
