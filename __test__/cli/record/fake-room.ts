import { AudioStream } from '../../../src/index.js';
import type { RecordedRoom, RoomEnd, Voice } from '../../../src/cli/record/room.js';

/** What a voice has room for, in ms. */
const BUFFER_MS = 20_000;

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

  /** A participant begins to speak. */
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

/** A participant who says what the test wants, at 8 kHz. */
export class FakeVoice implements Voice {
  /** Has room for whatever a test says at once. */
  readonly stream = new AudioStream({ sampleRate: 8000, bufferMs: BUFFER_MS });
  silent = false;
  closed = false;
  #gone = false;

  constructor(
    readonly identity: string,
    readonly screen = false,
  ) {}

  /** Frames read. */
  get read(): number {
    return this.stream.stats().framesOut;
  }

  /** A frame that can be read now. */
  say(data: Int16Array): void {
    this.stream.write(data);
  }

  /** So many frames more than there is room for, where none waits. */
  lose(frames: number): void {
    this.stream.write(new Int16Array((BUFFER_MS + 10 * frames) * 8));
  }

  /** It is taken back. What was said can still be read. */
  stop(): void {
    this.#gone = true;
    this.close();
  }

  over = () => this.#gone;
  muted = () => this.silent;

  close(): void {
    this.closed = true;
    this.stream.close();
  }
}
