import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { FfiEvent, FfiRequest, PartialMessage } from '@livekit/rtc-ffi-bindings';
import type { FfiQueue } from '../ffi-queue.js';
import { native } from '../native.js';
import type { Subscription } from '../subscription.js';
import type { Asker } from './asker.js';
import type { Bindings } from './bindings.js';
import { Rooms } from './rooms.js';
import { throwLater } from './throw-later.js';

/** The one event that rtc-node's client emits. */
const FFI_EVENT = 'ffi_event';

/** Of narrowcast's own streams, only the end is one. */
const STREAM_EVENT = 'audioStreamEvent';

/** A timer this long keeps a process alive and never fires: 12 days, the most that fits. */
const FOREVER_MS = 2 ** 30;

/** The group of what concerns all threads. */
const EVERYBODY = 0;

type Predicate = (event: FfiEvent) => boolean;

interface Waiter {
  readonly predicate: Predicate;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

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

/** What @bufbuild/protobuf tells of a request's message. */
interface RequestType {
  readonly fields: { list(): readonly { readonly localName: string }[] };
}

/** An answer's kinds, and all others but logs. */
interface EventTypes {
  readonly answers: readonly string[];
  readonly others: readonly string[];
}

/** What an adapter works with. */
interface AdapterSetup {
  readonly bindings: Bindings;
  readonly queue: FfiQueue<string, FfiEvent>;
  readonly types: EventTypes;
  readonly asker: Asker;
  readonly onPanic: (message: string) => void;
}

/** The adapter that was installed last in this thread. */
let lastInstalled: ClientAdapter | undefined;

/**
 * Stands in for rtc-node's FFI client: the same interface, fed by the queue instead of by every event.
 *
 * Answers always come here, whether or not anybody waits yet. The other events come only while somebody listens to
 * `ffi_event`; the frames of narrowcast's own audio streams never do.
 */
export class ClientAdapter {
  /** What rtc-node uses: an emitter of our own, or the client that rtc-node had made already. */
  readonly client: FfiClient;
  readonly #bindings: Bindings;
  readonly #types: EventTypes;
  readonly #waiters = new Set<Waiter>();
  readonly #existed: boolean;
  readonly #asker: Asker;
  /** The contexts of those who listen, which are called in theirs. */
  readonly #contexts = new WeakMap<RawListener, AsyncResource>();
  /** Which requests can be given an async id. */
  readonly #idTaking = new Map<unknown, boolean>();
  #alive: NodeJS.Timeout | undefined;
  /** What is called at the end of a stream, by the engine's handle. */
  readonly #streamEnds = new Map<bigint, () => void>();
  readonly #rooms: Rooms;
  #subscription: Subscription<FfiEvent>;
  /** What came after an uninstall, while what came before it waits to be handed out. */
  readonly #later: FfiEvent[] = [];
  #onPanic: (message: string) => void;
  /** Whether the engine says nothing any more until its callback is set again. */
  #silent = false;
  #left = true;

  private constructor({ bindings, queue, types, asker, onPanic }: AdapterSetup) {
    this.#bindings = bindings;
    this.#types = types;
    this.#asker = asker;
    this.#onPanic = onPanic;
    this.#rooms = new Rooms((handle, mine) => native.engineClaim(handle, mine ? asker.group : EVERYBODY));
    const existing = shared._ffiClientInstance as FfiClient | undefined;
    // One that was left behind by an uninstall has no methods of its own to go back to.
    this.#existed = existing !== undefined && 'request' in Object.getPrototypeOf(existing);
    this.client = existing ?? (new EventEmitter().setMaxListeners(0) as FfiClient);
    this.#subscription = this.#subscribe(queue);
  }

  /**
   * Stands in for this thread's client from now on. A client that has had an adapter gets the same one again: of what is
   * on its way, and of those who wait for answers, it knows.
   */
  static install(setup: AdapterSetup): ClientAdapter {
    const existing = shared._ffiClientInstance;
    if (!lastInstalled || lastInstalled.client !== existing) lastInstalled = new ClientAdapter(setup);
    lastInstalled.#enter(setup, existing !== undefined);
    return lastInstalled;
  }

  #enter({ queue, onPanic }: AdapterSetup, atWork: boolean): void {
    this.#left = false;
    this.#silent = false;
    this.#onPanic = onPanic;
    if (this.#subscription.closed) this.#subscription = this.#subscribe(queue);
    else this.#subscription.setTypes(this.#wanted());
    this.#rooms.claimAgain();
    Object.assign(this.client, this.#methods());
    this.client.on('newListener', this.#onNewListener);
    this.client.on('removeListener', this.#onRemoveListener);
    if (atWork) this.#stayAlive();
    shared._ffiClientInstance = this.client;
  }

  /** An answer that is lost is an await that never ends: what waits grows as it must, by name. */
  #subscribe(queue: AdapterSetup['queue']): Subscription<FfiEvent> {
    const answers = new Set(this.#types.answers);
    const subscription = queue.subscribe(
      {
        types: this.#wanted(),
        overflow: 'grow',
        // Who awaits an answer asks the next question after it.
        wake: 'immediate',
        // What was queued for a listener that has left by now is nobody's: refused, its handles are released natively.
        filter: ({ message }) =>
          answers.has(message.case ?? '') ||
          this.client.listenerCount(FFI_EVENT) > 0 ||
          (message.case === STREAM_EVENT && this.#streamEnds.has(message.value.streamHandle!)),
      },
      this.#asker.group,
    );
    void this.#dispatchAll(subscription);
    return subscription;
  }

  /**
   * Gives rtc-node its own client back, or, where it had made none and rooms use this one, makes this one such a client:
   * it hands out every event, and nothing is filtered any more.
   */
  uninstall(): void {
    const { ffi, rtcVersion } = this.#bindings;
    const inUse = this.client.listenerCount(FFI_EVENT) > 0 || this.#waiters.size > 0;
    this.#leave(!this.#existed && inUse);
    // Open where somebody waits: an engine's thread may be about to put an answer into the queue, and take its time.
    if (!inUse) this.#subscription.close();
    // rtc-node makes a client of its own when it next needs one, and takes the engine's callback with it.
    if (!this.#existed && !inUse) return;
    // Those who wait for an answer of before still do.
    ffi.livekitInitialize((data) => void this.#dispatchLater(ffi.FfiEvent.fromBinary(data)), true, rtcVersion);
  }

  /** The engine was disposed of: nothing more will come. */
  disposed(): void {
    this.#leave(false);
    this.#subscription.close();
  }

  /** Whether a room of this thread is open. */
  get roomsOpen(): boolean {
    return this.#rooms.anyOpen;
  }

  /** Whether it was asked for something, and keeps the process alive for what the engine says. */
  get keepsAlive(): boolean {
    return this.#alive !== undefined;
  }

  /** Aborts when this track of somebody else's has ended; undefined for others. */
  endOf(track: bigint): AbortSignal | undefined {
    return this.#rooms.endOf(track);
  }

  /** See `Engine.atStreamEnd`. */
  atStreamEnd(stream: bigint, ended: () => void): () => void {
    this.#streamEnds.set(stream, ended);
    this.#subscription.setTypes(this.#wanted());
    return () => {
      if (this.#streamEnds.delete(stream)) this.#subscription.setTypes(this.#wanted());
    };
  }

  /** The engine says nothing more: the process need not stay for it, unless it is asked again. */
  rest(): void {
    this.#silent = true;
    clearInterval(this.#alive);
    this.#alive = undefined;
  }

  /** What has come is still handed out. */
  #leave(stays: boolean): void {
    this.#left = true;
    clearInterval(this.#alive);
    this.client.off('newListener', this.#onNewListener);
    this.client.off('removeListener', this.#onRemoveListener);
    if (stays) return;
    for (const name of Object.keys(this.#methods())) delete (this.client as unknown as Record<string, unknown>)[name];
    if (!this.#existed && shared._ffiClientInstance === this.client) shared._ffiClientInstance = undefined;
  }

  /** The process stays alive, like one that uses rtc-node: an agent may wait for nothing but the room's events. */
  #stayAlive(): void {
    if (this.#left) return;
    if (this.#silent) native.engineTakeBack();
    this.#silent = false;
    this.#alive ??= setInterval(() => {}, FOREVER_MS);
  }

  #methods(): Omit<FfiClient, keyof EventEmitter> {
    const { ffi } = this.#bindings;
    return {
      request: <T>(request: PartialMessage<FfiRequest>): T => {
        this.#stayAlive();
        const message = new ffi.FfiRequest(request);
        this.#sign(message.message.value);
        const answer = ffi.FfiResponse.fromBinary(ffi.livekitFfiRequest(message.toBinary())).message;
        if (answer.case === 'connect') this.#rooms.connecting(answer.value.asyncId!);
        if (message.message.case === 'clearAudioBuffer') native.sourceEmptied(message.message.value.sourceHandle!);
        return answer.value as T;
      },
      copyBuffer: (pointer, length) => ffi.livekitCopyBuffer(pointer, length),
      retrievePtr: (data) => ffi.livekitRetrievePtr(data),
      getNextRequestAsyncId: () => this.#asker.nextClientId(),
      waitFor: <T>(predicate: Predicate, options?: { signal?: AbortSignal }) =>
        this.#waitFor(predicate, options?.signal) as Promise<T>,
    };
  }

  /** Gives a request an async id of this thread, unless it has one or takes none: its answer is this thread's alone. */
  #sign(value: unknown): void {
    const request = value as { constructor: unknown; requestAsyncId?: bigint } | undefined;
    if (!request || request.requestAsyncId !== undefined) return;
    const { constructor } = request;
    let takes = this.#idTaking.get(constructor);
    if (takes === undefined) {
      const { fields } = constructor as Partial<RequestType>;
      takes = fields?.list().some(({ localName }) => localName === 'requestAsyncId') ?? false;
      this.#idTaking.set(constructor, takes);
    }
    if (takes) request.requestAsyncId = this.#asker.nextClientId();
  }

  #waitFor(predicate: Predicate, signal?: AbortSignal): Promise<unknown> {
    const { bind } = AsyncResource;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => waiter.reject(signal!.reason);
      const leave = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        predicate: bind(predicate),
        resolve: (value) => (leave(), resolve(value)),
        reject: (reason) => (leave(), reject(reason)),
      };
      signal?.addEventListener('abort', abort);
      this.#waiters.add(waiter);
    });
  }

  #onNewListener = (name: string | symbol, listener: RawListener): void => {
    if (name !== FFI_EVENT) return;
    this.#contexts.set(listener, new AsyncResource('narrowcast.ffi_event'));
    this.#rooms.listenerAdded(listener);
    // Called before the listener is added.
    if (this.client.listenerCount(FFI_EVENT) === 0) {
      this.#subscription.setTypes([...this.#types.answers, ...this.#types.others]);
    }
  };

  #onRemoveListener = (name: string | symbol): void => {
    if (name === FFI_EVENT) this.#subscription.setTypes(this.#wanted());
  };

  #wanted(): string[] {
    if (this.client.listenerCount(FFI_EVENT) > 0) return [...this.#types.answers, ...this.#types.others];
    return this.#streamEnds.size > 0 ? [...this.#types.answers, STREAM_EVENT] : [...this.#types.answers];
  }

  async #dispatchAll(subscription: Subscription<FfiEvent>): Promise<void> {
    for (;;) {
      try {
        const next = await subscription.next();
        if (next.done) return;
        for (let event: FfiEvent | undefined = next.value; event; event = subscription.tryNext()) {
          // Whoever waited for an answer goes on before it gets the event after it: it may only now start to listen.
          if (this.#dispatch(event)) await new Promise(setImmediate);
        }
      } catch (error) {
        // An event that this version of the package can't decode: the next one may be another.
        throwLater(error);
      }
    }
  }

  /** Hands out an event that did not come through the queue, after what the queue still has of before. */
  async #dispatchLater(later: FfiEvent): Promise<void> {
    // Whoever is at it hands out this one, too.
    if (this.#later.push(later) > 1) return;
    while (this.#later.length > 0) {
      try {
        // Installed again, it is the queue that has what came after.
        const before = this.#left ? this.#subscription.tryNext() : undefined;
        const awaited = this.#dispatch(before ?? this.#later.shift()!);
        if (awaited && this.#later.length > 0) await new Promise(setImmediate);
      } catch (error) {
        throwLater(error);
      }
    }
  }

  /** Returns whether somebody waited for the event. */
  #dispatch(event: FfiEvent): boolean {
    let awaited = false;
    if (event.message.case === 'panic') this.#onPanic(event.message.value.message ?? 'unknown');
    for (const waiter of this.#waiters) {
      try {
        if (!waiter.predicate(event)) continue;
        waiter.resolve(event.message.value);
      } catch (error) {
        waiter.reject(error);
      }
      awaited = true;
    }
    // As they are: those that are to be called once take themselves off the list.
    for (const listener of this.client.rawListeners(FFI_EVENT) as RawListener[]) {
      try {
        // Of a client that rtc-node had made already, nobody knows the contexts of those who listened then.
        const context = this.#contexts.get(listener.listener ?? listener);
        if (context) context.runInAsyncScope(listener, this.client, event);
        else listener.call(this.client, event);
      } catch (error) {
        // One listener's fault is not the next one's.
        throwLater(error);
      }
    }
    const { message } = event;
    if (message.case === STREAM_EVENT && message.value.message.case === 'eos') {
      this.#streamEnds.get(message.value.streamHandle!)?.();
    }
    const ended = this.#rooms.follow(event);
    if (ended) this.client.off(FFI_EVENT, ended);
    return awaited;
  }
}
