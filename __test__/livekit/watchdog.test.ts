import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import * as rtc from '@livekit/rtc-node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AudioStreamTrack } from '../../src/audio-stream-track.js';
import { AudioSource, AudioStream, VideoStream, install } from '../../src/livekit/index.js';
import { runNode } from '../support/child.js';
import { openTracks, play, until } from '../support/meeting.js';

vi.setConfig({ testTimeout: 60_000 }); // on a loaded machine
afterEach(() => install().uninstall());

/** As CommonJS programs have it, and those under `register`. */
const commonJs = createRequire(import.meta.url)('@livekit/rtc-node') as typeof rtc;

/** rtc-node in another thread of this process, without narrowcast: it takes the engine's callback. */
async function loadElsewhere(): Promise<Worker> {
  const code = `
    const { AudioSource } = require('@livekit/rtc-node');
    new AudioSource(48_000, 1);
    require('node:worker_threads').parentPort.once('message', () => process.exit()).postMessage('taken');`;
  const worker = new Worker(code, { eval: true, execArgv: [] });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return worker;
}

test('events that rtc-node in another thread took away are taken back, and said to be', async () => {
  const engine = install();
  const stolen = vi.fn<() => void>();
  engine.on('stolen', stolen);
  const tracks = openTracks(1);
  const stream = new AudioStream(tracks[0]!.track, 16_000);
  const pump = play(tracks, 100_000);
  await until(() => stream.stats().framesIn > 5, 'frames come');
  expect(engine.stats().stolen).toBe(0);

  const thief = await loadElsewhere();
  const { framesIn } = stream.stats();
  await until(() => stolen.mock.calls.length > 0, 'it is noticed', 30_000);
  await until(() => stream.stats().framesIn > framesIn + 20, 'frames come again');
  expect(engine.stats().stolen).toBe(1);
  await thief.terminate();
  pump.stop();
  stream.close();
});

test('silence alone is no theft', async () => {
  const engine = install();
  const stolen = vi.fn<() => void>();
  engine.on('stolen', stolen);
  const stream = new AudioStream(openTracks(1)[0]!.track, 16_000);
  const { answered } = engine.stats();
  // Each of these is a question that was asked in silence.
  await until(() => engine.stats().answered >= answered + 2, 'it was asked twice', 30_000);
  expect(stolen).not.toHaveBeenCalled();
  stream.close();
});

describe("rtc-node's dispose()", () => {
  test('ends our streams, and what is asked after it fails; installed again, all works', async () => {
    const engine = install();
    const [one] = openTracks(1);
    const source = new AudioSource(48_000, 1);
    const video = new VideoStream(rtc.LocalVideoTrack.createVideoTrack('v', new rtc.VideoSource(64, 48))).getReader();
    const [stream, buffered] = [new AudioStream(one!.track, 16_000).getReader(), new AudioStream(one!.track, 16_000)];
    const pump = play([one!], 3);
    await until(() => buffered.stats().framesIn === 3, 'all was played');
    pump.stop();
    for (let i = 0; i < 3; i++) expect((await stream.read()).done).toBe(false);
    // Pictures, black ones, may come before that.
    const endOf = async (reader: { read(): Promise<{ done: boolean }> }) => {
      while (!(await reader.read()).done);
    };
    const pending = [stream.read(), endOf(video)] as const;
    const track = new AudioStreamTrack();
    const piped = track.pipeTo(new rtc.AudioSource(48_000, 1, 0)).then(
      () => undefined,
      (error: unknown) => error,
    );
    track.write({ data: new Int16Array(48_000), sampleRate: 48_000, channels: 1 });

    await commonJs.dispose();
    expect(await piped).toMatchObject({ code: 'ENGINE_REQUEST_FAILED' });
    expect(track.readyState).toBe('live');
    const [last] = await Promise.all(pending);
    expect(last.done).toBe(true);
    expect(buffered.tryRead()).not.toBeNull();
    const frame = rtc.AudioFrame.create(48_000, 1, 480);
    await expect(source.captureFrame(frame)).rejects.toMatchObject({ code: 'ENGINE_NOT_INSTALLED' });
    expect(engine.stats()).toMatchObject({ streams: 0, videoStreams: 0 });

    expect(install()).not.toBe(engine);
    const [two] = openTracks(1);
    const again = new AudioStream(two!.track, 16_000).getReader();
    const replay = play([two!], 1);
    expect((await again.read()).done).toBe(false);
    replay.stop();
    await again.cancel();
  });

  // That is how ES modules have it: the engine's own function, of which narrowcast hears nothing.
  test('imported before install(), lets the process end, and used again, the engine answers', async () => {
    const { status, stdout, stderr } = await runNode('./dispose.mjs', []);
    expect([status, stdout, stderr]).toEqual([0, 'disposed\ncaptured\ndisposed again\n', '']);
  });
});
