import { isMainThread } from 'node:worker_threads';
import type { CreateAudioTrackResponse, FfiHandle, NewAudioSourceResponse } from '@livekit/rtc-ffi-bindings';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import type { Bindings } from './bindings.js';
import { requestEngine } from './engine-request.js';
import type { ClientAdapter } from './ffi-client.js';
import type { Answers } from './requests.js';

/** From one look to the next, while something is open that the engine may have something to say of. */
const LOOK_MS = 500;

/** While nothing is open, and yet the process stays alive for rtc-node's client: that may be because of a `dispose()`. */
const IDLE_LOOK_MS = 80;

/** While this thread does not use the engine. */
const UNUSED_LOOK_MS = 1000;

/** How long a question of an idle thread may stay unanswered, at least. The engine takes 1 ms for it. */
const LEAST_TIMEOUT_MS = 160;

/** The same, in times that recent answers took: on an overloaded machine, an engine's thread gets its turn late. */
const TIMEOUT_IN_ANSWERS = 8;

/** What is taken for the time of the first answer. */
const FIRST_ANSWER_MS = 25;

/** Whether the process has another JavaScript thread, which could take the engine's callback. */
let otherThreads = !isMainThread;
process.on('worker', () => (otherThreads = true));

/** What the watchdog works for. */
export interface Watched {
  readonly client: Pick<ClientAdapter, 'roomsOpen' | 'connecting' | 'staysAlive' | 'rest' | 'goOn'>;
  /** Another thread had the engine's events until `before`, on the clock of `performance.now()`. */
  stolen(before: number): void;
}

/**
 * Notices when the engine's events go elsewhere, or when the engine says nothing more. Silence may be just that, so the
 * watchdog asks the engine a question then.
 *
 * - **Something is open here, and no answer comes.** rtc-node, loaded without narrowcast in another thread, may have taken
 *   the engine's one callback. The watchdog sets it again, which changes nothing where it was not taken, and asks once more.
 *   If this question is answered, and the one before it never is, that proves a theft. An engine that is only slow answers
 *   both.
 * - **Nothing is open here, and no answer comes.** rtc-node's `dispose()` was called, which closes all rooms first, or
 *   another thread has the callback, and may keep it. The process need not stay alive. Where no other thread can have it,
 *   native threads are told, which give up sources that get no answers either.
 */
export class Watchdog {
  readonly #bindings: Bindings;
  readonly #answers: Answers;
  readonly #watched: Watched;
  /** A track that has no listener, to ask something about, and its source. */
  #handles: readonly FfiHandle[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Events that the engine's callback had counted, and thefts, at the last look. */
  #received = -1;
  #stolen: number;
  /** Questions without an answer, and when each was asked. */
  readonly #asked = new Map<bigint, number>();
  /** When the callback was first set again, since the engine last answered. A slow engine may answer after it was set once more. */
  #takenBack: number | undefined;
  /** Whether a question was answered that was asked after that. */
  #answersAgain = false;
  /** Whether the process was told that it need not stay alive. */
  #resting = false;
  /** How long the engine recently took to answer, at most, in ms. */
  #slowest = FIRST_ANSWER_MS;

  constructor(bindings: Bindings, answers: Answers, watched: Watched) {
    this.#bindings = bindings;
    this.#answers = answers;
    this.#watched = watched;
    this.#stolen = native.engineStats().stolen;
    this.lookSoon();
  }

  /** To be called when the thread begins to use the engine, and when it has left its last room. */
  lookSoon(): void {
    clearTimeout(this.#timer);
    this.#lookIn(IDLE_LOOK_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const handle of this.#handles) handle.dispose();
  }

  #lookIn(delay: number): void {
    // Also from within a look, and when its client leaves a room afterwards.
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      let next = LOOK_MS;
      try {
        next = this.#look();
      } finally {
        this.#lookIn(next);
      }
    }, delay).unref();
  }

  /** Returns how long it is to the next look. */
  #look(): number {
    // Counted natively: a thread that was blocked takes nothing for silence.
    const { received, stolen, streams, videoStreams } = fromNative(() => native.engineStats());
    const silent = received === this.#received;
    this.#received = received;
    if (stolen !== this.#stolen) this.#noticed(stolen);
    if (this.#answersAgain) this.#proven();
    else if (!silent) this.#heard();
    // A listener was told of a theft, and has uninstalled.
    if (this.#stopped) return LOOK_MS;

    const { roomsOpen, connecting, staysAlive } = this.#watched.client;
    if (roomsOpen || (otherThreads && (connecting || streams + videoStreams > 0))) {
      if (silent) this.#askOrTakeBack();
      return LOOK_MS;
    }
    if (!staysAlive) return UNUSED_LOOK_MS;
    if (silent) this.#askOrRest();
    return IDLE_LOOK_MS;
  }

  #askOrTakeBack(): void {
    if (this.#asked.size > 0) {
      native.engineTakeBack();
      this.#takenBack ??= performance.now();
    }
    this.#ask();
  }

  #askOrRest(): void {
    const [first] = this.#asked.values();
    if (
      first === undefined ||
      performance.now() - first < Math.max(LEAST_TIMEOUT_MS, TIMEOUT_IN_ANSWERS * this.#slowest)
    ) {
      return this.#ask();
    }
    this.#forget();
    this.#resting = true;
    if (!otherThreads && !this.#watched.client.connecting) native.engineNoteSilence();
    this.#watched.client.rest();
  }

  /** The engine's callback was called. */
  #heard(): void {
    if (this.#takenBack === undefined) this.#forget();
    if (!this.#resting) return;
    this.#resting = false;
    this.#watched.client.goOn();
  }

  /** Questions that were asked before the callback was taken back have had time enough: their answers went elsewhere. */
  #proven(): void {
    this.#forget();
    // Another thread may have noticed the same theft.
    if (native.engineCountTheft(this.#stolen)) this.#noticed(this.#stolen + 1);
  }

  #noticed(stolen: number): void {
    this.#stolen = stolen;
    this.#watched.stolen(performance.now() - (native.engineTakenBack() ?? 0));
  }

  /** Asks for an answer that only this waits for, to a question that the engine logs nothing about. */
  #ask(): void {
    const requestAsyncId = this.#answers.newId();
    const at = performance.now();
    this.#asked.set(requestAsyncId, at);
    try {
      const { ffi } = this.#bindings;
      // Not before: with its first track, the engine starts WebRTC, which takes 6 MB.
      if (this.#handles.length === 0) this.#handles = this.#openTrack();
      const trackHandle = this.#handles[0]!.handle;
      requestEngine(this.#bindings, {
        case: 'getStats',
        value: new ffi.GetStatsRequest({ trackHandle, requestAsyncId }),
      });
    } catch {
      // Refused: no answer will come, which is what the next look finds.
      return;
    }
    this.#answers.to(requestAsyncId).then(
      () => this.#answered(requestAsyncId, at),
      () => this.#asked.delete(requestAsyncId),
    );
  }

  #answered(id: bigint, at: number): void {
    this.#slowest = Math.max(performance.now() - at, this.#slowest / 2);
    if (!this.#asked.delete(id)) return;
    // What was asked before the callback was set again, and is answered, was never lost.
    if (this.#takenBack === undefined || at < this.#takenBack) this.#forget();
    else this.#answersAgain = true;
  }

  #forget(): void {
    for (const id of this.#asked.keys()) this.#answers.forget(id);
    this.#asked.clear();
    this.#takenBack = undefined;
    this.#answersAgain = false;
  }

  #openTrack(): FfiHandle[] {
    const { ffi } = this.#bindings;
    const { AUDIO_SOURCE_NATIVE: type } = ffi.AudioSourceType;
    const { source } = requestEngine<NewAudioSourceResponse>(this.#bindings, {
      case: 'newAudioSource',
      value: new ffi.NewAudioSourceRequest({ type, sampleRate: 48_000, numChannels: 1, queueSizeMs: 0 }),
    });
    const sourceHandle = new ffi.FfiHandle(source!.handle!.id!);
    const { track } = requestEngine<CreateAudioTrackResponse>(this.#bindings, {
      case: 'createAudioTrack',
      value: new ffi.CreateAudioTrackRequest({ name: 'narrowcast', sourceHandle: sourceHandle.handle }),
    });
    return [new ffi.FfiHandle(track!.handle!.id!), sourceHandle];
  }
}
