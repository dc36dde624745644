import type { FfiEvent } from '@livekit/rtc-ffi-bindings';

/** What rtc-node's Room adds to the client: it hears every event, and so keeps the room alive. */
type Listener = (event: FfiEvent) => void;

/** The rooms of this thread that have not ended, and which listener is whose. */
export class Rooms {
  /** By the async id of the request to connect. */
  readonly #connecting = new Map<bigint, Listener | undefined>();
  /** By the room's handle. Without a listener: of a room that is not rtc-node's. */
  readonly #open = new Map<bigint, Listener | undefined>();
  #added: Listener | undefined;

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** A listener was added. A room adds its own and asks to be connected, all at once. */
  listenerAdded(listener: Listener): void {
    this.#added = listener;
    queueMicrotask(() => {
      if (this.#added === listener) this.#added = undefined;
    });
  }

  /** The engine was asked to connect a room, which it has not said yet. */
  connecting(asyncId: bigint): void {
    this.#connecting.set(asyncId, this.#added);
    this.#added = undefined;
  }

  /**
   * To be told of every event, once all listeners have heard it.
   *
   * @returns the listener of a room that this was the last event for. rtc-node takes it away where the program leaves the
   * room, but not where the server closes it, nor, in its older versions, where a room could not be entered
   */
  ended({ message }: FfiEvent): Listener | undefined {
    if (message.case === 'connect') {
      const { asyncId, message: outcome } = message.value;
      const listener = this.#connecting.get(asyncId!);
      this.#connecting.delete(asyncId!);
      const room = outcome.case === 'result' ? outcome.value.room?.handle?.id : undefined;
      if (room === undefined) return listener;
      this.#open.set(room, listener);
    }
    if (message.case === 'roomEvent' && message.value.message.case === 'eos') {
      const room = message.value.roomHandle!;
      const listener = this.#open.get(room);
      this.#open.delete(room);
      return listener;
    }
    return undefined;
  }
}
