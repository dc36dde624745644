// Many streams of several tracks at once; some come and go. Each gets its own frames, in order, all of them.
import { AudioStream } from '@livekit/rtc-node';
import { sayLeftovers } from '../leftovers.mjs';
import { level, openTrack, record } from '../sound.mjs';
import { runs, say, trace, until } from '../trace.mjs';

const [TRACKS, FRAMES] = [4, 80];
const tracks = Array.from({ length: TRACKS }, (_, at) => openTrack({ name: `track ${at}` }));
const streams = tracks.map(({ track }) =>
  Array.from({ length: 4 }, (_, at) => record(new AudioStream(track, { frameSizeMs: at === 3 ? 20 : 10 }))),
);
const comers = [];
for (let i = 0; i < FRAMES; i++) {
  await Promise.all(tracks.map(({ source }, at) => source.captureFrame(level(1000 * at + i))));
  if (i % 10 === 5) comers.push(tracks.map(({ track }) => new AudioStream(track, 48_000)));
  if (i % 10 === 9) await Promise.all(comers.pop().map((stream) => stream.cancel()));
  await until(() => streams.every((of) => of[0].frames.length >= i - 4));
}
await until(() =>
  streams.flat().every(({ frames }) => frames.reduce((sum, frame) => sum + frame.samplesPerChannel, 0) >= 480 * FRAMES),
);
for (const { track } of tracks) await track.close();
await Promise.all(streams.flat().map(({ ended }) => ended));
for (const [at, of] of streams.entries()) {
  const says = trace(`track ${at}`);
  for (const { frames } of of) {
    says('frames', runs(frames.map(({ data }) => data.length)));
    const step = 80 / frames.length;
    says(
      'in order',
      frames.every(({ data }, i) => data[0] === 1000 * at + i * step),
    );
  }
}
say('comers', comers.length);
await sayLeftovers();
process.exit();
