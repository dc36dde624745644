import { EventEmitter } from 'node:events';
import { threadId } from 'node:worker_threads';
import type { FfiEvent, FfiRequest, LogRecord } from '@livekit/rtc-ffi-bindings';
import { onAbortWeakly } from '../abort.js';
import { FfiQueue, type FfiQueueOptions } from '../ffi-queue.js';
import { handleCounts } from '../diagnostics/handles.js';
import { inspection, type InspectOptions, type Inspection } from '../diagnostics/inspect.js';
import { engineStolen } from '../diagnostics/channels.js';
import { stallCounts } from '../diagnostics/stalls.js';
import { fromNative, NarrowcastError } from '../errors.js';
import { native } from '../native.js';
import type { Subscription } from '../subscription.js';
import { boolean, optionsObject } from '../validate.js';
import { loadBindings, type Bindings } from './bindings.js';
import { EngineQueue } from './engine-queue.js';
import { ClientAdapter } from './ffi-client.js';
import { messageOf, reportError } from '../report-error.js';
import { setFrameBudget, type FrameBudgetOptions } from './frame-budget.js';
import { setSpeechBuffer, type SpeechBufferOptions } from './speech-buffer.js';
import { Answers, requestIds } from './requests.js';
import { describeEvents } from './schema.js';
import type { EngineStats } from './stats.js';
import { warnIfUntested } from './tested.js';
import { Watchdog } from './watchdog.js';

/** An event of LiveKit's engine: the cases of its `FfiEvent`, by the names that the bindings give them. */
export type LiveKitEventType = NonNullable<FfiEvent['message']['case']>;

/** An event of LiveKit's engine, decoded by the application's own bindings. */
export type LiveKitEvent = FfiEvent;

/** Events of {@link Engine}. */
export interface EngineEvents {
  /** What the engine logs. Discarded natively while there is no listener. */
  log: [record: LogRecord];
  /** The engine panicked. Unheard, it is an uncaught exception. */
  panic: [error: NarrowcastError];
  /**
   * Another thread had taken the engine's events away, by loading rtc-node without narrowcast; they were taken back. What
   * came in between is lost: up to 1.5 seconds of audio, on a machine that is not overloaded. What was asked before, and had
   * no answer, has rejected with `ANSWER_LOST`.
   */
  stolen: [];
}

/** LiveKit's engine as one thread sees it; made by {@link install}. */
export class Engine extends EventEmitter<EngineEvents> {
  /**
   * Everything that the engine sends, but for the frames of narrowcast's own streams and the answers to its own requests.
   * `handles` match the stream for audio and video stream events, the room for room events, and the async id for answers.
   * A subscription sees the native handles in an event, which rtc-node's client owns; with `own: true` it takes them over.
   * Uninstalled, this thread's subscriptions end.
   */
  readonly queue: EngineQueue<LiveKitEventType, LiveKitEvent>;
  readonly #bindings: Bindings;
  readonly #adapter: ClientAdapter;
  readonly #types: readonly LiveKitEventType[];
  /** The engine's answers to what narrowcast's own classes ask. @internal */
  readonly answers: Answers;
  /** Aborts when narrowcast is uninstalled, or the engine disposed of. */
  readonly #left = new AbortController();
  /** What leaving the thread undoes, last first. */
  readonly #undo: (() => void)[] = [];
  #videoFrames: FfiQueue<LiveKitEventType, LiveKitEvent> | undefined;
  #logs: Subscription<LiveKitEvent> | undefined;

  /** @internal */
  constructor(bindings: Bindings) {
    super();
    this.#bindings = bindings;
    const schema = describeEvents(bindings.ffi);
    const attach = (listener?: number) => fromNative(() => native.engineAttach(bindings.enginePath, schema, listener));
    // Listens only once there is an adapter to hear: until then, rtc-node's client does.
    attach();
    const ids = requestIds();
    this.#types = schema.cases.map(({ name }) => name as LiveKitEventType);
    this.queue = new EngineQueue(this.#queueOptions(), this.#left.signal, () => native.engineQueue());
    const kinds = schema.cases.map(({ name, answer }, kind) => ({ name, answer, kind }));
    const setup = {
      bindings,
      ids,
      kinds: {
        // A panic concerns every thread, whether or not it listens.
        always: kinds.filter(({ name, answer }) => answer || name === 'panic').map(({ kind }) => kind),
        heard: kinds.filter(({ name }) => name !== 'logs').map(({ kind }) => kind),
        audioStream: kinds.findIndex(({ name }) => name === 'audioStreamEvent'),
      },
      onPanic: (message: string) => this.#panicked(message),
      onChange: () => watchdog?.lookSoon(),
    };
    let adapter: ClientAdapter | undefined;
    let watchdog: Watchdog | undefined;
    try {
      const answers = new Answers(bindings, ids);
      this.#undo.push(() => answers.close());
      adapter = ClientAdapter.install(setup);
      this.#undo.push(() => native.engineLeave());
      attach(ids.group);
      watchdog = new Watchdog(bindings, answers, { client: adapter, stolen: (before) => this.#stolen(before) });
      this.#undo.push(() => watchdog!.stop());
      this.#undo.push(hookDispose(bindings, () => this.#disposed()));
      this.answers = answers;
      this.#adapter = adapter;
    } catch (error) {
      this.#leave();
      adapter?.uninstall();
      throw error;
    }
    followLogs(
      this,
      () => this.#openLogs(),
      () => this.#closeLogs(),
    );
  }

  /**
   * Ends `stream`, which is not held for it, when this thread is through with the track: narrowcast is uninstalled, the
   * track is unsubscribed, or its room ends, however that comes.
   *
   * @param end may not be a closure of a scope that has the stream
   * @internal
   */
  endWithTrack<T extends WeakKey>(trackHandle: bigint, stream: T, end: (stream: T) => void): void {
    onAbortWeakly(this.#left.signal, stream, end);
    const trackEnd = this.#adapter.endOf(trackHandle);
    if (trackEnd) onAbortWeakly(trackEnd, stream, end);
  }

  /**
   * Calls `ended`, and holds it until then, when the engine ends its audio stream `stream`: in its place among the events
   * of the room. Returns what forgets it.
   *
   * @internal
   */
  atStreamEnd(stream: bigint, ended: () => void): () => void {
    return this.#adapter.atStreamEnd(stream, ended);
  }

  /** The frames of narrowcast's own video streams, for each thread that opens one. @internal */
  get videoFrames(): FfiQueue<LiveKitEventType, LiveKitEvent> {
    return (this.#videoFrames ??= new FfiQueue(this.#queueOptions(), () => native.engineVideoQueue()));
  }

  /**
   * Asks the engine, for narrowcast's own classes.
   *
   * @param failed what the engine has then not done, for the message
   * @throws {NarrowcastError} `ENGINE_REQUEST_FAILED`, `ENGINE_NOT_INSTALLED`
   * @internal
   */
  request<T>(failed: string, message: FfiRequest['message']): T {
    this.refuseUninstalled();
    try {
      return this.#adapter.client.request<T>({ message });
    } catch (cause) {
      throw new NarrowcastError('ENGINE_REQUEST_FAILED', `the engine ${failed}: ${messageOf(cause)}`, { cause });
    }
  }

  /**
   * Asks the engine to play all of `pcm` into a source, and to answer under an id of {@link answers}. Natively: to make the
   * message in JavaScript takes several times as long as what the engine does with it.
   *
   * @throws {NarrowcastError} as {@link request} does
   * @internal
   */
  captureAudio(sourceHandle: bigint, pcm: Int16Array, sampleRate: number, numChannels: number, id: bigint): void {
    this.refuseUninstalled();
    if (fromNative(() => native.captureAudio(sourceHandle, pcm, sampleRate, numChannels, id))) return;
    // Refused, natively without a word: asked like this, it says why.
    const { ffi } = this.#bindings;
    this.request('captured no frame', {
      case: 'captureAudioFrame',
      value: new ffi.CaptureAudioFrameRequest({
        sourceHandle,
        buffer: new ffi.AudioFrameBufferInfo({
          dataPtr: native.addressOf(pcm),
          numChannels,
          sampleRate,
          samplesPerChannel: pcm.length / numChannels,
        }),
        requestAsyncId: id,
      }),
    });
  }

  /** @throws {NarrowcastError} `ENGINE_NOT_INSTALLED` @internal */
  refuseUninstalled(): void {
    if (shared[ENGINE] === this) return;
    throw new NarrowcastError(
      'ENGINE_NOT_INSTALLED',
      'narrowcast was uninstalled, and with it what was made before: call install() again, and make it anew',
    );
  }

  /** What happened so far, in all threads. */
  stats(): EngineStats {
    const { count: stalls, longestMs: longestStallMs } = stallCounts();
    return { ...fromNative(() => native.engineStats()), stalls, longestStallMs };
  }

  /**
   * What is alive in this thread at this moment: a plain object, which `JSON.stringify` takes. It holds nothing that it
   * names. docs/diagnostics.md explains its fields.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`: an option that it does not have, or of another type
   */
  inspect(options: InspectOptions = {}): Inspection {
    optionsObject('options', options, { handles: true });
    const { handles: counted = false } = options;
    boolean('handles', counted);
    const now = performance.now();
    const found = inspection(now, this.#adapter.inspect(now), this.answers.ages(now), this.stats());
    const handles = counted ? handleCounts(this.#bindings) : undefined;
    return handles ? { ...found, handles } : found;
  }

  /** Version of LiveKit's engine. */
  get version(): string {
    return this.#bindings.engineVersion;
  }

  /**
   * Gives rtc-node its own client back. Nothing reaches narrowcast in this thread after that: subscriptions end, and
   * frames that the engine has not answered for reject. With the last thread that has it installed, all streams end, in
   * all threads; what they have stays readable. Tracks that are piped, and frames that an `AudioSource` has taken, play on.
   */
  uninstall(): void {
    if (shared[ENGINE] !== this) return;
    this.#leave();
    this.#adapter.uninstall();
    // Last: it ends streams, whose frame processors are told, and may install narrowcast again.
    this.#left.abort();
  }

  /** rtc-node's `dispose()` was called: the engine says nothing more. Installed again, narrowcast listens again. */
  #disposed(): void {
    if (shared[ENGINE] !== this) return;
    this.#leave();
    native.engineEndStreams();
    native.engineEndPlaying();
    this.#adapter.disposed();
    this.#left.abort();
  }

  /** Another thread had taken the engine's events, until `before`, on the clock of `performance.now()`. */
  #stolen(before: number): void {
    this.answers.rejectBefore(before);
    this.#adapter.rejectBefore(before);
    if (engineStolen.hasSubscribers) engineStolen.publish({ thread: threadId, stolen: this.stats().stolen });
    try {
      this.emit('stolen');
    } catch (error) {
      reportError(error);
    }
  }

  #leave(): void {
    if (shared[ENGINE] === this) delete shared[ENGINE];
    this.#closeLogs();
    for (const undo of this.#undo.splice(0).toReversed()) undo();
  }

  #queueOptions(): FfiQueueOptions<LiveKitEventType, LiveKitEvent> {
    return { types: this.#types, decode: ({ payload }) => this.#bindings.ffi.FfiEvent.fromBinary(payload) };
  }

  #openLogs(): void {
    if (this.#logs) return;
    // Logs may come faster than they are read, and the latest matter most.
    const logs = this.queue.subscribe({ types: ['logs'], overflow: 'drop-oldest' });
    this.#logs = logs;
    void (async () => {
      for await (const { message } of logs) {
        if (message.case !== 'logs') continue;
        for (const record of message.value.records) this.#log(record);
      }
    })();
  }

  #log(record: LogRecord): void {
    try {
      this.emit('log', record);
    } catch (error) {
      // What comes after it is logged all the same.
      reportError(error);
    }
  }

  #closeLogs(): void {
    void this.#logs?.return();
    this.#logs = undefined;
  }

  #panicked(message: string): void {
    const error = new NarrowcastError(
      'ENGINE_PANIC',
      `LiveKit's engine panicked, and can't be relied on any more: restart the process. It said: ${message}`,
    );
    if (this.listenerCount('panic') > 0) this.emit('panic', error);
    else reportError(error);
  }
}

/**
 * Lets `disposed` know when rtc-node's `dispose()` is over, and returns what undoes that. What an ES module has imported
 * before is the engine's own function: of that call only the watchdog tells.
 */
function hookDispose({ ffi }: Bindings, disposed: () => void): () => void {
  const bindings = ffi as { livekitDispose: () => Promise<void> };
  const dispose = bindings.livekitDispose;
  const hooked = async () => {
    try {
      await dispose();
    } finally {
      disposed();
    }
  };
  bindings.livekitDispose = hooked;
  return () => {
    if (bindings.livekitDispose === hooked) bindings.livekitDispose = dispose;
  };
}

/** Opens the engine's logs with their first listener, and closes them with the last. */
function followLogs(emitter: EventEmitter, open: () => void, close: () => void): void {
  emitter.on('newListener', (name) => {
    if (name === 'log') open();
  });
  emitter.on('removeListener', () => {
    if (emitter.listenerCount('log') === 0) close();
  });
}

/** Options of {@link install}. An unknown one is `INVALID_ARGUMENT`. */
export interface InstallOptions extends FrameBudgetOptions, SpeechBufferOptions {}

/** Where this thread's engine is kept: all copies of narrowcast that it loads share it. */
const ENGINE = Symbol.for('narrowcast.livekit.engine');
const shared = globalThis as { [ENGINE]?: Engine };

/**
 * Puts narrowcast between LiveKit's engine and rtc-node, in this thread: rtc-node's FFI client is replaced, or taken
 * over if it is at work already, and events are filtered natively from now on. Called twice, it returns the same engine;
 * options hold for streams and sources that are opened afterwards.
 * A version of rtc-node that narrowcast was not tested with is a process warning, `NARROWCAST_UNTESTED_RTC_NODE`.
 *
 * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_NOT_FOUND` if rtc-node is not installed or does not load; `ENGINE_INCOMPATIBLE` if
 * it is none that narrowcast knows, or would load a second engine; `VERSION_MISMATCH` if another version of narrowcast uses
 * the engine in this process
 */
export function install(options: InstallOptions = {}): Engine {
  optionsObject<InstallOptions>('options', options, { frameMs: true, maxFrameMs: true, speechBufferMs: true });
  setFrameBudget(options);
  setSpeechBuffer(options);
  const bindings = loadBindings();
  // Looked at only now: under `narrowcast/livekit/register`, to load rtc-node installs narrowcast.
  if (shared[ENGINE]) return shared[ENGINE];
  warnIfUntested(bindings.rtcVersion);
  return (shared[ENGINE] = new Engine(bindings));
}
