import { EventEmitter } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../scripts/cache-folder.mjs';
import { createVad, type AgentsModule, type VadOptions } from '../../src/agents/index.js';
import { AudioFrame, SpeechDetector } from '../../src/index.js';
import { failure } from '../support/expect.js';
import { concat, hiss, voice, VOICE_RATE } from '../support/voice.js';

const any = <T>(value: unknown) => value as T;
const START = 0;
const INFERENCE = 1;
const END = 2;

/** agents' VADEvent, as far as it is looked at here. */
interface Event {
  type: number;
  samplesIndex: number;
  timestamp: number;
  speechDuration: number;
  silenceDuration: number;
  frames: AudioFrame[];
  probability: number;
  inferenceDuration: number;
  speaking: boolean;
  rawAccumulatedSilence: number;
  rawAccumulatedSpeech: number;
}

/** agents' VADStream. */
interface Stream extends AsyncIterable<Event> {
  updateInputStream(source: ReadableStream<AudioFrame>): void;
  detachInputStream(): void;
  pushFrame(frame: AudioFrame): void;
  flush(): void;
  endInput(): void;
  next(): Promise<IteratorResult<Event>>;
  close(): void;
}

interface Vad extends EventEmitter {
  readonly label: string;
  readonly minSilenceDuration: number;
  readonly capabilities: { updateInterval: number };
  stream(): Stream;
  updateOptions(options: VadOptions): void;
}

/** The shape of agents' classes, for where agents is not installed. */
function standIn(): AgentsModule {
  class VAD extends EventEmitter {
    constructor(readonly capabilities: { updateInterval: number }) {
      super();
    }
    get minSilenceDuration(): number | null {
      return null;
    }
  }
  class VADStream {
    readonly logger = { warn: vi.fn() };
    closes = 0;
    updateInputStream() {}
    detachInputStream() {}
    pushFrame() {}
    flush() {}
    endInput() {}
    next() {}
    close() {
      this.closes++;
    }
  }
  return any({
    VAD,
    VADStream,
    VADEventType: { START_OF_SPEECH: START, INFERENCE_DONE: INFERENCE, END_OF_SPEECH: END },
  });
}

/** agents itself, if `npm run bench -- agent` has installed it. */
function installed(): AgentsModule | undefined {
  const cache = cacheFolder();
  const folders =
    cache && existsSync(cache) ? readdirSync(cache).filter((name) => /^agents-[0-9a-f]+$/.test(name)) : [];
  const folder = folders.map((name) => join(cache!, name, 'node_modules', '@livekit', 'agents')).find(existsSync);
  if (!folder) return undefined;
  const agents = createRequire(join(folder, 'package.json'))('@livekit/agents') as AgentsModule & {
    initializeLogger(options: object): void;
  };
  agents.initializeLogger({ pretty: false, level: 'silent' });
  return agents;
}

const scene = concat(hiss(1000), voice(2000), hiss(1200));
const real = installed();
const modules: [string, () => AgentsModule][] = [
  ['a stand-in', standIn],
  ...(real ? [['@livekit/agents', () => real] as [string, () => AgentsModule]] : []),
];

function frames(pcm: Int16Array, ms = 10, rate = VOICE_RATE): AudioFrame[] {
  const length = (rate * ms) / 1000;
  return Array.from({ length: Math.ceil(pcm.length / length) }, (_, i) => {
    const data = pcm.slice(i * length, (i + 1) * length);
    return new AudioFrame(data, rate, 1, data.length);
  });
}

describe.each(modules)('createVad, with %s', (_, agents) => {
  const open = (options?: VadOptions) => any<Vad>(createVad(agents(), options));

  /** The events of a scene, up to its end. */
  async function heard(options: VadOptions | undefined, ...pcm: AudioFrame[]): Promise<Event[]> {
    const stream = open(options).stream();
    for (const frame of pcm) stream.pushFrame(frame);
    stream.endInput();
    const events: Event[] = [];
    for await (const event of stream) events.push(event);
    stream.close();
    return events;
  }

  it("is agents' VAD, whose streams are agents' VADStream", () => {
    const module = agents();
    const vad = any<Vad>(createVad(module));
    expect(vad).toBeInstanceOf(module.VAD);
    expect(vad.stream()).toBeInstanceOf(module.VADStream);
    expect([vad.label, vad.minSilenceDuration, vad.capabilities.updateInterval]).toEqual(['narrowcast.VAD', 250, 16]);
    expect(any<Vad>(createVad(module)).constructor).toBe(vad.constructor);
  });

  it('tells the start and the end of speech, with the audio from before it', async () => {
    const events = await heard(undefined, ...frames(scene));
    const [start, end, ...others] = events.filter(({ type }) => type !== INFERENCE);
    expect([start!.type, end!.type, others]).toEqual([START, END, []]);
    const detector = new SpeechDetector({ sampleRate: VOICE_RATE, minSpeechMs: 50, minSilenceMs: 250 });
    const positions: number[] = [];
    detector.on('speechstart', ({ position }) => positions.push(position));
    detector.on('speechend', ({ position }) => positions.push(position));
    detector.push(scene);
    // 50 ms are four steps.
    expect(start).toMatchObject({ speaking: true, speechDuration: 64, samplesIndex: positions[0]! + 1024 });
    expect(start!.timestamp).toBe(start!.samplesIndex / 16);
    expect(end).toMatchObject({ speaking: false, silenceDuration: 256, rawAccumulatedSpeech: 0 });
    expect(Math.abs(end!.speechDuration - (positions[1]! - positions[0]!) / 16)).toBeLessThan(100);
    const [utterance] = end!.frames;
    expect(utterance).toBeInstanceOf(AudioFrame);
    expect(utterance).toMatchObject({ sampleRate: VOICE_RATE, channels: 1 });
    const from = indexOf(scene, utterance!.data);
    expect((positions[0]! - from) / 16).toBeGreaterThanOrEqual(500);
    expect((positions[0]! - from) / 16).toBeLessThan(600);
    const [beginning] = start!.frames;
    expect(utterance!.data.subarray(0, beginning!.data.length)).toEqual(beginning!.data);
  });

  it('tells a probability for each frame that completes a step, however long frames are', async () => {
    for (const ms of [10, 20, 100]) {
      const events = await heard(undefined, ...frames(scene, ms));
      // Some replaced others that were not read yet; read in time, none is.
      const stream = open().stream();
      const probabilities: number[] = [];
      const raw: [number, number][] = [];
      const reading = (async () => {
        for await (const event of stream) {
          if (event.type !== INFERENCE) continue;
          probabilities.push(event.probability);
          raw.push([event.rawAccumulatedSpeech, event.rawAccumulatedSilence]);
          expect(event.frames).toHaveLength(1);
          expect(event.inferenceDuration).toBeGreaterThan(0);
        }
      })();
      for (const frame of frames(scene, ms)) {
        stream.pushFrame(frame);
        await turnOfMicrotasks();
      }
      stream.endInput();
      await reading;
      expect(probabilities.length).toBe(ms === 10 ? Math.floor(scene.length / 256) : Math.ceil(4200 / ms));
      expect(Math.max(...probabilities)).toBeGreaterThan(0.8);
      expect(Math.min(...probabilities)).toBeLessThan(0.3);
      expect(raw.every(([speech, silence]) => (speech === 0) !== (silence === 0))).toBe(true);
      expect(events.filter(({ type }) => type !== INFERENCE)).toHaveLength(2);
      expect(events.length).toBeLessThan(10);
    }
  });

  it('reads the stream that it is given, and leaves the rest to the next reader', async () => {
    const [first, second] = [open().stream(), open().stream()];
    let give!: ReadableStreamDefaultController<AudioFrame>;
    const source = new ReadableStream<AudioFrame>({ start: (controller) => void (give = controller) });
    first.updateInputStream(source);
    expect(() => first.updateInputStream(source)).toThrow('already set');
    for (const frame of frames(scene.subarray(0, 32_000))) give.enqueue(frame);
    await vi.waitUntil(async () => (await first.next()).value?.type === START);
    first.detachInputStream();
    first.close();
    expect(await first.next()).toEqual({ done: true, value: undefined });
    second.updateInputStream(source);
    for (const frame of frames(scene.subarray(16_000))) give.enqueue(frame);
    await vi.waitUntil(async () => (await second.next()).value?.type === END);
    second.close();
    second.close();
    // agents' own can be closed once.
    expect([undefined, 1]).toContain((second as { closes?: number }).closes);
    give.close();
  });

  it('rejects where the stream that it reads fails', async () => {
    const stream = open().stream();
    stream.updateInputStream(new ReadableStream({ start: (controller) => controller.error(new Error('gone')) }));
    await expect(stream.next()).rejects.toThrow('gone');
    await expect(stream.next()).rejects.toThrow('gone');
    stream.close();
  });

  it('flush begins a new segment, without an end of the last one', async () => {
    const stream = open().stream();
    const types: number[] = [];
    for (const frame of frames(scene.subarray(0, 32_000))) stream.pushFrame(frame);
    stream.flush();
    for (const frame of frames(scene)) stream.pushFrame(frame);
    stream.endInput();
    for await (const { type } of stream) if (type !== INFERENCE) types.push(type);
    expect(types).toEqual([START, START, END]);
    expect(() => stream.pushFrame(frames(scene)[0]!)).toThrow('Input is closed');
    stream.close();
    expect(() => stream.flush()).toThrow('Stream is closed');
  });

  it('ends speech that the end of the input, or another rate, cuts off', async () => {
    const cut = frames(scene.subarray(0, 32_000));
    const types = (events: Event[]) => events.filter(({ type }) => type !== INFERENCE).map(({ type }) => type);
    expect(types(await heard(undefined, ...cut))).toEqual([START, END]);
    const other = new AudioFrame(new Int16Array(48_000 * 2), 48_000, 2, 48_000);
    const events = await heard(undefined, ...cut, other, ...cut);
    expect(types(events)).toEqual([START, END, START, END]);
    expect(events.every(({ frames }) => frames[0]!.data.length > 0)).toBe(true);
  });

  it('keeps no more of an utterance than maxBufferedSpeech, and of what was before than prefixPaddingDuration', async () => {
    const options = { maxBufferedSpeech: 400, prefixPaddingDuration: 100 };
    const events = await heard(options, ...frames(scene));
    const end = events.find(({ type }) => type === END)!;
    expect(end.frames[0]!.samplesPerChannel).toBeLessThanOrEqual(500 * 16);
    expect(end.frames[0]!.samplesPerChannel).toBeGreaterThan(450 * 16);
    // The next utterance has nothing of what was kept of this one.
    const soon = concat(voice(2000), hiss(500), voice(500));
    const more = { maxBufferedSpeech: 400, prefixPaddingDuration: 500 };
    const ends = (await heard(more, ...frames(soon))).filter(({ type }) => type === END);
    expect(ends).toHaveLength(2);
    expect(indexOf(soon, ends[1]!.frames[0]!.data)).toBeGreaterThan(2000 * 16);
  });

  it('goes on while the probability is above activationThreshold, unless deactivationThreshold is lower', async () => {
    const probabilities = new SpeechDetector({ sampleRate: VOICE_RATE }).push(scene);
    const stepsUpTo = (threshold: number) => probabilities.findLastIndex((each) => each > threshold) + 1;
    const end = async (options: VadOptions) => {
      const events = await heard({ minSilenceDuration: 256, ...options }, ...frames(scene));
      return events.find(({ type }) => type === END)!.samplesIndex / 256;
    };
    expect(await end({})).toBe(stepsUpTo(0.65) + 16);
    expect(await end({ deactivationThreshold: 0.4 })).toBe(stepsUpTo(0.4) + 16);
    expect(stepsUpTo(0.4)).toBeGreaterThan(stepsUpTo(0.6));
    expect(stepsUpTo(0.6)).toBeGreaterThan(stepsUpTo(0.65));
  });

  it('changes options of open streams', async () => {
    const vad = open();
    const stream = vad.stream();
    vad.updateOptions({ activationThreshold: 1, deactivationThreshold: 1 });
    for (const frame of frames(scene)) stream.pushFrame(frame);
    stream.endInput();
    for await (const { type } of stream) expect(type).toBe(INFERENCE);
    stream.close();
    vad.updateOptions({ minSilenceDuration: 700 });
    expect(vad.minSilenceDuration).toBe(700);
    expect(() => vad.updateOptions({ minSilenceDuration: -1 })).toThrow(failure('INVALID_ARGUMENT'));
  });

  it('tells what detecting costs', async () => {
    const vad = open();
    const metrics = vi.fn();
    vad.on('metrics_collected', metrics);
    const stream = vad.stream();
    for (const frame of frames(concat(scene, scene))) stream.pushFrame(frame);
    expect(metrics).toHaveBeenCalledTimes(2);
    expect(metrics.mock.calls[1]![0]).toMatchObject({ type: 'vad_metrics', label: 'narrowcast.VAD' });
    expect(metrics.mock.calls[1]![0].inferenceCount).toBeGreaterThan(100);
    stream.close();
  });
});

describe('createVad refuses', () => {
  it.each<[string, unknown]>([
    ['agents is undefined', undefined],
    ['agents is "@livekit/agents"', '@livekit/agents'],
    ['agents has no VAD:', {}],
    ['agents has no VADStream.updateInputStream:', { ...standIn(), VADStream: Date }],
    [
      'agents has no VADEventType.INFERENCE_DONE:',
      { ...standIn(), VADEventType: { START_OF_SPEECH: 0, END_OF_SPEECH: 2 } },
    ],
  ])('what is not agents, or has another interface: %s', (message, agents) => {
    expect(() => createVad(any<AgentsModule>(agents))).toThrow(failure('INVALID_ARGUMENT', message));
  });

  it.each<[string, unknown]>([
    ['options is null', null],
    ['options.threshold is not known', { threshold: 0.5 }],
    ['activationThreshold is 1.5', { activationThreshold: 1.5 }],
    ['deactivationThreshold is NaN', { deactivationThreshold: NaN }],
    ['minSpeechDuration is -1', { minSpeechDuration: -1 }],
    ['minSilenceDuration is "250"', { minSilenceDuration: '250' }],
    ['maxBufferedSpeech is 600001', { maxBufferedSpeech: 600_001 }],
  ])('options that mean nothing: %s', (message, options) => {
    expect(() => createVad(standIn(), any<VadOptions>(options))).toThrow(failure('INVALID_ARGUMENT', message));
  });
});

async function turnOfMicrotasks(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** Where all of `part` is, in one piece; -1 where it is not. */
function indexOf(whole: Int16Array, part: Int16Array): number {
  for (let at = 0; at + part.length <= whole.length; at++) {
    if (part.every((sample, i) => whole[at + i] === sample)) return at;
  }
  return -1;
}
