// Run with the ledger build and --expose-gc: joins a real room, reads, cancels and stops reading streams of what others say,
// until these end in the way that was asked for, and tells which of the engine's handles it still knows.
import { Room, RoomEvent, TrackKind } from '@livekit/rtc-node';
import { AudioStream, install, native } from './engine-meeting.mjs';
import { block, turn, until } from './wait.mjs';

const { url, token, tracks: expected, how } = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit(1));

const engine = install();
/** rtc-node's own objects: each releases its handle when it is collected. */
const remembered = [];
const report = await visit();
const timers = activeTimers();
engine.uninstall();
report.timersLess = timers - activeTimers();
await until(() => (gc(), engine.stats().streams === 0), 'forgotten streams are collected');
await until(() => (gc(), remembered.every((ref) => !ref.deref())), 'what rtc-node had made is collected');
// Finalizers run in a turn of the event loop after that.
for (let turns = 0; turns < 10; turns++) await turn();
const { recorded, left, streams } = native.ledgerProbe();
process.removeAllListeners('disconnect');
process.send({ ...report, recorded, left: left.map(String), streamsLeft: streams.map(String) });
process.disconnect();

/** A function of its own: what it had in hand can be collected afterwards. */
async function visit() {
  const room = new Room();
  remembered.push(new WeakRef(room));
  const tracks = [];
  room.on(RoomEvent.TrackSubscribed, (track) => {
    remembered.push(new WeakRef(track), new WeakRef(track.ffi_handle));
    if (track.kind === TrackKind.KIND_AUDIO) tracks.push(track);
  });
  await room.connect(url, token, { autoSubscribe: true, dynacast: false });
  await until(() => tracks.length === expected, 'all are subscribed to');

  // Of each track: a stream that is read to its end, one that is cancelled with frames in flight, one that is forgotten.
  const streams = tracks.map((track) => new AudioStream(track, 16_000));
  const cancelled = tracks.map((track) => new AudioStream(track, 48_000).getReader());
  for (const track of tracks) new AudioStream(track, 16_000);
  await Promise.all(cancelled.map((reader) => reader.read()));
  const ended = streams.map(async (stream) => {
    let frames = 0;
    for await (const _ of stream) frames++;
    return frames;
  });
  block(60);
  await Promise.all(cancelled.map((reader) => reader.cancel()));
  process.send('flowing');
  if (how === 'the program leaves') await room.disconnect();
  if (how === 'the program unsubscribes') {
    for (const { trackPublications } of room.remoteParticipants.values()) {
      for (const publication of trackPublications.values()) publication.setSubscribed(false);
    }
  }

  const frames = await Promise.all(ended);
  for (const participant of [room.localParticipant, ...room.remoteParticipants.values()]) {
    remembered.push(new WeakRef(participant));
  }
  await room.disconnect();
  // Where the server has closed it, the engine's last word on it may be still to come.
  await until(() => globalThis._ffiClientInstance.listenerCount('ffi_event') === 0, 'no listener is left for the room');
  return { frames };
}

function activeTimers() {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
