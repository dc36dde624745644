// What the users of several copies of rtc-node do, in one process: `hear(rtc, classes)` plays into a copy's tracks and
// listens with `classes`. It returns the frames: of audio, of video, and of a resampler.
import { until } from './wait.mjs';

export async function hear(rtc, { AudioStream, VideoStream, AudioResampler, AudioSource = rtc.AudioSource }) {
  const frame = new rtc.AudioFrame(new Int16Array(480).fill(1000), 48_000, 1, 480);
  const source = new AudioSource(48_000, 1, 0);
  const track = rtc.LocalAudioTrack.createAudioTrack('a', source);
  const reader = new AudioStream(track, 16_000).getReader();
  const heard = reader.read();
  let audio;
  void heard.then(({ value }) => (audio = value));
  await until(() => (void source.captureFrame(frame), audio));
  await reader.cancel();
  await track.close();
  await source.close();

  const videoSource = new rtc.VideoSource(64, 48);
  const picture = new rtc.VideoFrame(new Uint8Array(64 * 48 * 4), 64, 48, rtc.VideoBufferType.RGBA);
  const videoReader = new VideoStream(rtc.LocalVideoTrack.createVideoTrack('v', videoSource)).getReader();
  let video;
  void videoReader.read().then(({ value }) => (video = value.frame));
  await until(() => (videoSource.captureFrame(picture), video));
  await videoReader.cancel();
  await videoSource.close();

  const resampler = new AudioResampler(48_000, 16_000);
  const resampled = [];
  while (resampled.length === 0) resampled.push(...resampler.push(frame));
  const [rest] = resampler.flush();
  resampler.close();
  return { audio, video, resampled: resampled[0], rest };
}

/** The copies whose classes the frames have. */
export function classesOf({ audio, video, resampled, rest }, copies) {
  const of = (frame, name) => Object.keys(copies).filter((copy) => frame instanceof copies[copy][name]);
  return [of(audio, 'AudioFrame'), of(video, 'VideoFrame'), of(resampled, 'AudioFrame'), of(rest, 'AudioFrame')].join(
    ' ',
  );
}
