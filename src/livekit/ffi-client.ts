import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { FfiEvent, FfiRequest, PartialMessage } from '@livekit/rtc-ffi-bindings';
import { closed, opened } from '../diagnostics/alive.js';
import { describeListener } from '../diagnostics/describe.js';
import { noteEngineSilence } from '../doorbell.js';
import type { InspectedClient } from '../diagnostics/inspect.js';
import type { RawEvent } from '../event-reader.js';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import { AnswerWaiters, type LastRequest, type Predicate } from './answer-waiters.js';
import type { Bindings } from './bindings.js';
import { handOutSoon, NativeInbox } from './dispatch.js';
import { reportError } from '../report-error.js';
import { RequestSigner } from './request-signer.js';
import type { RequestIds } from './requests.js';
import { isRoomListener, Rooms } from './rooms.js';

/** The one event that rtc-node's client emits. */
const FFI_EVENT = 'ffi_event';

/** A timer this long keeps a process alive and never fires: 12 days, the most that fits. */
const FOREVER_MS = 2 ** 30;

/** The group of what concerns all threads. */
const ALL_GROUPS = 0;

/** What rtc-node expects of its client. */
export interface FfiClient extends EventEmitter {
  request<T>(request: PartialMessage<FfiRequest>): T;
  copyBuffer(pointer: bigint, length: number): Uint8Array;
  retrievePtr(data: Uint8Array): bigint;
  getNextRequestAsyncId(): bigint;
  waitFor<T>(predicate: Predicate, options?: { signal?: AbortSignal }): Promise<T>;
}

/** Where every copy of rtc-node looks for its client. */
const shared = globalThis as { _ffiClientInstance?: unknown };

/** A listener, and perhaps the one that it calls once. */
interface RawListener {
  (event: FfiEvent): void;
  readonly listener?: RawListener;
}

/** Kinds of events: indices into the engine queue's types. */
export interface EventKinds {
  /** Answers, and what concerns every thread whether or not it listens. */
  readonly always: readonly number[];
  /** All that listeners hear, those included. */
  readonly heard: readonly number[];
  /** Events of audio streams. Of narrowcast's own, only the end is one. */
  readonly audioStream: number;
}

/** What an adapter works with. */
export interface AdapterSetup {
  readonly bindings: Bindings;
  readonly kinds: EventKinds;
  readonly ids: RequestIds;
  readonly onPanic: (message: string) => void;
  /** The thread begins to use the engine, or has left its last room: a `dispose()` may come. */
  readonly onChange: () => void;
}

/** The adapter that was installed last in this thread. */
let lastInstalled: ClientAdapter | undefined;

/**
 * Stands in for rtc-node's FFI client: the same interface, fed by the engine's native queue instead of by every event.
 *
 * Answers always come here, whether or not a caller waits yet. The other events come only while there are listeners of
 * `ffi_event`; the frames of narrowcast's own streams never do.
 */
export class ClientAdapter {
  /** What rtc-node uses: an emitter of our own, or the client that rtc-node had made already. */
  readonly client: FfiClient;
  readonly #bindings: Bindings;
  readonly #kinds: EventKinds;
  readonly #always: ReadonlySet<number>;
  readonly #ids: RequestIds;
  readonly #waiters = new AnswerWaiters();
  readonly #rooms: Rooms;
  readonly #existed: boolean;
  /** The asynchronous contexts in which listeners were added, and are called. */
  readonly #contexts = new WeakMap<RawListener, AsyncResource>();
  readonly #signer: RequestSigner;
  /** How many requests were made through this client, and how many events it handed out, by kind. */
  readonly #requests: Record<string, number> = {};
  readonly #events: Record<string, number> = {};
  /** Until a caller of `waitFor` comes for its answer. */
  #lastRequest: LastRequest | undefined;
  /** What is called at the end of a stream, by the engine's handle. */
  readonly #streamEnds = new Map<bigint, () => void>();
  #inbox: NativeInbox;
  /** What came after an uninstall, while what came before it waits to be handed out. */
  #later: FfiEvent[] = [];
  #onPanic: AdapterSetup['onPanic'];
  #onChange: AdapterSetup['onChange'];
  #alive: NodeJS.Timeout | undefined;
  /** Whether the engine says nothing any more until its callback is set again. */
  #silent = false;
  #left = true;

  private constructor({ bindings, kinds, ids, onPanic, onChange }: AdapterSetup) {
    this.#bindings = bindings;
    this.#kinds = kinds;
    this.#always = new Set(kinds.always);
    this.#ids = ids;
    this.#signer = new RequestSigner(ids);
    this.#onPanic = onPanic;
    this.#onChange = onChange;
    this.#rooms = new Rooms((handle, mine) => native.engineClaim(handle, mine ? ids.group : ALL_GROUPS));
    const existing = shared._ffiClientInstance as FfiClient | undefined;
    // One that was left behind by an uninstall has no methods of its own to go back to.
    this.#existed = existing !== undefined && 'request' in Object.getPrototypeOf(existing);
    this.client = existing ?? (new EventEmitter().setMaxListeners(0) as FfiClient);
    this.#inbox = this.#openInbox();
  }

  /**
   * Stands in for this thread's client from now on. A client that has had an adapter gets the same one again: it knows what
   * is on its way, and which callers wait for answers.
   */
  static install(setup: AdapterSetup): ClientAdapter {
    const existing = shared._ffiClientInstance;
    if (!lastInstalled || lastInstalled.client !== existing) lastInstalled = new ClientAdapter(setup);
    lastInstalled.#enter(setup, existing !== undefined);
    return lastInstalled;
  }

  #enter({ onPanic, onChange }: AdapterSetup, atWork: boolean): void {
    this.#left = false;
    this.#silent = false;
    this.#onPanic = onPanic;
    this.#onChange = onChange;
    // What may throw, first.
    if (this.#inbox.closed) this.#inbox = this.#openInbox();
    this.#listen();
    this.#rooms.claimAgain();
    Object.assign(this.client, this.#methods());
    this.client.on('newListener', this.#onNewListener);
    this.client.on('removeListener', this.#onRemoveListener);
    shared._ffiClientInstance = this.client;
    this.#putBefore();
    if (atWork) this.#stayAlive();
  }

  #openInbox(): NativeInbox {
    const queue = fromNative(() => native.engineQueue());
    return new NativeInbox(queue, { kinds: this.#kinds.always, group: this.#ids.group, own: true }, this);
  }

  /** Has the inbox get what listeners hear, or only what comes always, and the ends of streams. */
  #listen(listening = this.#listening): void {
    const { always, heard, audioStream } = this.#kinds;
    if (listening) return this.#inbox.setKinds(heard);
    this.#inbox.setKinds(this.#streamEnds.size > 0 ? [...always, audioStream] : always);
  }

  get #listening(): boolean {
    return this.client.listenerCount(FFI_EVENT) > 0;
  }

  /**
   * Gives rtc-node its own client back, or, where it had made none and rooms use this one, makes this one such a client:
   * it hands out every event, and nothing is filtered any more.
   */
  uninstall(): void {
    const { ffi, rtcVersion } = this.#bindings;
    const inUse = this.#listening || this.#waiters.size > 0;
    this.#leave(!this.#existed && inUse);
    // Open where a caller waits: an engine's thread may be about to put an answer into the queue, and take its time.
    if (!inUse) this.#inbox.close();
    // rtc-node makes a client of its own when it next needs one, and takes the engine's callback with it.
    if (!this.#existed && !inUse) return;
    // Callers that wait for an answer still do.
    ffi.livekitInitialize((data) => this.#handOutLater(data), true, rtcVersion);
  }

  /** The engine was disposed of: nothing more will come. */
  disposed(): void {
    this.#leave(false);
    this.#inbox.close();
  }

  /** Whether a room of this thread is open. */
  get roomsOpen(): boolean {
    return this.#rooms.anyOpen;
  }

  /** @internal For `Engine.inspect`. */
  inspect(now: number): InspectedClient {
    return {
      rooms: this.#rooms.inspect(now),
      pending: this.#waiters.inspect(now),
      requests: { ...this.#requests },
      events: { ...this.#events },
    };
  }

  /** Whether a room of this thread is about to be open. */
  get connecting(): boolean {
    return this.#rooms.anyConnecting;
  }

  /** Whether the process stays alive for what the engine may say. */
  get staysAlive(): boolean {
    return this.#alive !== undefined;
  }

  /** Aborts when this track of another participant has ended; undefined for others. */
  endOf(track: bigint): AbortSignal | undefined {
    return this.#rooms.endOf(track);
  }

  /** See `Engine.atStreamEnd`. */
  atStreamEnd(stream: bigint, ended: () => void): () => void {
    this.#streamEnds.set(stream, ended);
    this.#listen();
    return () => {
      if (this.#streamEnds.delete(stream)) this.#listen();
    };
  }

  /** The engine says nothing more: the process need not stay for it, unless it is asked again. */
  rest(): void {
    this.#silent = true;
    clearInterval(this.#alive);
    this.#alive = undefined;
    noteEngineSilence(true);
  }

  /** The engine was only slow: it does say something. */
  goOn(): void {
    this.#silent = false;
    noteEngineSilence(false);
    this.#stayAlive();
  }

  /** Rejects callers that have waited since before `time`, on the clock of `performance.now()`. */
  rejectBefore(time: number): void {
    for (const listener of this.#rooms.giveUpBefore(time)) this.client.off(FFI_EVENT, listener);
    this.#waiters.rejectBefore(time);
  }

  /** What has come is still handed out. */
  #leave(stays: boolean): void {
    this.#left = true;
    noteEngineSilence(false);
    clearInterval(this.#alive);
    this.#alive = undefined;
    this.client.off('newListener', this.#onNewListener);
    this.client.off('removeListener', this.#onRemoveListener);
    if (stays) return;
    for (const name of Object.keys(this.#methods())) delete (this.client as unknown as Record<string, unknown>)[name];
    if (!this.#existed && shared._ffiClientInstance === this.client) shared._ffiClientInstance = undefined;
  }

  /** The process stays alive, like one that uses rtc-node: an agent may wait for nothing but the room's events. */
  #stayAlive(): void {
    if (this.#left) return;
    if (this.#silent) {
      this.#silent = false;
      noteEngineSilence(false);
      native.engineTakeBack();
      this.rejectBefore(performance.now());
    }
    if (this.#alive) return;
    this.#alive = setInterval(() => {}, FOREVER_MS);
    this.#onChange();
  }

  #methods(): Omit<FfiClient, keyof EventEmitter> {
    const { ffi } = this.#bindings;
    return {
      request: <T>(request: PartialMessage<FfiRequest>): T => {
        this.#stayAlive();
        const message = this.#signer.sign(new ffi.FfiRequest(request));
        const kind = countKind(this.#requests, message.message.case);
        const answer = ffi.FfiResponse.fromBinary(ffi.livekitFfiRequest(message.toBinary())).message;
        this.#lastRequest = { kind, answerId: (answer.value as { asyncId?: bigint } | undefined)?.asyncId };
        if (answer.case === 'connect') this.#rooms.connecting(answer.value.asyncId!);
        if (message.message.case === 'clearAudioBuffer') native.sourceEmptied(message.message.value.sourceHandle!);
        return answer.value as T;
      },
      copyBuffer: (pointer, length) => ffi.livekitCopyBuffer(pointer, length),
      retrievePtr: (data) => ffi.livekitRetrievePtr(data),
      getNextRequestAsyncId: () => this.#ids.nextOfClient(),
      waitFor: <T>(predicate: Predicate, options?: { signal?: AbortSignal }) => {
        const request = this.#lastRequest;
        this.#lastRequest = undefined;
        return this.#waiters.waitFor(predicate, options?.signal, request) as Promise<T>;
      },
    };
  }

  #onNewListener = (name: string | symbol, listener: RawListener): void => {
    if (name !== FFI_EVENT) return;
    this.#contexts.set(listener, new AsyncResource('narrowcast.ffi_event'));
    if (isRoomListener(listener)) this.#rooms.listenerAdded(listener);
    else opened('listeners', listener, describeListener);
    // Called before the listener is added.
    if (!this.#listening) this.#listen(true);
  };

  #onRemoveListener = (name: string | symbol, listener: RawListener): void => {
    if (name !== FFI_EVENT) return;
    closed(listener);
    this.#listen();
  };

  /** @internal For the dispatch loop. */
  notified(): void {
    this.#inbox.notified();
  }

  /** @internal */
  hasNext(): boolean {
    return this.#later.length > 0 || this.#inbox.hasNext();
  }

  /** @internal What came past the queue is none: it is rare, and its order is all that matters. */
  nextIsAnswer(): boolean {
    return this.#later.length === 0 && this.#always.has(this.#inbox.nextKind!);
  }

  /** @internal What came through the queue comes before what came past it, until narrowcast is installed again. */
  handOutNext(): void {
    const raw = this.#left || this.#later.length === 0 ? this.#inbox.take() : undefined;
    if (raw) return this.#handOutRaw(raw);
    const event = this.#later.shift();
    if (event) this.#handOut(event);
  }

  /** Hands out an event that did not come through the queue, in a callback scope of its own. */
  #handOutLater(data: Uint8Array): void {
    try {
      const event = this.#bindings.ffi.FfiEvent.fromBinary(data);
      this.#inbox.notified();
      if (!this.hasNext()) return this.#handOut(event);
      this.#later.push(event);
      handOutSoon(this);
    } catch (error) {
      reportError(error);
    }
  }

  /** Installed again: what still waits came before what came past the queue meanwhile, and that before what comes now. */
  #putBefore(): void {
    if (this.#later.length === 0) return;
    const before: FfiEvent[] = [];
    this.#inbox.notified();
    for (let raw = this.#inbox.take(); raw; raw = this.#inbox.take()) {
      const event = this.#decode(raw);
      if (event) before.push(event);
    }
    this.#later = [...before, ...this.#later];
  }

  #handOutRaw(raw: RawEvent): void {
    const event = this.#decode(raw);
    if (event) this.#handOut(event);
  }

  /** The event, unless it is for no caller and no listener: then what it owns is released. */
  #decode(raw: RawEvent): FfiEvent | undefined {
    let taken = false;
    try {
      // It came for a listener that has left by now.
      if (!this.#always.has(raw.kind) && !this.#listening && !this.#streamEnds.has(raw.handle)) return undefined;
      const event = this.#bindings.ffi.FfiEvent.fromBinary(raw.payload);
      if (this.#waiters.wasGivenUp(event)) {
        this.#leaveRoom(event);
        return undefined;
      }
      taken = true;
      return event;
    } catch (error) {
      // An event that this version of the bindings can't decode: the next one may be another.
      reportError(error);
      return undefined;
    } finally {
      this.#inbox.settle(raw, taken);
    }
  }

  /** Leaves a room whose caller was told that the answer is lost. */
  #leaveRoom({ message }: FfiEvent): void {
    if (message.case !== 'connect' || message.value.message.case !== 'result') return;
    const roomHandle = message.value.message.value.room?.handle?.id;
    // The engine keeps a room from being left until it was told that its events are wanted.
    for (const request of ['readyForRoomEvent', 'disconnect'] as const) {
      try {
        this.client.request({ message: { case: request, value: { roomHandle } } as FfiRequest['message'] });
      } catch {
        // An older engine, or one that has left the room.
      }
    }
  }

  #handOut(event: FfiEvent): void {
    countKind(this.#events, event.message.case);
    if (event.message.case === 'panic') this.#onPanic(event.message.value.message ?? 'unknown');
    this.#waiters.offer(event);
    // As they are: those that are to be called once take themselves off the list.
    for (const listener of this.client.rawListeners(FFI_EVENT) as RawListener[]) {
      try {
        // Nothing knows the contexts of those who listened to a client before narrowcast was installed.
        const context = this.#contexts.get(listener.listener ?? listener);
        if (context) context.runInAsyncScope(listener, this.client, event);
        else listener.call(this.client, event);
      } catch (error) {
        // One listener's fault is not the next one's.
        reportError(error);
      }
    }
    const { message } = event;
    if (message.case === 'audioStreamEvent' && message.value.message.case === 'eos') {
      this.#streamEnds.get(message.value.streamHandle!)?.();
    }
    const { anyOpen } = this.#rooms;
    const ended = this.#rooms.follow(event);
    if (ended) this.client.off(FFI_EVENT, ended);
    if (anyOpen && !this.#rooms.anyOpen) this.#onChange();
  }
}

function countKind(counts: Record<string, number>, kind = 'unknown'): string {
  counts[kind] = (counts[kind] ?? 0) + 1;
  return kind;
}
