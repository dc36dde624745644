import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdMeeting, type MeetingOptions } from '../../src/cli/meeting.js';
import type { Participant } from '../../src/cli/participants.js';
import type { MeetingFigures } from '../../src/cli/result.js';
import { Screen } from '../../src/cli/screen.js';
import type { Listening, Played, Side } from '../../src/cli/side.js';
import { scratch } from './command.js';

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
  side: FakeSide,
  { columns, peerProgram }: { columns?: number; peerProgram?: string } = {},
) {
  let printed = '';
  const screen = new Screen({ write: (text) => (printed += text), ...(columns !== undefined && { columns }) });
  const status = await holdMeeting(given, () => side, screen, peerProgram);
  const figures = JSON.parse(readFileSync(given.json!, 'utf8')) as MeetingFigures;
  return { status, printed, ...figures };
}

/** A side without an engine: everything arrives at once, and `spoil` decides what arrives of each frame. */
export class FakeSide implements Side {
  ordered = true;
  broken: Promise<never> = new Promise(() => {});
  left = 0;
  /** For how many, and how many had joined by then. */
  readonly rehearsals: { participants: number; joined: number }[] = [];
  /** How long each frame takes on its way, in ms. */
  delay = 0;
  readonly #seats: { pcm: Int16Array; chunks: number }[] = [];
  #playing!: () => void;
  readonly #started = new Promise<void>((resolve) => (this.#playing = resolve));

  constructor(readonly spoil: (frame: Int16Array, number: number, seat: number) => Int16Array[]) {}

  rehearse(participants: number): () => void {
    this.rehearsals.push({ participants, joined: this.#seats.length });
    return () => {};
  }

  join({ pcm }: Participant): Listening {
    const number = this.#seats.length;
    let end!: () => void;
    let over = false;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const seat = { pcm, chunks: 0 };
    this.#seats.push(seat);
    const frames = async function* (side: FakeSide) {
      await Promise.race([side.#started, ended]);
      for (let chunk = 0; chunk < seat.chunks; chunk++) {
        if (side.delay > 0) await sleep(side.delay);
        // What has not come when a stream is closed never does.
        if (over) return;
        const start = (chunk * 80) % pcm.length;
        for (const data of side.spoil(pcm.slice(start, start + 80), chunk, number)) yield { data };
      }
      await ended;
    };
    const close = () => {
      over = true;
      end();
    };
    return { frames: frames(this), dropped: () => 0, buffered: () => 0, close };
  }

  /** Whose stream was forgotten. */
  readonly forgotten: number[] = [];

  forget(participant: number): void {
    this.forgotten.push(participant);
  }

  play(chunks: number): void {
    for (const seat of this.#seats) seat.chunks = chunks;
    this.#playing();
  }

  played(): Played[] {
    return this.#seats.map(({ chunks }) => ({ sent: chunks, captured: chunks, failed: 0 }));
  }

  silence(): void {}

  events() {
    return { published: 1, delivered: 1, unwanted: 0, dropped: 0, wakes: 1 };
  }

  async leave(): Promise<void> {
    this.left++;
  }
}
