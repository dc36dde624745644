import { EventEmitter } from 'node:events';
import type { FfiEvent, FfiRequest, PartialMessage } from '@livekit/rtc-ffi-bindings';
import type { FfiQueue } from '../ffi-queue.js';
import { native } from '../native.js';
import type { Subscription } from '../subscription.js';
import type { Bindings } from './bindings.js';

/** The one event that rtc-node's client emits. */
const FFI_EVENT = 'ffi_event';

/** A timer this long keeps a process alive and never fires: 12 days, the most that fits. */
const FOREVER_MS = 2 ** 30;

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

/** An answer's kinds, and all others but logs. */
export interface EventTypes {
  readonly answers: readonly string[];
  readonly others: readonly string[];
}

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
  readonly #subscription: Subscription<FfiEvent>;
  readonly #waiters = new Set<Waiter>();
  readonly #onPanic: (message: string) => void;
  readonly #existed: boolean;
  #alive: NodeJS.Timeout | undefined;

  constructor(
    bindings: Bindings,
    queue: FfiQueue<string, FfiEvent>,
    types: EventTypes,
    onPanic: (message: string) => void,
  ) {
    this.#bindings = bindings;
    this.#types = types;
    this.#onPanic = onPanic;
    const existing = shared._ffiClientInstance as FfiClient | undefined;
    this.#existed = existing !== undefined;
    this.client = existing ?? (new EventEmitter().setMaxListeners(0) as FfiClient);
    // An answer that is lost is an await that never ends: these grow as they must, by name.
    // What was queued for a listener that has left by now is nobody's: refused, its handles are released natively.
    const answers = new Set(types.answers);
    this.#subscription = queue.subscribe({
      types: this.#wanted(),
      overflow: 'grow',
      // Who awaits an answer asks the next question after it.
      wake: 'immediate',
      filter: ({ message }) => answers.has(message.case ?? '') || this.client.listenerCount(FFI_EVENT) > 0,
    });
    Object.assign(this.client, this.#methods());
    this.client.on('newListener', this.#onNewListener);
    this.client.on('removeListener', this.#onRemoveListener);
    if (this.#existed) this.#stayAlive();
    shared._ffiClientInstance = this.client;
    void this.#dispatchAll();
  }

  /** Gives rtc-node its own client back. */
  uninstall(): void {
    clearInterval(this.#alive);
    this.client.off('newListener', this.#onNewListener);
    this.client.off('removeListener', this.#onRemoveListener);
    void this.#subscription.return();
    for (const name of Object.keys(this.#methods())) delete (this.client as unknown as Record<string, unknown>)[name];
    if (!this.#existed) {
      // rtc-node makes a client of its own when it next needs one, and takes the engine's callback with it.
      if (shared._ffiClientInstance === this.client) shared._ffiClientInstance = undefined;
      return;
    }
    const { ffi } = this.#bindings;
    const emit = (data: Uint8Array) => void this.client.emit(FFI_EVENT, ffi.FfiEvent.fromBinary(data));
    ffi.livekitInitialize(emit, true, this.#bindings.rtcVersion);
  }

  /** The process stays alive, like one that uses rtc-node: an agent may wait for nothing but the room's events. */
  #stayAlive(): void {
    this.#alive ??= setInterval(() => {}, FOREVER_MS);
  }

  #methods(): Omit<FfiClient, keyof EventEmitter> {
    const { ffi } = this.#bindings;
    return {
      request: <T>(request: PartialMessage<FfiRequest>): T => {
        this.#stayAlive();
        const answer = ffi.livekitFfiRequest(new ffi.FfiRequest(request).toBinary());
        return ffi.FfiResponse.fromBinary(answer).message.value as T;
      },
      copyBuffer: (pointer, length) => ffi.livekitCopyBuffer(pointer, length),
      retrievePtr: (data) => ffi.livekitRetrievePtr(data),
      getNextRequestAsyncId: native.nextAsyncId,
      waitFor: <T>(predicate: Predicate, options?: { signal?: AbortSignal }) =>
        this.#waitFor(predicate, options?.signal) as Promise<T>,
    };
  }

  #waitFor(predicate: Predicate, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => waiter.reject(signal!.reason);
      const leave = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        predicate,
        resolve: (value) => (leave(), resolve(value)),
        reject: (reason) => (leave(), reject(reason)),
      };
      signal?.addEventListener('abort', abort);
      this.#waiters.add(waiter);
    });
  }

  #onNewListener = (name: string | symbol): void => {
    // Called before the listener is added.
    if (name === FFI_EVENT && this.client.listenerCount(FFI_EVENT) === 0) {
      this.#subscription.setTypes([...this.#types.answers, ...this.#types.others]);
    }
  };

  #onRemoveListener = (name: string | symbol): void => {
    if (name === FFI_EVENT) this.#subscription.setTypes(this.#wanted());
  };

  #wanted(): string[] {
    const listening = this.client.listenerCount(FFI_EVENT) > 0;
    return listening ? [...this.#types.answers, ...this.#types.others] : [...this.#types.answers];
  }

  async #dispatchAll(): Promise<void> {
    for (;;) {
      try {
        const next = await this.#subscription.next();
        if (next.done) return;
        for (let event: FfiEvent | undefined = next.value; event; event = this.#subscription.tryNext()) {
          // Whoever waited for an answer goes on before it gets the event after it: it may only now start to listen.
          if (this.#dispatch(event)) await new Promise(setImmediate);
        }
      } catch (error) {
        // An event that this version of the package can't decode: the next one may be another.
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
    for (const listener of this.client.listeners(FFI_EVENT)) {
      try {
        listener.call(this.client, event);
      } catch (error) {
        // One listener's fault is not the next one's.
        throwLater(error);
      }
    }
    return awaited;
  }
}

/** Reports an error where an uncaught one is reported. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
