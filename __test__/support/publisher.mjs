// A participant of a real room in a process of its own: plain rtc-node, which publishes a tone until it is told to publish
// it in another format or to leave, or until the test is gone. Started by publish() in room.ts.
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';

const { url, token, hz, sampleRate, channels } = JSON.parse(process.argv[2]);
const SECONDS = 1; // whole periods of any whole frequency

/** What it was told, and has not done yet: 'leave', or a format. */
const told = [];
process.on('disconnect', () => process.exit());
process.on('message', (message) => told.push(message));

const room = new Room();
await room.connect(url, token, { autoSubscribe: false, dynacast: false });
for (let next = { sampleRate, channels }; next !== 'leave';) next = await publish(next);
await room.disconnect();
process.send('left', () => process.exit());

/** Publishes the tone until something is told, and returns that. */
async function publish({ sampleRate, channels }) {
  const source = new AudioSource(sampleRate, channels);
  const track = LocalAudioTrack.createAudioTrack('tone', source);
  const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
  const { sid } = await room.localParticipant.publishTrack(track, options);
  const pcm = Int16Array.from({ length: sampleRate * SECONDS * channels }, (_, i) =>
    Math.round(12_000 * Math.sin((2 * Math.PI * hz * Math.trunc(i / channels)) / sampleRate)),
  );
  const samples = sampleRate / 100;
  process.send('published');
  for (let at = 0; told.length === 0; at = (at + samples * channels) % pcm.length) {
    const data = pcm.slice(at, at + samples * channels);
    await source.captureFrame(new AudioFrame(data, sampleRate, channels, samples));
  }
  const message = told.shift();
  if (message !== 'leave') await room.localParticipant.unpublishTrack(sid);
  await track.close();
  return message;
}
