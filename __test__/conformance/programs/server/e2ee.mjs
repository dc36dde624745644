// End-to-end encryption: participants with the key hear; with another key there is nothing to be heard.
import { AudioStream, EncryptionType, RoomEvent } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { join, next, publishTone } from '../rooms.mjs';
import { listen, toneShare } from '../sound.mjs';
import { holds, say } from '../trace.mjs';

const encryption = (key) => ({
  encryptionType: EncryptionType.GCM,
  keyProviderOptions: { sharedKey: new TextEncoder().encode(key) },
});
const caller = await join('caller', { encryption: encryption('the key') });
const agent = await join('agent', { encryption: encryption('the key') });
const stranger = await join('stranger', { encryption: encryption('not the key') });
const subscribed = [agent, stranger].map((room) => next(room, RoomEvent.TrackSubscribed));
const tone = await publishTone(caller, 440);
holds('encrypted', tone.publication.encryptionType === EncryptionType.GCM);
say(
  'managers',
  [agent, stranger].map((room) => room.e2eeManager.enabled),
);

const [mine, its] = await Promise.all(subscribed);
const hears = (samples) => toneShare(samples, 440, 16_000) > 0.9;
const frames = new AudioStream(mine[0], 16_000)[Symbol.asyncIterator]();
const strange = new AudioStream(its[0], 16_000)[Symbol.asyncIterator]();
const strangers = { heard: false };
void listen(strange, 16_000, hears).then((found) => (strangers.heard = found));
holds('with the key', await listen(frames, 16_000, hears));
// A second more of it, by the clock of what was heard.
let samples = 0;
while (samples < 16_000) samples += (await frames.next()).value.samplesPerChannel;
say('with another', strangers.heard);

const keys = [agent, stranger].map(({ e2eeManager }) => e2eeManager.keyProvider.exportSharedKey(0));
say(
  'keys',
  keys.map((key) => new TextDecoder().decode(key)),
);
await tone.stop();
for (const room of [caller, stranger, agent]) await room.disconnect();
await sayLeftovers();
process.exit();
