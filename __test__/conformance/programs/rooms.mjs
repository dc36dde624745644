// Rooms, for the programs that are in some.
import { AudioSource, LocalAudioTrack, Room, RoomEvent, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';
import { tone } from './sound.mjs';
import { trace, until } from './trace.mjs';

export const { url, rooms } = JSON.parse(process.argv[2]);

/** Has the server do something: see server.test.ts. */
export const order = (what, about) => process.send({ order: what, room: rooms[0].name, ...about });

/** Enters a room as `identity`. */
export async function join(identity, options = {}, { room = new Room(), at = 0 } = {}) {
  await room.connect(url, rooms[at].tokens[identity], { autoSubscribe: true, dynacast: false, ...options });
  return room;
}

/** What `room` says with the next `event`. Call it before what makes it happen. */
export function next(room, event, about = () => true) {
  return new Promise((resolve) => {
    const listener = (...args) => {
      if (!about(...args)) return;
      room.off(event, listener);
      resolve(args);
    };
    room.on(event, listener);
  });
}

/** Both are in the room, and each knows of the other. */
export async function meet(one, other, options = {}) {
  const rooms = [await join(one, options), await join(other, options)];
  for (const room of rooms) await until(() => room.remoteParticipants.size === 1);
  return rooms;
}

/** Publishes a tone of `hz`, which plays until `stop()`. */
export async function publishTone(room, hz, rate = 48_000) {
  const source = new AudioSource(rate, 1, 1000);
  const track = LocalAudioTrack.createAudioTrack(`tone of ${hz} Hz`, source);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  const publication = await room.localParticipant.publishTrack(track, options);
  const stopping = new AbortController();
  const played = (async () => {
    for (let atMs = 0; !stopping.signal.aborted; atMs += 100) {
      await source.captureFrame(tone(hz, { rate, ms: 100, atMs: atMs % 1000 }));
    }
  })();
  return {
    source,
    track,
    publication,
    stop: async () => {
      stopping.abort();
      await played;
    },
  };
}

/** What a room says by itself, at times of its own. */
const unasked = new Set([
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.RoomUpdated,
  RoomEvent.RoomSidChanged,
  'tokenRefreshed',
]);

/** Traces each event of `room`, with what identifies those whom it is about. */
export function sayEvents(room, name) {
  const say = trace(`room of ${name}`);
  const about = (value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Uint8Array) return [...value];
    return value.identity ?? value.name ?? value.message ?? Object.keys(value).toSorted();
  };
  for (const event of Object.values(RoomEvent)) {
    if (!unasked.has(event)) room.on(event, (...args) => say(event, args.map(about)));
  }
  return say;
}
