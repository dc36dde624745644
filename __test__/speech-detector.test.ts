import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { AudioFrame, AudioResampler, SpeechDetector, type SpeechChange } from '../src/index.js';
import { failure, untilCollected } from './support/expect.js';
import { detached, resizable } from './support/memory.js';
import { concat, hiss, voice, VOICE_RATE } from './support/voice.js';

const any = <T>(value: unknown) => value as T;
const scene = concat(hiss(1000), voice(2000), hiss(1500));

interface Heard extends SpeechChange {
  type: 'start' | 'end';
}

/** A detector, and what it tells. */
function listening(options: ConstructorParameters<typeof SpeechDetector>[0] = {}) {
  const detector = new SpeechDetector({ sampleRate: VOICE_RATE, ...options });
  const heard: Heard[] = [];
  detector.on('speechstart', (change) => heard.push({ type: 'start', ...change }));
  detector.on('speechend', (change) => heard.push({ type: 'end', ...change }));
  return { detector, heard };
}

function resample(pcm: Int16Array, rate: number): Int16Array {
  const resampler = new AudioResampler(VOICE_RATE, rate);
  const frames = [...resampler.push(new AudioFrame(pcm, VOICE_RATE, 1, pcm.length)), ...resampler.flush()];
  return concat(...frames.map(({ data }) => data));
}

describe('SpeechDetector', () => {
  it('tells where speech began and ended, in samples and in ms, and how loud it was', () => {
    const { detector, heard } = listening();
    const probabilities = detector.push(scene);
    expect(probabilities).toHaveLength(Math.floor(scene.length / 256));
    expect(Math.min(...probabilities)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...probabilities)).toBeLessThanOrEqual(1);
    expect(heard.map(({ type }) => type)).toEqual(['start', 'end']);
    const [start, end] = heard as [Heard, Heard];
    expect(Math.abs(start.ms - 1000)).toBeLessThan(150);
    expect(Math.abs(end.ms - 3000)).toBeLessThan(300);
    for (const { position, ms, level } of heard) {
      expect(ms).toBe(position / 16);
      expect(level).toBeGreaterThan(-40);
      expect(level).toBeLessThan(-5);
    }
    // Twice the amplitude is 6 dB more.
    const louder = listening();
    louder.detector.push(concat(hiss(1000), voice(2000, 24_000), hiss(1500)));
    expect(louder.heard[1]!.level - end.level).toBeCloseTo(6.02, 0);
  });

  it('is told of speech before push returns, in the order of the samples', () => {
    const { detector, heard } = listening();
    expect(detector.speaking).toBe(false);
    for (let at = 0; at < scene.length; at += 160) {
      const before = heard.length;
      const probabilities = detector.push(scene.subarray(at, at + 160));
      expect(probabilities.length).toBeLessThanOrEqual(1);
      if (heard.length === before) continue;
      expect(detector.speaking).toBe(heard.at(-1)!.type === 'start');
      expect(heard.at(-1)!.position).toBeLessThanOrEqual(at + 160);
    }
    const whole = listening();
    whole.detector.push(scene);
    expect(heard).toEqual(whole.heard);
  });

  it.each([8000, 22_050, 24_000, 44_100, 48_000])('hears the same at %i Hz, in samples of that rate', (sampleRate) => {
    const expected = listening();
    expected.detector.push(scene);
    const { detector, heard } = listening({ sampleRate });
    const pcm = resample(scene, sampleRate);
    for (let at = 0; at < pcm.length; at += sampleRate / 50) detector.push(pcm.subarray(at, at + sampleRate / 50));
    expect(heard.map(({ type }) => type)).toEqual(['start', 'end']);
    for (const [i, { position, ms }] of heard.entries()) {
      expect(Math.abs(ms - expected.heard[i]!.ms)).toBeLessThan(250);
      expect(ms).toBe((position / sampleRate) * 1000);
    }
  });

  it('takes frames, ours or any of their shape, of several channels', () => {
    const { detector, heard } = listening({ numChannels: 2 });
    const both = Int16Array.from({ length: 2 * scene.length }, (_, at) => scene[at >> 1]!);
    detector.push(new AudioFrame(both.subarray(0, 64_000), VOICE_RATE, 2, 32_000));
    detector.push({ data: both.subarray(64_000), sampleRate: VOICE_RATE, channels: 2 });
    const mono = listening();
    mono.detector.push(scene);
    expect(heard).toEqual(mono.heard);
  });

  it('flush ends speech where the samples end, and begins anew at 0', () => {
    const { detector, heard } = listening();
    const cut = scene.subarray(0, 40_100);
    const first = detector.push(cut);
    detector.flush();
    expect(heard.map(({ type, position }) => [type, position])).toEqual([
      ['start', heard[0]!.position],
      ['end', 40_100],
    ]);
    expect(detector.speaking).toBe(false);
    const again = heard.splice(0);
    expect(detector.push(cut)).toEqual(first);
    detector.flush();
    expect(heard).toEqual(again);
    detector.flush();
    expect(heard).toHaveLength(2);
  });

  it('close ends speech, and the detector', () => {
    const { detector, heard } = listening();
    detector.push(scene.subarray(0, 40_000));
    detector.close();
    detector.close();
    detector.flush();
    expect(heard.map(({ type }) => type)).toEqual(['start', 'end']);
    expect(detector.speaking).toBe(false);
    expect(() => detector.push(scene)).toThrow(failure('CLOSED', 'make another one'));
  });

  it('may be closed and pushed to by its listeners', () => {
    const { detector, heard } = listening();
    detector.once('speechstart', () => {
      detector.push(new Int16Array(16_000));
      detector.close();
    });
    detector.push(scene.subarray(0, 40_000));
    expect(heard.map(({ type }) => type)).toEqual(['start', 'end']);
  });

  it('is an EventEmitter, which once() and AbortSignals know', async () => {
    const { detector } = listening();
    const started = once(detector, 'speechstart');
    detector.push(scene);
    expect(await started).toEqual([
      { position: expect.any(Number), ms: expect.any(Number), level: expect.any(Number) },
    ]);
    expect(detector.listenerCount('speechstart')).toBe(1);
  });

  it('calls the other listeners after one that throws, whose error is an uncaught exception', () => {
    const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => {});
    const { detector } = listening();
    const next = vi.fn();
    detector.on('speechstart', () => {
      throw new Error('from the listener');
    });
    detector.on('speechstart', next);
    expect(detector.push(scene)).not.toHaveLength(0);
    expect(next).toHaveBeenCalledTimes(1);
    // Where it is not caught.
    expect(later).toHaveBeenCalledTimes(1);
    expect(later.mock.calls[0]![0]).toThrow('from the listener');
    later.mockRestore();
  });

  it('hears nothing in an hour of silence, in noise, and in nothing', () => {
    const { detector, heard } = listening();
    const minute = new Int16Array(60 * VOICE_RATE);
    for (let i = 0; i < 60; i++) expect(Math.max(...detector.push(minute))).toBeLessThan(0.5);
    expect(Math.max(...detector.push(hiss(10_000, 3000)))).toBeLessThan(0.5);
    expect(detector.push(new Int16Array(0))).toHaveLength(0);
    detector.close();
    expect(heard).toEqual([]);
  });

  it('may take music for speech, and then tells starts and ends in turns, the last one at the end', () => {
    // Chords that change each second, over a beat.
    const sine = (hz: number, at: number) => Math.sin((2 * Math.PI * hz * at) / VOICE_RATE);
    const music = Int16Array.from({ length: 20 * VOICE_RATE }, (_, at) => {
      const root = [220, 262, 196, 247][Math.floor(at / VOICE_RATE) % 4]!;
      const chord = [1, 1.25, 1.5, 2, 3].reduce((sum, times) => sum + sine(root * times, at) / times, 0);
      return 2500 * (chord + 2 * Math.exp((-20 * (at % (VOICE_RATE / 2))) / VOICE_RATE) * sine(60, at));
    });
    for (const minSpeechMs of [undefined, 48]) {
      const { detector, heard } = listening({ threshold: 0.3, ...(minSpeechMs !== undefined && { minSpeechMs }) });
      for (const probability of detector.push(music)) {
        expect(probability).toBeGreaterThanOrEqual(0);
        expect(probability).toBeLessThanOrEqual(1);
      }
      detector.close();
      expect(heard.length).toBeGreaterThan(0);
      expect(heard.map(({ type }) => type)).toEqual(heard.map((_, at) => (at % 2 === 0 ? 'start' : 'end')));
      expect(heard.length % 2).toBe(0);
      const positions = heard.map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    }
  });

  it('without minSpeechMs, hears a clear onset sooner than by its length', () => {
    const decided = (options: ConstructorParameters<typeof SpeechDetector>[0]) => {
      const { detector } = listening(options);
      let at = 0;
      let started = 0;
      detector.once('speechstart', () => (started = at));
      for (; at < scene.length; at += 256) detector.push(scene.subarray(at, at + 256));
      return started;
    };
    expect(decided({})).toBeGreaterThan(16_000);
    expect(decided({})).toBeLessThan(decided({ minSpeechMs: 48 }));
  });

  it('takes samples from shared and resizable memory, and refuses what is gone', () => {
    const expected = listening().detector.push(scene);
    const shared = new Int16Array(new SharedArrayBuffer(scene.byteLength));
    const growing = new Int16Array(resizable(scene.byteLength, scene.byteLength * 2));
    for (const pcm of [shared, growing]) {
      pcm.set(scene);
      expect(listening().detector.push(pcm)).toEqual(expected);
    }
    expect(() => listening().detector.push(detached(new Int16Array(160)))).toThrow(
      failure('INVALID_ARGUMENT', 'whose memory is gone'),
    );
  });

  it.each<[string, unknown]>([
    ['pcm is', undefined],
    ['pcm is', null],
    ['pcm is', [1, 2]],
    ['pcm is', new Float32Array(160)],
    ['pcm is', new Uint16Array(160)],
    ['the frame is "48000 Hz with 2 channels"', AudioFrame.create(48_000, 2, 480)],
    ['the frame is "16000 Hz with 1 channels"', AudioFrame.create(16_000, 1, 160)],
    ['pcm.length is 161: pass a multiple of the 2 channels', new Int16Array(161)],
  ])('refuses what it can not listen to: %s', (message, pcm) => {
    const { detector } = listening({ numChannels: 2 });
    expect(() => detector.push(any(pcm))).toThrow(failure('INVALID_ARGUMENT', message));
  });

  it.each<[string, unknown]>([
    ['options is', null],
    ['options is', 16_000],
    ['options.treshold is not known: did you mean threshold?', { treshold: 0.5 }],
    ['threshold is -0.1', { threshold: -0.1 }],
    ['threshold is 1.1', { threshold: 1.1 }],
    ['threshold is NaN', { threshold: NaN }],
    ['threshold is "0.5"', { threshold: '0.5' }],
    ['minSpeechMs is -1', { minSpeechMs: -1 }],
    ['minSpeechMs is 1.5', { minSpeechMs: 1.5 }],
    ['minSilenceMs is 60001', { minSilenceMs: 60_001 }],
    ['minSilenceMs is Infinity', { minSilenceMs: Infinity }],
    ['sampleRate is 62', { sampleRate: 62 }],
    ['sampleRate is NaN', { sampleRate: NaN }],
    ['sampleRate is 768001', { sampleRate: 768_001 }],
    ['numChannels is 0', { numChannels: 0 }],
  ])('refuses options that mean nothing: %s', (message, options) => {
    expect(() => new SpeechDetector(any(options))).toThrow(failure('INVALID_ARGUMENT', message));
  });

  it('works at the limits of its rates', () => {
    for (const sampleRate of [63, 768_000]) {
      const { detector } = listening({ sampleRate, numChannels: 64 });
      let steps = 0;
      for (let second = 0; second < 10; second++) steps += detector.push(new Int16Array(64 * sampleRate)).length;
      expect(steps).toBeGreaterThan(400);
    }
  });

  it('is collected when it is forgotten', async () => {
    const forgotten = new WeakRef(listening({ sampleRate: 48_000 }).detector);
    await untilCollected(() => forgotten.deref() === undefined, 'the detector is collected');
  });
});
