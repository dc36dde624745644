import type { RecordedRoom, RoomEnd, Voice } from '../../../src/cli/record/room.js';

/** A room without a server: the test says who speaks, and when it is over. */
export class FakeRoom implements RecordedRoom {
  readonly name = 'fake';
  readonly ended: Promise<RoomEnd>;
  readonly broken: Promise<never>;
  break!: (error: Error) => void;
  joined: () => Promise<void> = async () => {};
  left = 0;
  /** Resolves when voices can be heard. */
  readonly listening: Promise<void>;
  end!: (end: RoomEnd) => void;
  #hear!: (voice: Voice) => void;
  #listen!: () => void;

  constructor() {
    this.broken = new Promise((_, reject) => (this.break = reject));
    this.ended = new Promise((resolve) => (this.end = resolve));
    this.listening = new Promise((resolve) => (this.#listen = resolve));
  }

  join(): Promise<void> {
    return this.joined();
  }

  listen(hear: (voice: Voice) => void): void {
    this.#hear = hear;
    this.#listen();
  }

  /** Somebody begins to speak. */
  speak(identity: string, screen = false): FakeVoice {
    const voice = new FakeVoice(identity, screen);
    this.#hear(voice);
    return voice;
  }

  events() {
    return { published: 1, delivered: 1, unwanted: 0, dropped: 0, wakes: 1 };
  }

  async leave(): Promise<void> {
    this.left++;
  }
}

/** Somebody who says what the test wants. */
export class FakeVoice implements Voice {
  readonly frames: AsyncIterable<{ readonly data: Int16Array }>;
  lost = 0;
  silent = false;
  waiting = 0;
  closed = false;
  /** Frames read. */
  read = 0;
  #gone = false;
  readonly #queue: Int16Array[] = [];
  #wake: () => void = () => {};

  constructor(
    readonly identity: string,
    readonly screen = false,
  ) {
    this.frames = this.#frames();
  }

  /** A frame that can be read now. */
  say(data: Int16Array): void {
    this.#queue.push(data);
    this.#wake();
  }

  /** It is taken back. What was said can still be read. */
  stop(): void {
    this.#gone = true;
    this.close();
  }

  over = () => this.#gone;
  muted = () => this.silent;
  dropped = () => this.lost;
  waitingMs = () => this.waiting;

  close(): void {
    this.closed = true;
    this.#wake();
  }

  async *#frames() {
    for (;;) {
      const data = this.#queue.shift();
      if (data) {
        this.read++;
        yield { data };
      } else if (this.closed) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
