import type { RemoteParticipant, RemoteTrack, RemoteTrackPublication, Room } from '@livekit/rtc-node';
import { loadBindings, type Bindings } from '../../livekit/bindings.js';
import { AudioStream, install, type Engine } from '../../livekit/index.js';
import { messageOf } from '../../report-error.js';
import type { Access } from './access.js';
import { EngineWatch, type EventCounts } from '../shared/engine-watch.js';
import { Failure } from '../shared/failure.js';
import type { RecordedRoom, RoomEnd, Voice } from './room.js';

/** Length of the frames that are read, in ms: the engine's own. */
const FRAME_MS = 10;

/** How long to wait for the server's word when leaving, in ms. */
const LEAVING_MS = 5000;

/** A room on a LiveKit server. Only audio is received: of everything else, not even packets come. */
export class LiveKitRoom implements RecordedRoom {
  readonly broken: Promise<never>;
  readonly ended: Promise<RoomEnd>;
  readonly #access: Access;
  readonly #sampleRate: number;
  readonly #rtc: Bindings['rtc'];
  readonly #engine: Engine;
  readonly #watch: EngineWatch;
  readonly #room: Room;
  readonly #streams = new Map<RemoteTrack, AudioStream>();
  #end!: (end: RoomEnd) => void;
  #break!: (error: unknown) => void;

  /**
   * @param sampleRate that every participant is heard at, in Hz
   * @throws {NarrowcastError} LiveKit is not installed, or not one that narrowcast knows
   */
  constructor(access: Access, sampleRate: number) {
    this.#access = access;
    this.#sampleRate = sampleRate;
    this.#engine = quietly(install);
    this.#watch = new EngineWatch(this.#engine);
    this.#rtc = loadBindings().rtc;
    this.#room = new this.#rtc.Room();
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const refused = new Promise<never>((_, reject) => (this.#break = reject));
    this.broken = Promise.race([this.#watch.broken, refused]);
    this.broken.catch(() => {});
  }

  get name(): string {
    return this.#room.name ?? '';
  }

  async join(): Promise<void> {
    const { url, token } = this.#access;
    const { RoomEvent } = this.#rtc;
    this.#room.on(RoomEvent.Disconnected, (reason) => this.#end(this.#endOf(reason)));
    try {
      await this.#room.connect(url, token, { autoSubscribe: false, dynacast: false });
    } catch (cause) {
      throw joinFailure(url, token, cause);
    }
  }

  listen(hear: (voice: Voice) => void): void {
    const { RoomEvent, TrackKind } = this.#rtc;
    const room = this.#room;
    this.#watch.begin();
    room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
      if (track.kind !== TrackKind.KIND_AUDIO) return;
      try {
        hear(this.#voice(track, publication, participant));
      } catch (error) {
        // rtc-node would log it, and go on.
        this.#break(error);
      }
    });
    room.on(RoomEvent.TrackUnsubscribed, (track) => {
      this.#streams.get(track)?.close();
      this.#streams.delete(track);
    });
    room.on(RoomEvent.TrackPublished, (publication) => this.#subscribe(publication));
    room.on(RoomEvent.Reconnected, () => this.#subscribeAll());
    this.#subscribeAll();
  }

  events(): EventCounts {
    return this.#watch.events();
  }

  async leave(): Promise<void> {
    for (const stream of this.#streams.values()) stream.close();
    let limit: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (limit = setTimeout(resolve, LEAVING_MS)));
    await Promise.race([this.#leave(), timeout]);
    clearTimeout(limit);
    this.#engine.uninstall();
  }

  async #leave(): Promise<void> {
    // What the server says to it does not matter any more.
    await this.#room.disconnect().catch(() => {});
    // A connection that is still being made, or that the server has closed, would keep the process alive.
    await this.#rtc.dispose();
  }

  #subscribeAll(): void {
    for (const { trackPublications } of this.#room.remoteParticipants.values()) {
      for (const publication of trackPublications.values()) this.#subscribe(publication);
    }
  }

  #subscribe(publication: RemoteTrackPublication): void {
    if (publication.kind !== this.#rtc.TrackKind.KIND_AUDIO || publication.subscribed) return;
    try {
      publication.setSubscribed(true);
    } catch {
      // It was taken back meanwhile.
    }
  }

  #voice(track: RemoteTrack, publication: RemoteTrackPublication, { identity }: RemoteParticipant): Voice {
    const stream = new AudioStream(track, { sampleRate: this.#sampleRate, numChannels: 1, frameSizeMs: FRAME_MS });
    this.#streams.set(track, stream);
    return {
      identity,
      screen: publication.source === this.#rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO,
      stream,
      over: () => this.#streams.get(track) !== stream,
      muted: () => publication.muted ?? false,
      close: () => stream.close(),
    };
  }

  #endOf(reason: number): RoomEnd {
    const { DisconnectReason } = this.#rtc;
    switch (reason) {
      case DisconnectReason.ROOM_DELETED:
        return { why: 'the room was deleted', regular: true };
      case DisconnectReason.ROOM_CLOSED:
        return { why: 'the room was closed', regular: true };
      case DisconnectReason.PARTICIPANT_REMOVED:
        return { why: 'the recorder was removed from the room', regular: false };
      case DisconnectReason.DUPLICATE_IDENTITY:
        return { why: 'another client entered the room under the same identity (see --identity)', regular: false };
      case DisconnectReason.SERVER_SHUTDOWN:
        return { why: 'the server shut down', regular: false };
      default: {
        const name = DisconnectReason[reason] ?? String(reason);
        return { why: `the connection to the room was lost (${name})`, regular: false };
      }
    }
  }
}

/** Loads rtc-node, which prints what it logs between our lines: in production, no more than what is important. */
function quietly<T>(load: () => T): T {
  const { NODE_ENV: before } = process.env;
  process.env['NODE_ENV'] = 'production';
  try {
    return load();
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = before;
  }
}

/** What went wrong, in a sentence without the token: the server quotes it. */
function joinFailure(url: string, token: string, cause: unknown): Failure {
  const reason = messageOf(cause)
    .replaceAll(token, '…')
    .replace(/^engine: /, '')
    .replace(/^signal failure: /, '')
    .replace(/^client error: /, '')
    .replaceAll('\n', ' ');
  const refused = /^40[13] \w+ - (.*)$/.exec(reason);
  return refused
    ? new Failure(`the server at ${url} refuses the token: ${refused[1]}`, { cause })
    : new Failure(`can't join a room at ${url}: ${reason}`, { cause });
}
