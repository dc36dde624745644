// Under `--import narrowcast/livekit/register`: opens streams, sources and listeners. `leaks` keeps them all; `tidy` ends
// each soon, and has a few that it uses for good. With a time in ms it ends then; with `dispose` after it, as agents end a job.
import { AudioFrame, AudioSource, AudioStream, dispose, LocalAudioTrack } from '@livekit/rtc-node';
const tidy = process.argv[2] === 'tidy';
const source = new AudioSource(16_000, 1, 0);
const track = LocalAudioTrack.createAudioTrack('caller', source);
const client = globalThis._ffiClientInstance;
const kept = [];
const frame = AudioFrame.create(16_000, 1, 160);
const listen = async (stream) => {
  for await (const _ of stream);
};
if (tidy) for (let at = 0; at < 4; at++) void listen(new AudioStream(track, 16_000));
setInterval(() => {
  const stream = new AudioStream(track, 16_000);
  const spoken = new AudioSource(48_000, 1);
  const listener = () => kept.length;
  client.on('ffi_event', listener);
  if (!tidy) return kept.push(stream, spoken, listener);
  void stream.cancel();
  void spoken.close();
  client.off('ffi_event', listener);
}, 50);
setInterval(() => void source.captureFrame(frame), 10);
setTimeout(
  async () => {
    if (process.argv[4] === 'dispose') await dispose();
    process.exit();
  },
  Number(process.argv[3] ?? 60_000),
);
