import { threadId } from 'node:worker_threads';
import type { FfiEvent } from '@livekit/rtc-ffi-bindings';
import type { InspectedRoom } from '../diagnostics/inspect.js';
import { place } from '../diagnostics/place.js';

/** What rtc-node's Room adds to the client: it hears every event, and so keeps the room alive. */
type Listener = (event: FfiEvent) => void;

/** What a listener of rtc-node's Room has in it, in every version and however it was bundled, and no other has. */
const ROOM_LISTENER = /\bthis\.preConnectEvents\b/;

/** Whether rtc-node's Room has added this listener: the program's own stay when the room ends. */
export function isRoomListener(listener: Listener): boolean {
  return ROOM_LISTENER.test(Function.prototype.toString.call(listener));
}

interface Connecting {
  /** When it was asked for, on the clock of `performance.now()`. */
  readonly since: number;
  readonly listener: Listener | undefined;
  /** Where the program asked for it. */
  readonly place: string | undefined;
}

interface OpenRoom {
  readonly name: string;
  /** When the engine said that it is open, on the clock of `performance.now()`. */
  readonly since: number;
  readonly place: string | undefined;
  /** None: of a room that is not rtc-node's. */
  readonly listener: Listener | undefined;
  /** What the engine's events of this room are about: the room, or the participant that this thread is in it. */
  readonly handles: readonly bigint[];
  /** What others publish, by its name on the server. */
  readonly tracks: Map<string, { readonly handle: bigint; readonly end: AbortController }>;
}

/** The rooms of this thread that have not ended, with their tracks. What is said in them wakes no other thread. */
export class Rooms {
  readonly #claim: (handle: bigint, mine: boolean) => void;
  /** By the async id of the request to connect. */
  readonly #connecting = new Map<bigint, Connecting>();
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

  get anyConnecting(): boolean {
    return this.#connecting.size > 0;
  }

  /** @internal For `Engine.inspect`. */
  inspect(now: number): InspectedRoom[] {
    const rooms = [...this.#connecting.values()].map((room) => ({
      ...room,
      name: '',
      tracks: [],
      state: 'connecting',
    }));
    const open = [...this.#open.values()].map((room) => ({ ...room, tracks: [...room.tracks.keys()], state: 'open' }));
    return [...rooms, ...open].map(({ name, since, place, tracks, state }) => ({
      name,
      state: state as InspectedRoom['state'],
      ageMs: Math.round(now - since),
      thread: threadId,
      ...(place !== undefined && { place }),
      tracks,
    }));
  }

  /** An uninstall has given up what was claimed. */
  claimAgain(): void {
    for (const { handles } of this.#open.values()) for (const handle of handles) this.#claim(handle, true);
  }

  /** Aborts when the track is unsubscribed or its room has ended: the engine does not always say so to its streams. */
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
    this.#connecting.set(asyncId, { since: performance.now(), listener: this.#added, place: place() });
    this.#added = undefined;
  }

  /** Gives up rooms that have been connecting since before `time`, on the same clock. Returns their listeners. */
  giveUpBefore(time: number): Listener[] {
    const givenUp = [...this.#connecting].filter(([, { since }]) => since < time);
    for (const [asyncId] of givenUp) this.#connecting.delete(asyncId);
    return givenUp.map(([, { listener }]) => listener).filter((listener) => listener !== undefined);
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
      const { listener, place } = this.#connecting.get(asyncId!) ?? {};
      this.#connecting.delete(asyncId!);
      const { room, localParticipant } = outcome.case === 'result' ? outcome.value : {};
      const id = room?.handle?.id;
      if (id === undefined) return listener;
      const handles = [id, localParticipant?.handle?.id].filter((handle) => handle !== undefined);
      const [name, since] = [room?.info?.name ?? '', performance.now()];
      this.#open.set(id, { name, since, place, listener, handles, tracks: new Map() });
      for (const handle of handles) this.#claim(handle, true);
    }
    if (message.case !== 'roomEvent') return undefined;
    const id = message.value.roomHandle!;
    const room = this.#open.get(id);
    const event = message.value.message;
    if (!room) return undefined;
    if (event.case === 'trackSubscribed') {
      const { handle, info } = event.value.track!;
      room.tracks.set(info!.sid!, { handle: handle!.id!, end: new AbortController() });
    }
    if (event.case === 'trackUnsubscribed') {
      const track = room.tracks.get(event.value.trackSid!);
      if (track) endSoon(track.end);
      room.tracks.delete(event.value.trackSid!);
    }
    // Where it is the server that closes a room, an older engine says no eos, and may leave out what it unsubscribes.
    if (event.case !== 'eos' && event.case !== 'disconnected') return undefined;
    this.#open.delete(id);
    for (const handle of room.handles) this.#claim(handle, false);
    for (const { end } of room.tracks.values()) endSoon(end);
    return room.listener;
  }
}

/**
 * rtc-node's Room handles an event some microtasks after it has heard it, and tells the frame processors of a track's
 * streams that the track leaves the room. So their streams end after that, in the next turn.
 */
function endSoon(end: AbortController): void {
  setImmediate(() => end.abort());
}
