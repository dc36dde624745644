import type {
  CreateAudioTrackResponse,
  FfiHandle,
  FfiRequest,
  NewAudioSourceResponse,
} from '@livekit/rtc-ffi-bindings';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import type { Answers } from './answers.js';
import type { Bindings } from './bindings.js';

/** How long nothing may come before the engine is asked something, and how long its answer may take, which takes 1 ms. */
const SILENCE_MS = 1000;

/** What the watchdog needs to know, and what it finds. */
export interface Findings {
  /** Whether rooms of this thread are open. */
  roomsOpen(): boolean;
  /** Whether the process stays alive for the engine's events. */
  keepsAlive(): boolean;
  /** The engine's events went elsewhere, and were taken back. */
  stolen(): void;
  /** The engine says nothing more, and nothing is open that it could say something of. */
  disposed(): void;
}

/**
 * Notices when the engine has fallen silent. Silence may be just that, so the engine is asked a question then. No answer,
 * and something is open: rtc-node, loaded without narrowcast in another thread, has taken the engine's one callback, and
 * it is taken back. Nothing is open: rtc-node's `dispose()` was called, which closes all rooms first.
 */
export class Watchdog {
  readonly #bindings: Bindings;
  readonly #answers: Answers;
  readonly #findings: Findings;
  readonly #timer: NodeJS.Timeout;
  /** A track that has no listener, to ask something about, and its source. */
  #handles: readonly FfiHandle[] = [];
  #received = -1;
  /** How many questions in a row have had no answer so far. */
  #unanswered = 0;

  constructor(bindings: Bindings, answers: Answers, findings: Findings) {
    this.#bindings = bindings;
    this.#answers = answers;
    this.#findings = findings;
    this.#timer = setInterval(() => this.#look(), SILENCE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const handle of this.#handles) handle.dispose();
  }

  #look(): void {
    // Counted natively: a thread that was blocked takes nothing for silence.
    const { received, streams, videoStreams } = fromNative(() => native.engineStats());
    const silent = received === this.#received;
    this.#received = received;
    if (!silent) {
      this.#unanswered = 0;
      return;
    }
    const somethingOpen = streams + videoStreams > 0 || this.#findings.roomsOpen();
    if (somethingOpen && this.#unanswered > 0) {
      this.#unanswered = 0;
      fromNative(() => native.engineTakeBack());
      return this.#findings.stolen();
    }
    // Once more, for a process that ends by mistake is worse than one that ends a second later.
    if (this.#unanswered === 2) this.#findings.disposed();
    if (!somethingOpen && !this.#findings.keepsAlive()) return;
    if (this.#unanswered++ >= 2) return;
    try {
      this.#ask();
    } catch {
      // Refused: no answer will come, which is what the next look finds.
    }
  }

  /** Asks for an answer that no caller waits for: of a question to which the engine has nothing to log. */
  #ask(): void {
    const { ffi } = this.#bindings;
    // Not before: with its first track, the engine starts WebRTC, which takes 6 MB.
    if (this.#handles.length === 0) this.#handles = this.#openTrack();
    const trackHandle = this.#handles[0]!.handle;
    const requestAsyncId = this.#answers.newId();
    this.#request({ case: 'getStats', value: new ffi.GetStatsRequest({ trackHandle, requestAsyncId }) });
  }

  #openTrack(): FfiHandle[] {
    const { ffi } = this.#bindings;
    const { AUDIO_SOURCE_NATIVE: type } = ffi.AudioSourceType;
    const { source } = this.#request<NewAudioSourceResponse>({
      case: 'newAudioSource',
      value: new ffi.NewAudioSourceRequest({ type, sampleRate: 48_000, numChannels: 1, queueSizeMs: 0 }),
    });
    const sourceHandle = source!.handle!.id!;
    const { track } = this.#request<CreateAudioTrackResponse>({
      case: 'createAudioTrack',
      value: new ffi.CreateAudioTrackRequest({ name: 'narrowcast', sourceHandle }),
    });
    return [track!.handle!.id!, sourceHandle].map((id) => new ffi.FfiHandle(id));
  }

  /** Not by the client, which would keep the process alive for it. */
  #request<T>(message: FfiRequest['message']): T {
    const { ffi } = this.#bindings;
    const answer = ffi.livekitFfiRequest(new ffi.FfiRequest({ message }).toBinary());
    return ffi.FfiResponse.fromBinary(answer).message.value as T;
  }
}
