import { describe, expect, it } from 'vitest';
import { AudioStream, g711, type AudioStreamOptions } from '../src/index.js';
import { failure } from './support/expect.js';

const PHONE: AudioStreamOptions = {
  from: { sampleRate: 8000, format: 'mulaw' },
  sampleRate: 16_000,
  samplesPerFrame: 512,
};
const tone = (samples: number, rate: number) =>
  Int16Array.from({ length: samples }, (_, i) => 20_000 * Math.sin((2 * Math.PI * 440 * i) / rate));
const mulaw = g711.encode(tone(8000, 8000), 'mulaw');

function readAll(stream: AudioStream): number[] {
  const samples: number[] = [];
  for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) samples.push(...frame.data);
  return samples;
}

describe('AudioStream with the option from', () => {
  it('gives exact frames at another rate, of G.711 that is cut anywhere', () => {
    const whole = new AudioStream(PHONE);
    whole.write(mulaw);
    whole.flush();
    const expected = readAll(whole);
    expect(expected.length).toBe(32 * 512);
    for (const piece of [1, 33, 160, 1024]) {
      const stream = new AudioStream(PHONE);
      const lengths = new Set<number>();
      const samples: number[] = [];
      for (let at = 0; at < mulaw.length; at += piece) {
        stream.write(mulaw.subarray(at, at + piece));
        for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) {
          lengths.add(frame.samplesPerChannel);
          samples.push(...frame.data);
        }
      }
      stream.flush();
      expect([...samples, ...readAll(stream)]).toEqual(expected);
      expect([...lengths]).toEqual([512]);
    }
  });

  it('gives a frame for each piece, once the latency has passed', () => {
    const stream = new AudioStream({ ...PHONE, samplesPerFrame: 320 });
    const frames: number[] = [];
    for (let at = 0; at < mulaw.length; at += 160) {
      stream.write(mulaw.subarray(at, at + 160));
      frames.push(readAll(stream).length / 320);
    }
    expect(frames.indexOf(1)).toBeLessThanOrEqual(2);
    expect(frames.slice(frames.indexOf(1)).every((count) => count === 1)).toBe(true);
  });

  it('flush: fills the last frame, and the next turn is as the first', () => {
    const stream = new AudioStream(PHONE);
    const turn = () => {
      stream.write(mulaw.subarray(0, 1001));
      stream.flush();
      return readAll(stream);
    };
    const first = turn();
    expect(first.length).toBe(4 * 512);
    expect(first.slice(2002).every((sample) => sample === 0)).toBe(true);
    expect(turn()).toEqual(first);
  });

  it('discard: leaves nothing to the next turn, where clear leaves what waits in the resampler', () => {
    const silence = new Uint8Array(1024).fill(0xff);
    const heard = (giveUp: (stream: AudioStream) => unknown) => {
      const stream = new AudioStream(PHONE);
      stream.write(mulaw.subarray(0, 1000));
      const gaveUp = giveUp(stream);
      stream.write(silence);
      const samples = readAll(stream);
      return { gaveUp, peak: Math.max(...samples.map(Math.abs)) };
    };
    expect(heard((stream) => stream.discard())).toEqual({ gaveUp: { ms: 125, samples: 2000 }, peak: 0 });
    expect(heard((stream) => stream.clear()).peak).toBeGreaterThan(5000);
  });

  it('counts in positions what was discarded', () => {
    const stream = new AudioStream(PHONE);
    stream.write(mulaw.subarray(0, 1000));
    stream.discard();
    stream.write(mulaw.subarray(0, 1000));
    expect(stream.tryRead()?.userdata['position']).toBe(2000);
    expect(stream.stats().framesCleared).toBeGreaterThan(0);
  });

  it('close: what waits in the resampler can still be read', async () => {
    const stream = new AudioStream(PHONE);
    stream.write(mulaw);
    stream.close();
    let samples = 0;
    for await (const frame of stream) samples += frame.samplesPerChannel;
    expect(samples).toBe(16_000);
  });

  it('takes frames of other kinds, mixes and spreads', () => {
    const stream = new AudioStream({ sampleRate: 16_000, samplesPerFrame: 2, from: {} });
    stream.write({ data: Int16Array.of(100, 300, -100, -300), sampleRate: 16_000, channels: 2 });
    expect(readAll(stream)).toEqual([200, -200]);
    stream.write({ data: tone(2400, 24_000), sampleRate: 24_000, channels: 1 });
    stream.flush();
    expect(readAll(stream).length).toBe(1600);
    const stereo = new AudioStream({ ...PHONE, numChannels: 2, from: { sampleRate: 8000, numChannels: 1 } });
    stereo.write(tone(800, 8000));
    stereo.flush();
    const samples = readAll(stereo);
    expect(samples.length).toBe(2 * 4 * 512);
    expect(samples.every((sample, i) => sample === samples[i - (i % 2)])).toBe(true);
  });

  it('without it, refuses other kinds, and flush fills the frame all the same', () => {
    const stream = new AudioStream({ sampleRate: 16_000, samplesPerFrame: 4 });
    const frame = { data: new Int16Array(2), sampleRate: 8000, channels: 1 };
    expect(() => stream.write(frame)).toThrow(failure('INVALID_ARGUMENT', '8000 Hz'));
    stream.write(Int16Array.of(1, 2, 3, 4, 5));
    stream.flush();
    expect(readAll(stream)).toEqual([1, 2, 3, 4, 5, 0, 0, 0]);
    stream.write(Uint8Array.of(9));
    expect(stream.discard()).toEqual({ ms: 0, samples: 0 });
    stream.write(Uint8Array.of(7, 0));
    stream.flush();
    expect(readAll(stream)).toEqual([7, 0, 0, 0]);
    stream.close();
    expect(() => stream.flush()).toThrow(failure('CLOSED'));
    expect(stream.discard()).toEqual({ ms: 0, samples: 0 });
  });

  it.each([
    [{ from: { sampleRate: 0 } }, 'from.sampleRate is 0'],
    [{ from: { sampleRate: 100 } }, '100 Hz'],
    [{ from: { numChannels: 3 }, numChannels: 2 }, 'from.numChannels is 3'],
    [{ from: { format: 'opus' } }, 'from.format is "opus"'],
    [{ from: { rate: 8000 } }, 'from.rate is not known'],
    [{ from: { format: null } }, 'from.format is null'],
    [{ from: 8000 }, 'from is 8000'],
  ])('refuses %o', (options, message) => {
    expect(() => new AudioStream(options as AudioStreamOptions)).toThrow(failure('INVALID_ARGUMENT', message));
  });
});
