import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as rtc from '@livekit/rtc-node';
import { expect, onTestFinished, test } from 'vitest';
import { AudioStreamTrack, Recorder } from '../../src/index.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { block, until } from '../support/wait.mjs';

install();

const RATE = 48_000;
/** Samples of a ms. */
const MS = RATE / 1000;

/** An agent that speaks into LiveKit's engine, and what comes out of the engine, both recorded into one file. */
async function call(queueMs: number) {
  const folder = mkdtempSync(join(tmpdir(), 'narrowcast-recorder-'));
  const path = join(folder, 'call.wav');
  const source = new AudioSource(RATE, 1, queueMs);
  const published = rtc.LocalAudioTrack.createAudioTrack('agent', source as rtc.AudioSource);
  const track = new AudioStreamTrack({ sampleRate: RATE });
  const recorder = await Recorder.open(path, { sampleRate: RATE });
  recorder.record('caller', new AudioStream(published, RATE));
  recorder.record('agent', track);
  track.pipeTo(source as rtc.AudioSource).catch(() => {});
  onTestFinished(async () => {
    track.stop();
    await recorder.close();
    await source.close();
    await published.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const channels = () => {
    const bytes = readFileSync(path);
    const data = new Int16Array(bytes.readUInt32LE(40) / 2).map((_, at) => bytes.readInt16LE(44 + 2 * at));
    return [0, 1].map((channel) => {
      const samples = data.filter((_, at) => at % 2 === channel);
      // Where the player's thread was late, on a busy machine, there may be silence in between.
      return { from: samples.findIndex((sample) => sample !== 0), samples: samples.filter((sample) => sample !== 0) };
    });
  };
  return { track, recorder, channels };
}

const counting = (count: number) => Int16Array.from({ length: count }, (_, at) => 1 + (at % 30_000));

test.each([0, 1000])(
  'Recorder: a track is whole while the thread is blocked, with a queue of %i ms',
  async (queueMs) => {
    const { track, recorder, channels } = await call(queueMs);
    track.write(counting(900 * MS), { final: true });
    block(300);
    await track.waitForPlayout();
    // The engine delivers what it has played a moment later.
    await until(() => recorder.stats().channels['caller']!.recordedMs > 900, 'the engine has played it');
    const played = performance.now();
    await until(() => performance.now() - played > 100, 'its last frame has come');
    await recorder.close();
    const [engine, agent] = channels();
    expect(agent!.samples).toEqual(counting(900 * MS));
    expect(engine!.samples).toEqual(agent!.samples);
    // The engine's stream delivers some ms later.
    expect(Math.abs(engine!.from - agent!.from) / MS).toBeLessThan(120);
    expect(recorder.stats().channels['agent']).toMatchObject({ recordedMs: 900, lostMs: 0 });
  },
);

test('Recorder: an interruption cuts the recording where the caller stopped hearing', async () => {
  const { track, recorder, channels } = await call(1000);
  track.write(counting(2000 * MS));
  await until(() => track.playedMs > 300, 'some of it is heard');
  const { heardMs } = track.interrupt();
  await recorder.close();
  const { samples } = channels()[1]!;
  expect(samples).toEqual(counting(samples.length));
  expect(Math.abs(samples.length / MS - heardMs)).toBeLessThanOrEqual(1);
});
