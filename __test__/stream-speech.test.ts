import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AudioFrame, AudioStream, SpeechDetector, type SpeechChange, type SpeechStreamOptions } from '../src/index.js';
import { native } from '../src/native.js';
import { runNode } from './support/child.js';
import { failure, untilCollected } from './support/expect.js';
import { concat, hiss, voice, VOICE_RATE } from './support/voice.js';
import { turn, until } from './support/wait.mjs';

const any = <T>(value: unknown) => value as T;
/** Two utterances, and silence around them; 10 ms more than a whole frame of 20. */
const scene = concat(hiss(1000), voice(2000), hiss(1200), voice(1000), hiss(1010));
const OPTIONS = { minSilenceMs: 320 } satisfies SpeechStreamOptions;
/** Samples of 10 ms. */
const TEN_MS = VOICE_RATE / 100;

type Heard = ['start' | 'end', SpeechChange];

function listening(speech: SpeechStreamOptions, options: ConstructorParameters<typeof AudioStream>[0] = {}) {
  const stream = new AudioStream({ sampleRate: VOICE_RATE, speech: { ...OPTIONS, ...speech }, ...options });
  const heard: Heard[] = [];
  stream.speech.on('speechstart', (change) => heard.push(['start', change]));
  stream.speech.on('speechend', (change) => heard.push(['end', change]));
  return { stream, heard };
}

function write(stream: AudioStream, pcm: Int16Array): void {
  for (let at = 0; at < pcm.length; at += TEN_MS) stream.write(pcm.subarray(at, at + TEN_MS));
}

/** What a detector says of it. */
function detected(pcm: Int16Array): Heard[] {
  const detector = new SpeechDetector({ sampleRate: VOICE_RATE, ...OPTIONS });
  const heard: Heard[] = [];
  detector.on('speechstart', (change) => heard.push(['start', change]));
  detector.on('speechend', (change) => heard.push(['end', change]));
  detector.push(pcm);
  return heard;
}

/** Frames put together where they touch, as from and to; each has what was written at its position. */
function ranges(pcm: Int16Array, frames: readonly AudioFrame[]): [number, number][] {
  const found: [number, number][] = [];
  for (const { data, userdata } of frames) {
    const position = userdata['position'] as number;
    expect(data).toEqual(pcm.slice(position, position + data.length));
    const last = found.at(-1);
    if (last?.[1] === position) last[1] += data.length;
    else found.push([position, position + data.length]);
  }
  return found;
}

const [first, firstEnd, second, secondEnd] = detected(scene).map(([, { position }]) => position) as [
  number,
  number,
  number,
  number,
];

describe("deliver: 'speech'", () => {
  it.each([
    [undefined, 300],
    [0, 0],
    [700, 700],
  ])('gives whole utterances from preRollMs %s before them, and nothing else', async (preRollMs, before) => {
    const { stream } = listening({ deliver: 'speech', ...(preRollMs !== undefined && { preRollMs }) });
    write(stream, scene);
    stream.close();
    const frames: AudioFrame[] = [];
    for await (const frame of stream) frames.push(frame);
    const found = ranges(scene, frames);
    const begin = (position: number) => Math.floor((position - before * 16) / TEN_MS) * TEN_MS;
    expect(found.map(([from]) => from)).toEqual([begin(first), begin(second)]);
    // The silence that ends speech is heard a step late, and the frame that comes in then is delivered whole.
    for (const [i, end] of [firstEnd, secondEnd].entries()) {
      expect(found[i]![1] - end).toBeGreaterThanOrEqual(320 * 16);
      expect(found[i]![1] - end).toBeLessThan(600 * 16);
    }
    expect(
      frames.every(({ samplesPerChannel, userdata }) => samplesPerChannel === TEN_MS && !('speech' in userdata)),
    ).toBe(true);
    const { framesIn, framesOut, framesDropped, framesWithheld } = stream.stats();
    expect([framesIn, framesOut, framesDropped]).toEqual([frames.length, frames.length, 0]);
    expect(framesIn + framesWithheld!).toBe(scene.length / TEN_MS);
  });

  it('wakes the thread for speech alone', async () => {
    const { stream, heard } = listening({ deliver: 'speech' });
    const read = stream.getReader().read();
    await turn();
    const wakes = native.threadWakes();
    write(stream, hiss(10_000));
    await turn();
    expect(native.threadWakes() - wakes).toBe(0);
    expect(stream.stats()).toMatchObject({ framesIn: 0, framesWithheld: 1000 });
    write(stream, voice(1000));
    const { value } = await read;
    expect(value!.userdata['position']).toBeGreaterThan(9_500 * 16);
    await until(() => heard.length === 1, 'speechstart');
    expect(stream.speech.speaking).toBe(true);
    // Otherwise the reader would hold it.
    stream.close();
  });

  it('readInto stops where something was withheld, and says where it is', () => {
    const { stream } = listening({ deliver: 'speech' });
    write(stream, scene);
    stream.close();
    const target = new Int16Array(1001);
    const report = { droppedBefore: 0, position: -1 };
    const found: [number, number][] = [];
    for (let samples = stream.readInto(target, report); samples > 0; samples = stream.readInto(target, report)) {
      expect(target.subarray(0, samples)).toEqual(scene.subarray(report.position, report.position + samples));
      expect(report.droppedBefore).toBe(0);
      const last = found.at(-1);
      if (last?.[1] === report.position) last[1] += samples;
      else found.push([report.position, report.position + samples]);
    }
    expect(found).toHaveLength(2);
  });

  it('joins no frames of two utterances, however late the reader is', () => {
    const { stream } = listening({ deliver: 'speech' }, { maxFrameMs: 200 });
    write(stream, scene);
    stream.close();
    const frames: AudioFrame[] = [];
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) frames.push(frame);
    expect(frames.length).toBeLessThan(30);
    expect(ranges(scene, frames)).toHaveLength(2);
  });

  it('drops the oldest of an utterance that has no room, counts it, and knows where the rest is', () => {
    const { stream } = listening({ deliver: 'speech' }, { bufferMs: 500 });
    write(stream, scene);
    stream.close();
    const frames: AudioFrame[] = [];
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) frames.push(frame);
    expect(frames).toHaveLength(50);
    const [range, ...others] = ranges(scene, frames);
    expect(others).toEqual([]);
    expect(range![0]).toBeGreaterThan(second);
    expect(frames[0]!.userdata['droppedBefore']).toBe(stream.stats().framesDropped);
  });

  it('clear() skips to now, and positions hold', () => {
    const { stream } = listening({ deliver: 'speech' });
    write(stream, scene.subarray(0, 3000 * 16));
    stream.clear();
    write(stream, scene.subarray(3000 * 16));
    stream.close();
    const frames: AudioFrame[] = [];
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) frames.push(frame);
    const [rest, ...others] = ranges(scene, frames);
    expect(rest![0]).toBe(3000 * 16);
    expect(others).toHaveLength(1);
  });
});

describe("deliver: 'all'", () => {
  it('gives everything as without speech, and says which frames have speech', () => {
    for (const deliver of ['all', undefined] as const) {
      const { stream } = listening({ ...(deliver && { deliver }) });
      const frames: AudioFrame[] = [];
      for (let at = 0; at < scene.length; at += TEN_MS) {
        stream.write(scene.subarray(at, at + TEN_MS));
        frames.push(stream.tryRead()!);
      }
      expect(ranges(scene, frames)).toEqual([[0, scene.length]]);
      const flags = frames.map(({ userdata }) => userdata['speech']);
      const changes = flags.flatMap((speech, i) => (speech === (flags[i - 1] ?? false) ? [] : [[i * TEN_MS, speech]]));
      expect(changes.map(([, speech]) => speech)).toEqual([true, false, true, false]);
      for (const [i, position] of [first, firstEnd, second, secondEnd].entries()) {
        const late = (changes[i]![0] as number) - position;
        expect(late).toBeGreaterThan(0);
        expect(late).toBeLessThan((i % 2 === 0 ? 100 : 600) * 16);
      }
      expect(stream.stats().framesWithheld).toBe(0);
      stream.close();
    }
  });
});

describe('stream.speech', () => {
  it.each(['all', 'speech'] as const)('tells what a SpeechDetector tells, with deliver: %s', async (deliver) => {
    const { stream, heard } = listening({ deliver });
    write(stream, scene);
    await until(() => heard.length === 4, 'two utterances');
    expect(heard).toEqual(detected(scene));
    for (const [, { position, ms }] of heard) expect(ms).toBe(position / 16);
    stream.close();
  });

  it('is told of speech that the end of the stream cuts off', async () => {
    for (const end of ['close', 'cancel'] as const) {
      const { stream, heard } = listening({});
      write(stream, scene.subarray(0, 2000 * 16));
      expect(stream.speech.speaking).toBe(true);
      await stream[end]();
      expect(stream.speech.speaking).toBe(false);
      await until(() => heard.length === 2, 'the end of speech');
      expect(heard.map(([what]) => what)).toEqual(['start', 'end']);
      expect(heard[1]![1].position).toBe(2000 * 16);
    }
  });

  it('hears new listeners after removeAllListeners()', async () => {
    const { stream, heard } = listening({});
    stream.speech.removeAllListeners();
    const started = once(stream.speech, 'speechstart');
    write(stream, scene);
    expect(await started).toEqual([detected(scene)[0]![1]]);
    expect(heard).toEqual([]);
    stream.close();
  });

  it('takes listeners at any time: what was before them is not told', async () => {
    const stream = new AudioStream({ sampleRate: VOICE_RATE, speech: OPTIONS });
    write(stream, scene.subarray(0, 3500 * 16));
    const started = once(stream.speech, 'speechstart');
    write(stream, scene.subarray(3500 * 16));
    expect(await started).toEqual([detected(scene)[2]![1]]);
    // The last one has left: no wake for the end.
    await turn();
    const wakes = native.threadWakes();
    write(stream, scene);
    await turn();
    expect(native.threadWakes() - wakes).toBe(0);
    stream.close();
    stream.speech.on('speechend', () => expect.unreachable());
    await turn();
  });

  it('belongs to streams that listen', () => {
    const stream = new AudioStream();
    expect(() => stream.speech).toThrow(failure('INVALID_ARGUMENT', 'open it with the option speech'));
    expect(stream.stats()).not.toHaveProperty('framesWithheld');
  });

  it('keeps its stream while it has listeners, and not afterwards', async () => {
    let ended = false;
    const open = () => {
      const { stream } = listening({});
      stream.speech.once('speechend', () => (ended = true));
      write(stream, scene.subarray(0, 2000 * 16));
      return new WeakRef(stream.speech);
    };
    const speech = open();
    await turn();
    globalThis.gc!();
    await turn();
    expect(speech.deref()).toBeDefined();
    expect(ended).toBe(false);
    speech.deref()!.removeAllListeners('speechstart').removeAllListeners('speechend');
    await untilCollected(() => speech.deref() === undefined, 'the stream is collected');
  });

  it('tells a process that is about to end', async () => {
    const { stdout, stderr, status } = await runNode('speech-at-exit.mjs');
    expect([stdout.trim(), stderr, status]).toEqual(['speechstart speechend', '', 0]);
  });
});

describe('level', () => {
  it('is the peak and the RMS of the last 10 ms, in dBFS', () => {
    const { stream } = listening({ deliver: 'speech' });
    expect(stream.level).toEqual({ peak: -Infinity, rms: -Infinity });
    stream.write(Int16Array.from({ length: TEN_MS }, (_, i) => 32_767 * Math.sin((2 * Math.PI * i) / 16)));
    expect(stream.level.peak).toBeCloseTo(0, 1);
    expect(stream.level.rms).toBeCloseTo(-3.01, 1);
    stream.write(new Int16Array(TEN_MS).fill(-3277));
    expect(stream.level.peak).toBeCloseTo(-20, 1);
    expect(stream.level.rms).toBeCloseTo(-20, 1);
    stream.close();
    const plain = new AudioStream({ sampleRate: VOICE_RATE });
    plain.write(new Int16Array(TEN_MS).fill(16_384));
    expect(plain.level.rms).toBeCloseTo(-6.02, 2);
  });
});

describe('options', () => {
  it.each<[string, unknown]>([
    ['speech is true', true],
    ['speech is "all"', 'all'],
    ['speech.treshold is not known: did you mean threshold?', { treshold: 0.5 }],
    ['speech.threshold is 2', { threshold: 2 }],
    ['speech.minSpeechMs is -1', { minSpeechMs: -1 }],
    ['speech.minSilenceMs is NaN', { minSilenceMs: NaN }],
    ['speech.deliver is "none"', { deliver: 'none' }],
    ['speech.preRollMs is 501: pass a whole number from 0 to 500', { deliver: 'speech', preRollMs: 501 }],
    ['speech.preRollMs is -1', { preRollMs: -1 }],
  ])('that mean nothing are refused: %s', (message, speech) => {
    expect(() => new AudioStream({ bufferMs: 500, speech: any(speech) })).toThrow(failure('INVALID_ARGUMENT', message));
  });

  it('of rates that can not be resampled are refused', () => {
    const open = () => new AudioStream({ sampleRate: 50, frameSizeMs: 20, speech: {} });
    expect(open).toThrow(failure('INVALID_ARGUMENT', 'sampleRate is 50: pass at least 63 with speech'));
  });

  it('a buffer shorter than the usual pre-roll has a pre-roll of its length', () => {
    const { stream } = listening({ deliver: 'speech' }, { bufferMs: 100 });
    write(stream, scene);
    expect(stream.stats().bufferedMs).toBe(100);
    stream.close();
  });
});
