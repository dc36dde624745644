// FrameProcessor on the track of another participant: which of its methods are called, in every way in which it can end.
import { AudioStream, FrameProcessor, Room, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, next, order, publishTone, rooms } from '../rooms.mjs';
import { record } from '../sound.mjs';
import { runs, soon, trace, until } from '../trace.mjs';

class Recorder extends FrameProcessor {
  calls = [];
  isEnabled() {
    return true;
  }
  setEnabled() {}
  onStreamInfoUpdated({ roomName, participantIdentity, publicationSid }) {
    this.calls.push([
      'onStreamInfoUpdated',
      roomName === rooms[0].name,
      participantIdentity,
      publicationSid.slice(0, 3),
    ]);
  }
  onStreamInfoCleared() {
    this.calls.push('onStreamInfoCleared');
  }
  onCredentialsUpdated({ url }) {
    // The server refreshes the token when it likes to.
    if (!this.calls.flat().includes('onCredentialsUpdated')) this.calls.push(['onCredentialsUpdated', url.slice(0, 5)]);
  }
  onCredentialsCleared() {
    this.calls.push('onCredentialsCleared');
  }
  process(frame) {
    this.calls.push('process');
    return frame;
  }
  close() {
    this.calls.push('close');
  }
  /**
   * Without counts, which are of the clock, and without frames between the last word on the room and `close`, in which a
   * resampler gives what it has held back.
   */
  get said() {
    const closed = this.calls.indexOf('close');
    const cleared = this.calls.indexOf('onCredentialsCleared');
    const isRest = (at) => cleared !== -1 && at > cleared && (closed === -1 || at < closed);
    return runs(this.calls.filter((call, at) => call !== 'process' || !isRest(at))).map(([call]) => call);
  }
}

const ways = {
  'it is cancelled': (_, stream) => stream.cancel(),
  'it is unpublished': ({ caller, sid }) => caller.localParticipant.unpublishTrack(sid),
  'it is unsubscribed': ({ publication }) => publication.setSubscribed(false),
  'who published it leaves': ({ caller }) => caller.disconnect(),
  'the program leaves': ({ agent }) => agent.disconnect(),
  'the server removes the program': () => order('remove', { identity: 'agent' }),
  // Not that the server deletes the room: which of the two it sends away first is a matter of chance.
};
for (const [way, act] of Object.entries(ways)) {
  const say = trace(way);
  const agent = await join('agent', {}, { room: new Room() });
  const caller = await join('caller');
  await until(() => agent.remoteParticipants.size === 1 && caller.remoteParticipants.size === 1);
  const subscribed = next(agent, RoomEvent.TrackSubscribed);
  const tone = await publishTone(caller, 440);
  const [track, publication] = await subscribed;
  const [read, unread, kept] = [new Recorder(), new Recorder(), new Recorder()];
  const stream = new AudioStream(track, { sampleRate: 16_000, noiseCancellation: read });
  const left = new AudioStream(track, { sampleRate: 16_000, noiseCancellation: unread });
  const other = new AudioStream(track, {
    sampleRate: 16_000,
    noiseCancellation: kept,
    autoCloseNoiseCancellation: false,
  });
  const cancelled = way === 'it is cancelled';
  const recorded = cancelled ? undefined : [record(stream), record(other)];
  if (recorded) await until(() => recorded.every(({ frames }) => frames.length > 10));
  else for await (const _ of stream.values({ preventCancel: true })) if (read.calls.length > 12) break;
  await act({ agent, caller, publication, sid: tone.publication.sid }, stream);
  if (cancelled) await Promise.all([left.cancel(), other.cancel()]);
  else say('its streams end', await soon(Promise.all(recorded.map(({ ended }) => ended))));
  await soon(until(() => unread.calls.at(-1) === 'close' && read.calls.at(-1) === 'close'));
  say('read', read.said);
  say(
    'not closed',
    kept.said.filter((call) => !cancelled || call !== 'process'),
  );
  say(
    'unread',
    unread.said.filter((call) => call !== 'process'),
  );
  await tone.stop();
  for (const room of [agent, caller]) await room.disconnect();
  await tone.track.close();
}
await sayLeftovers();
process.exit();
