// An agent in a real room, in a process of its own: says utterances when it is told to, and lets itself be interrupted. Started
// by far-end.ts. `voice`: 'peer', rtc-node's AudioSource; 'source', narrowcast's; 'queued' and 'direct', a track that is
// piped to a source with a queue and without.
import * as rtc from '@livekit/rtc-node';
import { AudioStreamTrack } from '../../dist/index.js';
import * as narrowcast from '../../dist/livekit/index.js';
import { chirp, RATE } from './chirp.mjs';

const { url, token, voice, queueMs, speechBufferMs } = JSON.parse(process.argv[2]);
const isPeer = voice === 'peer';
if (!isPeer) narrowcast.install({ speechBufferMs });

const room = new rtc.Room();
await room.connect(url, token, { autoSubscribe: false, dynacast: false });
const source = new (isPeer ? rtc : narrowcast).AudioSource(RATE, 1, queueMs);
const published = rtc.LocalAudioTrack.createAudioTrack('agent', source);
const options = new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE });
await room.localParticipant.publishTrack(published, options);
const track = voice === 'queued' || voice === 'direct' ? new AudioStreamTrack({ sampleRate: RATE }) : undefined;
track?.pipeTo(source).catch(() => {});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const frameOf = (pcm) => new rtc.AudioFrame(pcm, RATE, 1, pcm.length);

/** Says samples. `over` resolves when all is written; `stop()` when no more is to be. */
function say(pcm) {
  let [goesOn, pushedMs] = [true, 0];
  const write = async () => {
    for (let at = 0; at < pcm.length; at += RATE / 100) {
      if (!goesOn) return;
      const piece = pcm.slice(at, at + RATE / 100);
      pushedMs += 10;
      await source.captureFrame(frameOf(piece)).catch(() => {});
    }
  };
  if (track) track.write(pcm, { final: true });
  const over = track ? undefined : write();
  return { over, stop: () => ((goesOn = false), pushedMs) };
}

/** Silence at once. Returns what the caller has heard of what was said, as far as the agent knows. */
function interrupt(saying) {
  const pushedMs = saying.stop();
  if (track) return track.interrupt().heardMs;
  if (!isPeer) return source.interrupt().heardMs;
  const heardMs = pushedMs - source.queuedDuration;
  source.clearQueue();
  return heardMs;
}

const orders = {
  async barge({ cut, afterMs, gapMs, next }) {
    const saying = say(chirp(cut));
    await sleep(afterMs);
    const heardMs = interrupt(saying);
    if (gapMs > 0) await sleep(gapMs);
    const { over } = say(chirp(next));
    await over;
    await (track ?? source).waitForPlayout();
    return { heardMs };
  },
  /** The thread is blocked for 300 ms in every second meanwhile. */
  async blocked({ utterance }) {
    const blocking = setInterval(() => {
      for (const end = performance.now() + 300; performance.now() < end;);
    }, 1000);
    await say(chirp(utterance)).over;
    await (track ?? source).waitForPlayout();
    clearInterval(blocking);
    return {};
  },
};

process.on('disconnect', () => process.exit());
process.on('message', async ({ order, ...what }) => {
  if (order === 'leave') {
    await room.disconnect();
    return process.send('left', () => process.exit());
  }
  process.send(await orders[order](what));
});
process.send('published');
