// Ends the process while tracks are in use, in the way that the first argument names.
import { createRequire } from 'node:module';
import { AudioStreamTrack } from '../../dist/index.js';

const how = process.argv[2];
const pcm = { data: new Int16Array(4800).fill(1), sampleRate: 48_000, channels: 1 };
const tracks = Array.from({ length: 8 }, () => new AudioStreamTrack());
for (const track of tracks) track.write(pcm);

/** Plays all tracks into LiveKit's engine. */
async function pipe() {
  const rtc = createRequire(import.meta.url)('@livekit/rtc-node');
  const { AudioStream, install } = await import('../../dist/livekit/index.js');
  const engine = install();
  const heard = [];
  for (const track of tracks) {
    const source = new rtc.AudioSource(48_000, 1, 0);
    const engineTrack = rtc.LocalAudioTrack.createAudioTrack('agent', source);
    heard.push(new AudioStream(engineTrack, 48_000, 1));
    track.pipeTo(source).then(() => console.log('resolved'));
  }
  while (heard.some((stream) => stream.stats().framesIn < 5)) await new Promise((resolve) => setTimeout(resolve, 5));
  return engine;
}

const ways = {
  'nothing is waited for': () => {},
  'what is waited for is not played': () => {
    for (const track of tracks) void track.waitForPlayout().then(() => console.log('played'));
  },
  'all were stopped': () => {
    for (const track of tracks) track.stop();
  },
  'a frame is waited for': async () => {
    await tracks[0].recv();
    void tracks[0].recv().then(({ pts }) => console.log(pts));
  },
  'exit while a frame is waited for': async () => {
    await tracks[0].recv();
    void tracks[0].recv();
    process.exit(7);
  },
  'exit while piped': async () => {
    await pipe();
    process.exit(7);
  },
  'throw while piped': async () => {
    await pipe();
    throw new Error('mine');
  },
  'uninstalled while piped': async () => {
    (await pipe()).uninstall();
  },
  'stopped while piped': async () => {
    const engine = await pipe();
    for (const track of tracks) track.stop();
    engine.uninstall();
  },
  'playout is waited for while piped': async () => {
    const engine = await pipe();
    tracks[0].write({ ...pcm, data: new Int16Array(9600) });
    engine.uninstall();
    void tracks[0].waitForPlayout().then(() => console.log('played'));
  },
};
await ways[how]();
console.log('last line');
