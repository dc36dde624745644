// A participant of a real room in a process of its own: plain rtc-node, which publishes a tone until it is told to leave,
// or until the test is gone. Started by publish() in room.ts, which also sends what it is to do.
import { AudioFrame, AudioSource, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';

const { url, token, ...tone } = JSON.parse(process.argv[2]);
const SECONDS = 1; // whole periods of any whole frequency

const room = new Room();
await room.connect(url, token, { autoSubscribe: false, dynacast: false });
let playing;

const orders = {
  async publish({ hz, sampleRate, channels = 1, screen = false }) {
    const source = new AudioSource(sampleRate, channels);
    const track = LocalAudioTrack.createAudioTrack('tone', source);
    const { SOURCE_MICROPHONE, SOURCE_SCREENSHARE_AUDIO } = TrackSource;
    const options = new TrackPublishOptions({ source: screen ? SOURCE_SCREENSHARE_AUDIO : SOURCE_MICROPHONE });
    const { sid } = await room.localParticipant.publishTrack(track, options);
    playing = { track, sid, ending: new AbortController() };
    void play(source, hz, playing.ending.signal);
  },
  async unpublish() {
    playing.ending.abort();
    await room.localParticipant.unpublishTrack(playing.sid, true);
  },
  // rtc-node has no method for it.
  mute: ({ mute }) => {
    const value = { trackHandle: playing.track.ffi_handle.handle, mute };
    globalThis._ffiClientInstance.request({ message: { case: 'localTrackMute', value } });
  },
  async leave() {
    playing.ending.abort();
    await room.disconnect();
    process.send('left', () => process.exit());
  },
};

async function play(source, hz, signal) {
  const { sampleRate, numChannels } = source;
  const pcm = Int16Array.from({ length: sampleRate * SECONDS * numChannels }, (_, i) =>
    Math.round(12_000 * Math.sin((2 * Math.PI * hz * Math.floor(i / numChannels)) / sampleRate)),
  );
  const samples = sampleRate / 100;
  for (let at = 0; !signal.aborted; at = (at + samples * numChannels) % pcm.length) {
    await source.captureFrame(
      new AudioFrame(pcm.slice(at, at + samples * numChannels), sampleRate, numChannels, samples),
    );
  }
}

await orders.publish(tone);
process.on('disconnect', () => process.exit());
process.on('message', async ({ order, ...options }) => {
  await orders[order](options);
  if (order !== 'leave') process.send('done');
});
process.send('published');
