import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type * as Ffi from '@livekit/rtc-ffi-bindings';
import * as rtc from '@livekit/rtc-node';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { AudioStreamTrack } from '../../src/audio-stream-track.js';
import { AudioSource, AudioStream, VideoStream, install } from '../../src/livekit/index.js';
import { native } from '../../src/native.js';
import { runNode } from '../support/child.js';
import { openTracks, play } from '../support/meeting.js';
import { silentServer } from '../support/silent-server.js';
import { until } from '../support/wait.mjs';

afterEach(() => install().uninstall());

/** As CommonJS programs have it, and those under `register`. */
const require = createRequire(import.meta.url);
const commonJs = require('@livekit/rtc-node') as typeof rtc;
const ffi = require('@livekit/rtc-ffi-bindings') as typeof Ffi;

/** Without another thread, there is none that could take anything. */
async function otherThread(): Promise<void> {
  await new Worker('', { eval: true, execArgv: [] }).terminate();
}

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
  const told = vi.fn<(message: unknown) => void>();
  subscribe('narrowcast:engine.stolen', told);
  onTestFinished(() => void unsubscribe('narrowcast:engine.stolen', told));
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
  expect(told.mock.calls).toEqual([[{ thread: 0, stolen: 1 }, 'narrowcast:engine.stolen']]);
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

  // That is how ES modules have it: narrowcast does not see this call of the engine's own function.
  test('imported before install(), lets the process end, and used again, the engine answers', async () => {
    const { status, stdout, stderr } = await runNode('./dispose.mjs', []);
    expect([status, stdout, stderr]).toEqual([0, 'disposed\ncaptured\ndisposed again\n', '']);
  });

  test('imported before install(), lets the process end while a stream is read', async () => {
    const { status, stdout, stderr } = await runNode('./dispose-while-reading.mjs', []);
    expect([status, stdout, stderr]).toEqual([0, 'disposed\n', '']);
  });

  test('imported before install(), ends what native threads play', async () => {
    const { status, stdout } = await runNode('./dispose-while-playing.mjs', []);
    expect([status, stdout]).toEqual([0, 'disposed\nENGINE_REQUEST_FAILED\n']);
  });
});

describe('an answer that does not come', () => {
  /**
   * Holds the watchdog's questions back until what this returns is called, as an engine does that has no processor. `lost`: how
   * many of the first ones never get there. `asked`: how many it has.
   */
  function holdQuestions(): ((lost?: number) => void) & { asked(): number } {
    const { livekitFfiRequest } = ffi;
    const held: Uint8Array[] = [];
    let holding = true;
    vi.spyOn(ffi, 'livekitFfiRequest').mockImplementation((data) => {
      const { message } = ffi.FfiRequest.fromBinary(data);
      if (!holding || message.case !== 'getStats') return livekitFfiRequest(data);
      held.push(data);
      const value = new ffi.GetStatsResponse({ asyncId: message.value.requestAsyncId! });
      return new ffi.FfiResponse({ message: { case: 'getStats', value } }).toBinary();
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const answerAll = (lost = 0) => {
      holding = false;
      for (const data of held.slice(lost)) livekitFfiRequest(data);
    };
    return Object.assign(answerAll, { asked: () => held.length });
  }

  /** A stream is open, in a process with another thread, which could take the engine's callback. */
  async function listening() {
    const engine = install();
    const stolen = vi.fn<() => void>();
    engine.on('stolen', stolen);
    await otherThread();
    const thefts = engine.stats().stolen;
    const stream = new AudioStream(openTracks(1)[0]!.track, 16_000);
    return { engine, stolen, thefts, stream, takeBack: vi.spyOn(native, 'engineTakeBack') };
  }

  test('in time is no theft: the callback is set again, and nothing is rejected', async () => {
    const { engine, stolen, thefts, stream, takeBack } = await listening();
    const waiting = engine.answers.to(engine.answers.newId());
    const rejected = vi.fn<() => void>();
    waiting.catch(rejected);
    const answerAll = holdQuestions();
    await until(() => takeBack.mock.calls.length >= 3, 'it takes the engine for elsewhere');
    const { answered } = engine.stats();
    answerAll();
    await until(() => engine.stats().answered >= answered + 3, 'they are answered');
    const { calls } = takeBack.mock;
    const { length } = calls;
    await until(() => engine.stats().answered >= answered + 6, 'it is asked again, in silence');
    expect(calls).toHaveLength(length);
    expect([engine.stats().stolen, stolen.mock.calls.length, rejected.mock.calls.length]).toEqual([thefts, 0, 0]);
    stream.close();
  });

  test('though a later one does proves a theft, which every thread counts once', async () => {
    const { engine, stolen, thefts, stream, takeBack } = await listening();
    holdQuestions();
    await until(() => takeBack.mock.calls.length >= 1, 'it takes the engine for elsewhere');
    vi.mocked(ffi.livekitFfiRequest).mockRestore();
    await until(() => stolen.mock.calls.length > 0, 'it is said to be');
    expect(engine.stats().stolen).toBe(thefts + 1);
    stream.close();
  });

  test('proves a theft also where the engine is so slow that the callback is set again before it answers', async () => {
    const { engine, stolen, thefts, stream, takeBack } = await listening();
    const waiting = engine.answers.to(engine.answers.newId());
    const answerAll = holdQuestions();
    let lost = 0;
    takeBack.mockImplementationOnce(() => void (lost = answerAll.asked()));
    await until(() => takeBack.mock.calls.length >= 2, 'the callback is set again twice');
    answerAll(lost);
    await expect(waiting).rejects.toMatchObject({ code: 'ANSWER_LOST' });
    expect(stolen).toHaveBeenCalledTimes(1);
    expect(engine.stats().stolen).toBe(thefts + 1);
    stream.close();
  });

  test('uninstall() by a listener of the theft ends the watchdog', async () => {
    const { engine, stream, takeBack } = await listening();
    holdQuestions();
    await until(() => takeBack.mock.calls.length >= 1, 'it takes the engine for elsewhere');
    vi.mocked(ffi.livekitFfiRequest).mockRestore();
    // As if nothing else had come since, so that the look would ask again.
    const { engineStats } = native;
    const { received } = engineStats();
    vi.spyOn(native, 'engineStats').mockImplementation(() => ({ ...engineStats(), received }));
    const begun = await new Promise<unknown[]>((resolve) => {
      engine.on('stolen', () => {
        engine.uninstall();
        const timers = vi.spyOn(globalThis, 'setTimeout');
        const requests = vi.spyOn(ffi, 'livekitFfiRequest');
        // When the look is over that noticed the theft.
        setImmediate(() => resolve([timers.mock.calls.map(([, delay]) => delay), requests.mock.calls.length]));
      });
    });
    expect(begun).toEqual([[], 0]);
    stream.close();
  });

  test('lets an idle process end, and does not, if it comes late', async () => {
    const engine = install();
    const thefts = engine.stats().stolen;
    const keepAlive = vi.spyOn(globalThis, 'setInterval');
    const letGo = vi.spyOn(globalThis, 'clearInterval');
    const source = new rtc.AudioSource(48_000, 1); // the client is used
    expect(keepAlive).toHaveBeenCalledTimes(1);
    const timer = keepAlive.mock.results[0]!.value as NodeJS.Timeout;
    const answerAll = holdQuestions();
    await until(() => letGo.mock.calls.some(([given]) => given === timer), 'the process may end');
    answerAll();
    await until(() => keepAlive.mock.calls.length > 1, 'it may not');
    expect(engine.stats().stolen).toBe(thefts);
    await source.close();
  });
});

test('a theft is noticed while a room is only connecting', async () => {
  const engine = install();
  const stolen = vi.fn<() => void>();
  engine.on('stolen', stolen);
  const connected = new rtc.Room().connect(await silentServer(), 'none', { autoSubscribe: true, dynacast: false });
  const rejected = connected.catch((error: unknown) => error);
  const thief = await loadElsewhere();
  expect(await rejected).toMatchObject({ code: 'ANSWER_LOST' });
  expect(stolen).toHaveBeenCalledTimes(1);
  await thief.terminate();
});

test("what was asked while the engine's events went elsewhere is rejected, and the next capture works", async () => {
  install();
  const stream = new AudioStream(openTracks(1)[0]!.track, 16_000); // something that is missed
  const sources = [new AudioSource(48_000, 1, 0), new rtc.AudioSource(48_000, 1)];
  const capture = () => sources.map((source) => source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480)));
  await Promise.all(capture());
  const thief = await loadElsewhere();
  const outcomes = await Promise.allSettled(capture());
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { code: 'ANSWER_LOST' } },
    { status: 'rejected', reason: { code: 'ANSWER_LOST' } },
  ]);
  await Promise.all(capture());
  await thief.terminate();
  stream.close();
});
