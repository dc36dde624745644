import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdMeeting, type MeetingOptions } from '../../../src/cli/meeting/meeting.js';
import type { Participant } from '../../../src/cli/meeting/participants.js';
import type { MeetingFigures } from '../../../src/cli/meeting/result.js';
import { Screen } from '../../../src/cli/shared/screen.js';
import type { Listening, Backend } from '../../../src/cli/meeting/backend.js';
import { scratch } from '../command.js';

/** A short meeting of two. */
export function meetingOptions(change: Partial<MeetingOptions> = {}): MeetingOptions {
  const out = scratch();
  return {
    participants: 2,
    seconds: 0.5,
    sampleRate: 8000,
    frameMs: 10,
    stall: 0,
    forget: 0,
    input: [],
    out,
    json: join(out, 'figures.json'),
    ...change,
  };
}

/** Holds it, and returns what it printed and wrote. */
export async function holdFake(
  given: MeetingOptions,
  backend: FakeBackend,
  { columns, rtcNodeProgram }: { columns?: number; rtcNodeProgram?: string } = {},
) {
  let printed = '';
  const screen = new Screen({ write: (text) => (printed += text), ...(columns !== undefined && { columns }) });
  const status = await holdMeeting(given, () => backend, screen, rtcNodeProgram);
  const figures = JSON.parse(readFileSync(given.json!, 'utf8')) as MeetingFigures;
  return { status, printed, ...figures };
}

interface Seat {
  readonly pcm: Int16Array;
  samples: number;
  over: boolean;
}

/** A side without an engine: everything arrives at once, and `spoil` decides what arrives of each frame. */
export class FakeBackend implements Backend {
  broken: Promise<never> = new Promise(() => {});
  left = 0;
  /** How long each frame takes on its way, in ms. */
  delay = 0;
  readonly #seats: Seat[] = [];
  #playing!: () => void;
  readonly #started = new Promise<void>((resolve) => (this.#playing = resolve));
  #silence!: () => void;
  readonly #silent = new Promise<void>((resolve) => (this.#silence = resolve));

  constructor(readonly spoil: (frame: Int16Array, number: number, seat: number) => Int16Array[]) {}

  join(participants: readonly Participant[]): Listening[] {
    return participants.map(({ pcm }, number) => {
      let end!: () => void;
      const ended = new Promise<void>((resolve) => (end = resolve));
      const seat: Seat = { pcm, samples: 0, over: false };
      this.#seats.push(seat);
      const close = () => {
        seat.over = true;
        end();
      };
      return { frames: this.#frames(seat, number, ended), dropped: () => 0, close };
    });
  }

  async *#frames(seat: Seat, number: number, ended: Promise<void>) {
    const silence = new Int16Array(80);
    // As the engine does while it has nothing to play, and afterwards.
    for (let chunk = 0; chunk < 3; chunk++) yield { data: silence };
    await Promise.race([this.#started, ended]);
    for (let chunk = 0; chunk < seat.samples / 80; chunk++) {
      if (this.delay > 0) await sleep(this.delay);
      // What has not come when a stream is closed never does.
      if (seat.over) return;
      const start = (chunk * 80) % seat.pcm.length;
      for (const data of this.spoil(seat.pcm.slice(start, start + 80), chunk, number)) yield { data };
    }
    while (!seat.over) {
      yield { data: silence };
      await Promise.race([sleep(1), ended]);
    }
  }

  /** Whose stream was forgotten. */
  readonly forgotten: number[] = [];

  forget(participant: number): void {
    this.forgotten.push(participant);
  }

  async play(samples: number): Promise<void> {
    for (const seat of this.#seats) seat.samples = samples;
    this.#playing();
    await Promise.race([sleep((samples / 8000) * 1000), this.#silent]);
  }

  played(): number[] {
    return this.#seats.map(({ samples }) => samples);
  }

  silence(): void {
    this.#silence();
  }

  events() {
    return { published: 1, delivered: 1, unwanted: 0, dropped: 0, wakes: 1 };
  }

  async leave(): Promise<void> {
    this.left++;
  }
}
