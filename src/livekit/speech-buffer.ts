import { AudioStreamTrack, playOnly, queuedMsOf, whenQueuedIs, type PipeTarget } from '../audio-stream-track.js';
import { hide } from '../diagnostics/alive.js';
import { NarrowcastError } from '../errors.js';
import { readMs, setMs, warnOf, type MsSetting } from './ms-setting.js';

/** What an `AudioSource` takes ahead of the program's own queue. */
export interface SpeechBufferOptions {
  /**
   * How much an `AudioSource` takes beyond its own `queueSize`, in ms, from 0 to 10,000: it waits natively, and is heard though
   * the thread is blocked for as long. What waits there counts as queued, and `clearQueue()` throws it away: agents' `pause()`
   * at a false interruption loses that much more. Threads and child processes that start afterwards have it, too: it is put
   * into the environment, as `NARROWCAST_SPEECH_BUFFER_MS`. Default: what that variable says, or 0, as with rtc-node.
   */
  speechBufferMs?: number;
}

const SETTING: MsSetting<'speechBufferMs'> = {
  option: 'speechBufferMs',
  variable: 'NARROWCAST_SPEECH_BUFFER_MS',
  least: 0,
  most: 10_000,
  step: 10,
  because: 'as the engine plays 10 at a time',
  instead: 'nothing is buffered beyond the queue of a source',
};

/** Puts an option of `install()` into the environment. @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function setSpeechBuffer(options: SpeechBufferOptions): void {
  setMs(options, [SETTING]);
}

const warnOnce = warnOf('NARROWCAST_SPEECH_BUFFER');

/** What the environment says, in ms. */
export function speechBufferMs(): number {
  return readMs(SETTING, warnOnce) ?? 0;
}

/** Longest frame that is taken at once, in ms: beyond the limit, as the engine takes frames that are longer than its queue. */
const LONGEST_MS = 5000;

/** How long the rest of 10 ms is waited for, in ms: a program's last frame need not be a multiple. */
const PATIENCE_MS = 10;

/** Frames of an `AudioSource` that wait natively, and are played by the native thread that plays tracks. */
export class SpeechBuffer {
  readonly track: AudioStreamTrack;
  readonly #source: PipeTarget & { readonly closed: boolean };
  /** Most that is taken before `capture` waits, in ms. */
  readonly #limitMs: number;
  #piping: AbortController | undefined;
  /** Why the engine took no more, until a capture was told. */
  #failure: unknown;
  #waits = false;

  /** @param limitMs the source's own queue, and the buffer */
  constructor(source: PipeTarget & { readonly closed: boolean }, limitMs: number) {
    this.#source = source;
    this.#limitMs = limitMs;
    const { sampleRate, numChannels } = source;
    this.track = new AudioStreamTrack({
      sampleRate,
      numChannels,
      frameSizeMs: 10,
      bufferMs: limitMs + 2 * LONGEST_MS,
    });
    playOnly(this.track, PATIENCE_MS);
    // To `inspect()`, it is a part of the source.
    hide(this.track);
  }

  /**
   * Takes samples of the source's kind: resolves while no more than the limit waits. Of those that come while one waits, the
   * words of the engine are that its queue is full.
   */
  async capture(pcm: Int16Array): Promise<string | undefined> {
    if (this.#waits) return 'InvalidState - the queue and the speech buffer are full';
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    const { sampleRate, numChannels } = this.track;
    const most = (sampleRate / 1000) * LONGEST_MS * numChannels;
    for (let at = 0; at < pcm.length; at += most) {
      this.track.write(pcm.subarray(at, at + most));
      this.#pipe();
      if (queuedMsOf(this.track) <= this.#limitMs) continue;
      this.#waits = true;
      try {
        // What was thrown away is not gone on with.
        if (!(await whenQueuedIs(this.track, this.#limitMs)) || this.#source.closed) return undefined;
      } finally {
        this.#waits = false;
      }
    }
    return undefined;
  }

  /** Resolves when all was heard, or is gone. */
  async drained(): Promise<void> {
    await this.track.waitForPlayout().catch(() => {});
  }

  /** Plays until nothing waits: the native thread does nothing for a source that is silent. */
  #pipe(): void {
    if (this.#piping) return;
    const piping = new AbortController();
    this.#piping = piping;
    this.track.pipeTo(this.#source, { signal: piping.signal }).catch((reason: unknown) => {
      if (piping.signal.aborted) return;
      this.#piping = undefined;
      this.#failure = reason;
      this.track.flush();
    });
    void (async () => {
      do await this.drained();
      while (this.#piping === piping && queuedMsOf(this.track) > 0);
      if (this.#piping === piping) this.#piping = undefined;
      piping.abort();
    })();
  }

  /** Nothing more is played. */
  stop(): void {
    this.track.stop();
  }

  /** A capture while another track is piped to the source. */
  static locked(): NarrowcastError {
    return new NarrowcastError('LOCKED', 'a track is piped to this source: write to the track, or abort pipeTo first');
  }
}
