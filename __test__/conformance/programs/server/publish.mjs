// Publishing audio, hearing it, two of them mixed, and what happens when it is unpublished.
import {
  AudioFrame,
  AudioMixer,
  AudioResampler,
  AudioStream,
  RoomEvent,
  TrackKind,
  TrackSource,
} from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { meet, next, publishTone } from '../rooms.mjs';
import { listen, toneShare } from '../sound.mjs';
import { holds, say, until } from '../trace.mjs';

const [agent, caller] = await meet('agent', 'caller');
const tones = [440, 1000];
const published = [];
const tracks = [];
for (const hz of tones) {
  const [subscribed, local] = [next(agent, RoomEvent.TrackSubscribed), next(caller, RoomEvent.LocalTrackPublished)];
  const tone = await publishTone(caller, hz);
  published.push(tone);
  const [track, publication, participant] = await subscribed;
  tracks.push(track);
  await tone.publication.waitForSubscription();
  say('published', [(await local)[0].sid === tone.publication.sid, tone.publication.name, tone.publication.muted]);
  say('subscribed', [
    track.kind === TrackKind.KIND_AUDIO,
    publication.source === TrackSource.SOURCE_MICROPHONE,
    publication.sid === tone.publication.sid,
    publication.subscribed,
    participant.identity,
  ]);
}

const formats = [
  [16_000, 1],
  [48_000, 2],
];
for (const [rate, channels] of formats) {
  const stream = new AudioStream(tracks[0], rate, channels);
  const { value: frame } = await stream.getReader().read();
  say('frame', [frame instanceof AudioFrame, frame.sampleRate, frame.channels, frame.samplesPerChannel]);
}
for (const [i, track] of tracks.entries()) {
  const frames = new AudioStream(track, { sampleRate: 16_000 })[Symbol.asyncIterator]();
  holds(`hears ${tones[i]}`, await listen(frames, 16_000, (samples) => toneShare(samples, tones[i], 16_000) > 0.9));
  await frames.return();
}

const mixer = new AudioMixer(16_000, 1, { blocksize: 1600, streamTimeoutMs: 60_000 });
const inputs = tracks.map((track) => new AudioStream(track, 16_000));
for (const input of inputs) mixer.addStream(input);
const mixed = mixer[Symbol.asyncIterator]();
const both = (samples) => tones.every((hz) => toneShare(samples, hz, 16_000) > 0.3);
holds('mixed', await listen(mixed, 16_000, both));
mixer.removeStream(inputs[1]);
holds('one removed', await listen(mixed, 16_000, (samples) => toneShare(samples, 440, 16_000) > 0.9));
await mixer.aclose();

const resampler = new AudioResampler(48_000, 16_000, 1);
let samples = 0;
for (let i = 0; i < 100; i++) {
  for (const frame of resampler.push(AudioFrame.create(48_000, 1, 480))) samples += frame.samplesPerChannel;
}
for (const frame of resampler.flush()) samples += frame.samplesPerChannel;
resampler.close();
say('resampled', samples);

await published[0].stop();
await published[0].source.waitForPlayout();
say('queued in the end', published[0].source.queuedDuration);
const [unsubscribed, unpublished] = [next(agent, RoomEvent.TrackUnsubscribed), next(agent, RoomEvent.TrackUnpublished)];
await caller.localParticipant.unpublishTrack(published[0].publication.sid);
const [track] = await unsubscribed;
say('unsubscribed', [track.sid === published[0].publication.sid, (await unpublished)[1].identity]);
await until(() => agent.remoteParticipants.get('caller').trackPublications.size === 1);

const [publication] = agent.remoteParticipants.get('caller').trackPublications.values();
const off = next(agent, RoomEvent.TrackUnsubscribed);
publication.setSubscribed(false);
await off;
const on = next(agent, RoomEvent.TrackSubscribed);
publication.setSubscribed(true);
const again = new AudioStream((await on)[0], 16_000)[Symbol.asyncIterator]();
holds('subscribed again', await listen(again, 16_000, (window) => toneShare(window, 1000, 16_000) > 0.9));
await published[1].stop();
await caller.disconnect();
await agent.disconnect();
await sayLeftovers();
process.exit();
