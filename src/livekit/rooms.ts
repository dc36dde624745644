import type { FfiEvent } from '@livekit/rtc-ffi-bindings';

/** What rtc-node's Room adds to the client: it hears every event, and so keeps the room alive. */
type Listener = (event: FfiEvent) => void;

/** A room that has not ended. */
interface OpenRoom {
  /** Undefined if the room is not rtc-node's. */
  readonly listener: Listener | undefined;
  /** What others publish, by its name on the server. */
  readonly tracks: Map<string, { readonly handle: bigint; readonly end: AbortController }>;
}

/** The rooms of this thread that have not ended, which listener is whose, and which tracks end with which. */
export class Rooms {
  /** By the async id of the request to connect. */
  readonly #connecting = new Map<bigint, Listener | undefined>();
  /** By the room's handle. */
  readonly #open = new Map<bigint, OpenRoom>();
  #added: Listener | undefined;

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Aborts when the track is unsubscribed or its room has ended: the engine does not say so to the track's streams. */
  endOf(track: bigint): AbortSignal | undefined {
    for (const { tracks } of this.#open.values()) {
      for (const { handle, end } of tracks.values()) if (handle === track) return end.signal;
    }
    return undefined;
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

  /** To be told of every event, before anybody hears it. */
  begins({ message }: FfiEvent): void {
    if (message.case === 'connect' && message.value.message.case === 'result') {
      const room = message.value.message.value.room?.handle?.id;
      const listener = this.#connecting.get(message.value.asyncId!);
      if (room !== undefined) this.#open.set(room, { listener, tracks: new Map() });
    }
    if (message.case === 'roomEvent' && message.value.message.case === 'trackSubscribed') {
      const { track } = message.value.message.value;
      const handle = track?.handle?.id;
      const room = this.#open.get(message.value.roomHandle!);
      if (handle !== undefined) room?.tracks.set(track!.info!.sid!, { handle, end: new AbortController() });
    }
  }

  /**
   * To be told of every event, once all listeners have heard it.
   *
   * @returns the listener of a room that this was the last event for. rtc-node takes it away where the program leaves the
   * room, but not where the server closes it, nor, in its older versions, where a room could not be entered
   */
  ended({ message }: FfiEvent): Listener | undefined {
    if (message.case === 'connect') {
      const listener = this.#connecting.get(message.value.asyncId!);
      this.#connecting.delete(message.value.asyncId!);
      return message.value.message.case === 'result' ? undefined : listener;
    }
    if (message.case !== 'roomEvent') return undefined;
    const room = this.#open.get(message.value.roomHandle!);
    const event = message.value.message;
    if (event.case === 'trackUnsubscribed') {
      room?.tracks.get(event.value.trackSid!)?.end.abort();
      room?.tracks.delete(event.value.trackSid!);
    }
    if (event.case !== 'eos') return undefined;
    this.#open.delete(message.value.roomHandle!);
    for (const { end } of room?.tracks.values() ?? []) end.abort();
    return room?.listener;
  }
}
