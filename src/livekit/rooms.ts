import type { FfiEvent } from '@livekit/rtc-ffi-bindings';

/** What rtc-node's Room adds to the client: it hears every event, and so keeps the room alive. */
type Listener = (event: FfiEvent) => void;

interface OpenRoom {
  /** None: of a room that is not rtc-node's. */
  readonly listener: Listener | undefined;
  /** What the engine's events of this room are about: the room, or the participant that this thread is in it. */
  readonly handles: readonly bigint[];
}

/** The rooms of this thread that have not ended. What is said in them wakes no other thread. */
export class Rooms {
  readonly #claim: (handle: bigint, mine: boolean) => void;
  /** By the async id of the request to connect. */
  readonly #connecting = new Map<bigint, Listener | undefined>();
  /** By the room's handle. */
  readonly #open = new Map<bigint, OpenRoom>();
  #added: Listener | undefined;

  /** @param claim says whether what the engine says about a handle is for this thread alone */
  constructor(claim: (handle: bigint, mine: boolean) => void) {
    this.#claim = claim;
  }

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
  follow({ message }: FfiEvent): Listener | undefined {
    if (message.case === 'connect') {
      const { asyncId, message: outcome } = message.value;
      const listener = this.#connecting.get(asyncId!);
      this.#connecting.delete(asyncId!);
      const { room, localParticipant } = outcome.case === 'result' ? outcome.value : {};
      const id = room?.handle?.id;
      if (id === undefined) return listener;
      const handles = [id, localParticipant?.handle?.id].filter((handle) => handle !== undefined);
      this.#open.set(id, { listener, handles });
      for (const handle of handles) this.#claim(handle, true);
    }
    if (message.case === 'roomEvent' && message.value.message.case === 'eos') {
      const id = message.value.roomHandle!;
      const room = this.#open.get(id);
      this.#open.delete(id);
      for (const handle of room?.handles ?? []) this.#claim(handle, false);
      return room?.listener;
    }
    return undefined;
  }
}
