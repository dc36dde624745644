import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { LocalAudioTrack } from '@livekit/rtc-node';
import { AudioFrame, AudioStream as PlainStream, AudioStreamTrack, FfiQueue } from '../../src/index.js';
import { AudioSource, AudioStream, install } from '../../src/livekit/index.js';
import { untilCollected } from '../support/expect.js';
import { openTracks, play } from '../support/meeting.js';
import { block, until } from '../support/wait.mjs';

const engine = install();
afterAll(() => engine.uninstall());

/** What comes on a channel until the test is over. */
function hear(name: string): Record<string, unknown>[] {
  const messages: Record<string, unknown>[] = [];
  const listener = (message: unknown) => messages.push(message as Record<string, unknown>);
  subscribe(`narrowcast:${name}`, listener);
  onTestFinished(() => void unsubscribe(`narrowcast:${name}`, listener));
  return messages;
}

/** Uncaught errors until the test is over. */
function uncaught(): unknown[] {
  const errors: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => errors.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  return errors;
}

test('narrowcast:stream.open and .close tell of a stream, with its counts', async () => {
  const open = hear('stream.open');
  const close = hear('stream.close');
  const [one] = openTracks(1);
  const stream = new AudioStream(one!.track, 16_000);
  expect(open).toEqual([
    expect.objectContaining({ medium: 'audio', fedBy: 'engine', sampleRate: 16_000, framesIn: 0 }),
  ]);
  play([one!], 3);
  await until(() => stream.stats().framesIn === 3, 'all came');
  expect(close).toEqual([]);
  stream.close();
  stream.close();
  const { id } = open[0]!;
  expect(close).toEqual([expect.objectContaining({ id, medium: 'audio', framesIn: 3, reason: 'closed' })]);
});

test('narrowcast:stream.close tells of a stream that was collected', async () => {
  const close = hear('stream.close');
  (() => void new PlainStream())();
  await untilCollected(() => close.length > 0, 'it is collected');
  expect(close).toEqual([
    { id: expect.any(Number), ageMs: expect.any(Number), thread: 0, medium: 'audio', reason: 'forgotten' },
  ]);
});

test('narrowcast:stream.drop tells of lost frames when a reader comes to them', () => {
  const drop = hear('stream.drop');
  const stream = new PlainStream({ bufferMs: 50 });
  for (let at = 0; at < 20; at++) stream.write(new Int16Array(480));
  expect(drop).toEqual([]);
  stream.tryRead();
  stream.tryRead();
  expect(drop).toEqual([expect.objectContaining({ medium: 'audio', frames: 15, framesIn: 20, framesDropped: 15 })]);
  stream.close();
});

test('a subscriber that throws is an uncaught error, and the stream goes on', async () => {
  const errors = uncaught();
  const fault = new Error('a subscriber fails');
  const names = ['stream.open', 'stream.close', 'stream.drop'].map((name) => `narrowcast:${name}`);
  const thrower = () => {
    throw fault;
  };
  for (const name of names) subscribe(name, thrower);
  const stream = new PlainStream({ bufferMs: 50 });
  for (let at = 0; at < 20; at++) stream.write(new Int16Array(480));
  const frame = stream.tryRead();
  stream.close();
  for (const name of names) unsubscribe(name, thrower);
  expect(frame!.userdata['droppedBefore']).toBe(15);
  let read = 0;
  for await (const _ of stream) read++;
  expect(read).toBe(4);
  await until(() => errors.length === 3, 'the errors are reported');
  expect(errors).toEqual([fault, fault, fault]);
});

test('narrowcast:stall tells how long the thread was blocked, and what waited and was lost meanwhile', async () => {
  const stalls = hear('stall');
  const begin = performance.now();
  const { stalls: before } = engine.stats();
  const tracks = openTracks(2);
  const [long, short] = [
    new AudioStream(tracks[0]!.track, { sampleRate: 16_000 }),
    new AudioStream(tracks[1]!.track, { sampleRate: 16_000, bufferMs: 100 }),
  ];
  const readers = [long, short].map(async (stream) => {
    for await (const _ of stream);
  });
  play(tracks, 2000);
  await until(() => long.stats().framesOut > 10 && short.stats().framesOut > 10, 'both are read');
  // On a machine that does other things, the thread may be blocked at other times, too, and the engine's threads as well.
  type Stall = Record<'ms' | 'intervalMs' | 'framesWaiting' | 'framesLost', number>;
  const lostSince = (told: number) => (stalls.slice(told) as Stall[]).reduce((sum, each) => sum + each.framesLost, 0);
  const [told, lost, start] = [stalls.length, short.stats().framesDropped, performance.now()];
  while (long.stats().bufferedMs < 350 || short.stats().framesDropped - lost <= 10) block(50);
  const blocked = performance.now() - start;
  const covers = ({ ms, intervalMs }: Stall) => ms + intervalMs > blocked - 2;
  await until(() => (stalls.slice(told) as Stall[]).some(covers), 'the stall is told of');
  const { ms, framesWaiting, framesLost } = (stalls.slice(told) as Stall[]).find(covers)!;
  expect(ms).toBeLessThan(performance.now() - begin);
  // All 10 ms of both tracks: the short one kept 100 ms of its.
  expect(framesWaiting).toBeGreaterThan(30);
  expect(framesLost).toBeGreaterThan(10);
  await until(() => lostSince(told) === short.stats().framesDropped - lost, 'all that was lost is told of');
  expect(engine.stats().stalls).toBe(before + stalls.length);
  const { count, last, longestMs } = engine.inspect().stalls;
  expect({ count, last, longestMs }).toMatchObject({ count: engine.stats().stalls, last: stalls.at(-1) });
  expect(longestMs).toBeGreaterThanOrEqual(ms);
  // What the reader was told of then is no loss of the next stall.
  await until(() => short.stats().bufferedMs < 50, 'it is read again');
  const [toldThen, lostThen] = [stalls.length, short.stats().framesDropped];
  block(300);
  await until(() => stalls.length > toldThen, 'the next stall is told of');
  await until(() => lostSince(toldThen) === short.stats().framesDropped - lostThen, 'what was lost in it is told of');
  for (const stream of [long, short]) stream.close();
  await Promise.all(readers);
});

test('narrowcast:stall and narrowcast:playout.underrun: a subscriber that throws is an uncaught error, and the voice goes on', async () => {
  const errors = uncaught();
  const thrower = () => {
    throw new Error('a subscriber fails');
  };
  const names = ['narrowcast:stall', 'narrowcast:playout.underrun'];
  for (const name of names) subscribe(name, thrower);
  onTestFinished(() => names.forEach((name) => unsubscribe(name, thrower)));
  const { source, sayFor, over, heard } = agent();
  await sayFor(400);
  block(500);
  await sayFor(200);
  await until(() => errors.length >= 2, 'both are reported');
  await source.waitForPlayout();
  await until(() => heard.filter((sample) => sample !== 0).length >= 600 * 16, 'all is heard');
  await over();
});

test('a thread at which nothing arrives has no stalls to report', async () => {
  const stalls = hear('stall');
  const { stalls: before } = engine.stats();
  block(200);
  const queue = new FfiQueue({ types: ['a'] });
  const next = queue.subscribe().next();
  queue.put('a', new Uint8Array(1));
  await next;
  expect(stalls).toEqual([]);
  expect(engine.stats().stalls).toBe(before);
});

test('nothing is described for a channel without a subscriber', () => {
  const stream = new PlainStream();
  const stats = vi.spyOn((stream as unknown as { reader: { stats(): object } }).reader, 'stats');
  stream.close();
  expect(stats).not.toHaveBeenCalled();
});

/** An agent's source, whose track is listened to: something arrives every 10 ms. */
function agent(queueMs = 200) {
  const source = new AudioSource(16_000, 1, queueMs);
  const track = LocalAudioTrack.createAudioTrack('agent', source);
  const stream = new AudioStream(track, { sampleRate: 16_000 });
  const heard: number[] = [];
  const reading = (async () => {
    for await (const { data } of stream) heard.push(...data);
  })();
  const say = (ms: number) =>
    source.captureFrame(new AudioFrame(new Int16Array(16 * ms).fill(1000), 16_000, 1, 16 * ms));
  const sayFor = async (ms: number) => {
    for (let said = 0; said < ms; said += 20) await say(20);
  };
  const over = async () => {
    stream.close();
    await reading;
    await source.close();
    await track.close();
  };
  /** How long what was heard was silent in its middle, in ms. */
  const silentMs = () =>
    heard.slice(heard.indexOf(1000), heard.lastIndexOf(1000)).filter((sample) => sample === 0).length / 16;
  return { source, say, sayFor, over, silentMs, heard };
}

/** Gaps that the program made: on a busy machine, there may be others. */
const byWriter = (underruns: Record<string, unknown>[]) => underruns.filter(({ cause }) => cause === 'writer');

test('narrowcast:playout.underrun and narrowcast:stall tell how much of the voice was missing while the thread was blocked', async () => {
  const [underruns, stalls] = [hear('playout.underrun'), hear('stall')];
  const { source, say, sayFor, over, silentMs, heard } = agent();
  await sayFor(400);
  expect(byWriter(underruns)).toEqual([]);
  const told = stalls.length;
  block(500);
  await sayFor(200);
  await until(() => stalls.length > told, 'the stall is told of');
  await source.waitForPlayout();
  const said = 600 * 16;
  await until(() => heard.filter((sample) => sample !== 0).length >= said, 'all is heard');

  expect(byWriter(underruns)).toHaveLength(1);
  const { ms, queueSize, sampleRate } = byWriter(underruns)[0] as Record<string, number>;
  expect({ queueSize, sampleRate }).toEqual({ queueSize: 200, sampleRate: 16_000 });
  expect(Math.abs(ms! - silentMs())).toBeLessThanOrEqual(30);
  const stall = stalls[told] as Record<string, number>;
  // What waited was played, and then there was nothing until the thread went on.
  expect(stall['voiceBridgedMs']).toBeGreaterThan(100);
  expect(stall['voiceBridgedMs']).toBeLessThanOrEqual(225);
  expect(stall['voiceMissingMs']).toBeGreaterThan(200);
  expect(stall['voiceBridgedMs']! + stall['voiceMissingMs']!).toBeLessThanOrEqual(stall['ms']! + 1);
  expect(engine.inspect().stalls.voiceMissingMs).toBeGreaterThanOrEqual(stall['voiceMissingMs']!);
  // What follows was not to be heard at once.
  await say(20);
  expect(byWriter(underruns)).toHaveLength(1);
  await over();
});

test('narrowcast:playout.underrun: a voice that was interrupted, or waited for, begins anew', async () => {
  const underruns = hear('playout.underrun');
  const { source, sayFor, over } = agent();
  await sayFor(100);
  source.clearQueue();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await sayFor(100);
  await source.waitForPlayout();
  block(50);
  await sayFor(40);
  expect(byWriter(underruns)).toEqual([]);
  await over();
});

test('narrowcast:playout.underrun tells of a track that is piped, but not between its utterances', async () => {
  const underruns = hear('playout.underrun');
  const source = new AudioSource(16_000, 1, 200);
  const rtcTrack = LocalAudioTrack.createAudioTrack('agent', source);
  const track = new AudioStreamTrack({ sampleRate: 16_000 });
  const stop = new AbortController();
  const piping = track.pipeTo(source, { signal: stop.signal }).catch(() => {});
  const pcm = (ms: number) => new Int16Array(16 * ms).fill(1000);
  const utterance = track.say();
  utterance.write(pcm(100));
  block(200);
  utterance.write(pcm(50));
  expect(byWriter(underruns)).toEqual([
    expect.objectContaining({ sampleRate: 16_000, piped: true, ms: expect.any(Number) }),
  ]);
  expect(byWriter(underruns)[0]!['ms']).toBeGreaterThan(70);
  block(150);
  utterance.end();
  block(100);
  track.say().write(pcm(50));
  expect(byWriter(underruns)).toHaveLength(1);
  stop.abort();
  await piping;
  track.stop();
  await rtcTrack.close();
});

test.skipIf(process.platform === 'win32')(
  'narrowcast:playout.underrun tells of a gap that the native thread makes, and so do the stats',
  async () => {
    const underruns = hear('playout.underrun');
    const source = new AudioSource(16_000, 1, 200);
    const rtcTrack = LocalAudioTrack.createAudioTrack('agent', source);
    const track = new AudioStreamTrack({ sampleRate: 16_000 });
    const stop = new AbortController();
    const piping = track.pipeTo(source, { signal: stop.signal }).catch(() => {});
    // All of it is there long before it is to be heard.
    track.write(new Int16Array(16 * 3000).fill(1000), { final: true });
    const played = track.waitForPlayout();
    await until(() => track.playedMs > 100, 'it is heard');
    const told = track.stats().lateMs;
    spawn('sh', ['-c', `kill -STOP ${process.pid}; sleep 0.4; kill -CONT ${process.pid}`]);
    await until(() => track.stats().lateMs > told + 100, 'the gap is counted');
    await played;
    const gaps = underruns.filter(({ cause }) => cause === 'thread');
    expect(gaps).toContainEqual(expect.objectContaining({ sampleRate: 16_000, piped: true, ms: expect.any(Number) }));
    const { lateGaps, lateMs } = track.stats();
    expect(gaps.length).toBeLessThanOrEqual(lateGaps);
    const sum = gaps.reduce((all, { ms }) => all + Number(ms), 0);
    expect(sum).toBeCloseTo(lateMs, 3);
    stop.abort();
    await piping;
    track.stop();
    await rtcTrack.close();
  },
);

test.skipIf(process.platform === 'win32')('the same of an AudioSource, whose frames waited', async () => {
  const underruns = hear('playout.underrun');
  const { source, sayFor, over } = agent();
  const end = Date.now() + 20_000;
  // Again, if no frame waited when the process was stopped.
  while (source.stats().lateGaps === 0 && Date.now() < end) {
    const stopping = once(
      spawn('sh', ['-c', `kill -STOP ${process.pid}; sleep 0.5; kill -CONT ${process.pid}`]),
      'close',
    );
    await sayFor(300);
    await stopping;
    await sayFor(100);
  }
  await source.waitForPlayout();
  const { lateGaps, lateMs } = source.stats();
  expect(lateGaps).toBeGreaterThan(0);
  const gaps = underruns.filter(({ cause }) => cause === 'thread');
  expect(gaps).toContainEqual(expect.objectContaining({ sampleRate: 16_000, queueSize: 200 }));
  expect(gaps.reduce((sum, { ms }) => sum + Number(ms), 0)).toBeCloseTo(lateMs, 3);
  await over();
});
