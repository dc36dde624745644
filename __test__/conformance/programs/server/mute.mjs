// A track that the server mutes and unmutes: what both sides hear of it.
import { AudioStream, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet, next, order, publishTone } from '../rooms.mjs';
import { listen, toneShare } from '../sound.mjs';
import { holds, say } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const subscribed = next(agent, RoomEvent.TrackSubscribed);
const tone = await publishTone(caller, 440);
const [track] = await subscribed;
const frames = new AudioStream(track, 16_000)[Symbol.asyncIterator]();
const hears = () => listen(frames, 16_000, (samples) => toneShare(samples, 440, 16_000) > 0.9);
holds('hears', await hears());
for (const muted of [true, false]) {
  const event = muted ? RoomEvent.TrackMuted : RoomEvent.TrackUnmuted;
  const changes = [agent, caller].map(
    (room) => new Promise((resolve) => room.once(event, (of, who) => resolve([of.sid, of.muted, who.identity]))),
  );
  order('mute', { identity: 'caller', trackSid: tone.publication.sid, muted });
  for (const [sid, isMuted, identity] of await Promise.all(changes)) {
    say(event, [identity, sid === tone.publication.sid, isMuted]);
  }
}
holds('hears again', await hears());
await tone.stop();
await caller.disconnect();
await agent.disconnect();
await sayLeftovers();
process.exit();
