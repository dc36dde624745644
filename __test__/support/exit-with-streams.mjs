// Ends the process while 64 streams flow, in the way that the first argument names.
import { install, AudioStream, openTracks, play } from './engine-meeting.mjs';
import { until } from './wait.mjs';

const engine = install();
const tracks = openTracks(64);
const pump = play(tracks, 1_000_000);
const streams = tracks.map(({ track }) => new AudioStream(track, 16_000));
let frames = 0;
let ended = 0;
for (const stream of streams) {
  void (async () => {
    for await (const _ of stream) frames++;
    ended++;
  })();
}
await until(() => frames > 640, 'frames flow');

const ways = {
  // No word to anything: what runs natively has to end by itself.
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('an agent fails');
  },
  reject: () => Promise.reject(new Error('an agent fails')),
  // The streams end, their readers are told, and nothing keeps the process alive.
  uninstall: async () => {
    engine.uninstall();
    await until(() => ended === 64, 'all readers are done');
    pump.stop();
    console.log('done');
  },
  close: async () => {
    for (const stream of streams) stream.close();
    await until(() => ended === 64, 'all readers are done');
    engine.uninstall();
    console.log('done');
  },
};
await ways[process.argv[2]]();
