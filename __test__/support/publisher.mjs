// A participant of a real room in a process of its own: plain rtc-node, which publishes a tone until it is told to leave,
// or until the test is gone. Started by publish() in room.ts.
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';

const { url, token, hz, sampleRate } = JSON.parse(process.argv[2]);
const SECONDS = 1; // whole periods of any whole frequency

const room = new Room();
await room.connect(url, token, { autoSubscribe: false, dynacast: false });
const source = new AudioSource(sampleRate, 1);
const track = LocalAudioTrack.createAudioTrack('tone', source);
await room.localParticipant.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));

const pcm = Int16Array.from({ length: sampleRate * SECONDS }, (_, i) =>
  Math.round(12_000 * Math.sin((2 * Math.PI * hz * i) / sampleRate)),
);
const samples = sampleRate / 100;
const leaving = new AbortController();
process.on('disconnect', () => process.exit());
process.on('message', () => leaving.abort());
process.send('published');

for (let at = 0; !leaving.signal.aborted; at = (at + samples) % pcm.length) {
  await source.captureFrame(new AudioFrame(pcm.slice(at, at + samples), sampleRate, 1, samples));
}
await room.disconnect();
process.send('left', () => process.exit());
