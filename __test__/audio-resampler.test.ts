import * as rtcNode from '@livekit/rtc-node';
import { AudioFrame as RtcAudioFrame, AudioResamplerQuality as RtcQuality } from '@livekit/rtc-node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioFrame, AudioResampler, AudioResamplerQuality, type AudioFrameLike } from '../src/index.js';
import { classesFor } from '../src/livekit/swapped-classes.js';
import { runNode } from './support/child.js';
import { failure } from './support/expect.js';
import { detached, outOfBounds, resizable } from './support/memory.js';

const any = <T>(value: unknown) => value as T;
const invalid = (message: string) => failure('INVALID_ARGUMENT', message);

/** Samples that are never the same twice in a row, so that one out of place is seen. */
const noise = (length: number) => Int16Array.from({ length }, (_, i) => ((i * 7919) % 60_000) - 30_000);
const frameOf = (data: Int16Array, sampleRate: number, channels = 1, userdata = {}) =>
  new AudioFrame(data, sampleRate, channels, data.length / channels, userdata);

/** All samples of frames, flat. */
const flat = (frames: AudioFrameLike[]) => frames.flatMap((frame) => [...frame.data]);

/** What comes of `data`, flush and all. */
function convert(resampler: AudioResampler, data: Int16Array): number[] {
  const frames = resampler.push(frameOf(data, resampler.inputRate, resampler.channels));
  return flat([...frames, ...resampler.flush()]);
}

function convertInto(resampler: AudioResampler, input: Float32Array): Float32Array {
  const output = new Float32Array(resampler.maxOutput(input.length));
  const written = resampler.pushInto(input, output);
  const tail = new Float32Array(resampler.maxOutput(resampler.channels));
  return Float32Array.of(...output.subarray(0, written), ...tail.subarray(0, resampler.flushInto(tail)));
}

const rounded = (frames: number, inputRate: number, outputRate: number) =>
  Math.floor((2 * frames * outputRate + inputRate) / (2 * inputRate));

const PAIRS = [
  [48_000, 16_000],
  [48_000, 24_000],
  [44_100, 16_000],
  [24_000, 48_000],
] as const;

describe('push', () => {
  it('returns a frame of the output rate, with the very userdata of what it got', () => {
    const resampler = new AudioResampler(48_000, 16_000, 2);
    const userdata = { speaker: 'Ada' };
    const frames: AudioFrame[] = resampler.push(frameOf(noise(9600), 48_000, 2, userdata));
    expect(frames).toHaveLength(1);
    const [frame] = frames as [AudioFrame];
    expect(frame).toBeInstanceOf(AudioFrame);
    expect(frame).toMatchObject({ sampleRate: 16_000, channels: 2, samplesPerChannel: frame.data.length / 2 });
    expect(frame.userdata).toBe(userdata);
    const [tail] = resampler.flush() as [AudioFrame];
    expect(tail).toMatchObject({ sampleRate: 16_000, channels: 2, userdata: {} });
    expect(frame.samplesPerChannel + tail.samplesPerChannel).toBe(1600);
  });

  it("returns frames of rtc-node's class for frames of rtc-node, and of a frame's own kind in general", () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const rtc: RtcAudioFrame[] = resampler.push(new RtcAudioFrame(noise(4800), 48_000, 1, 4800, { a: 1 }));
    expect(rtc[0]).toBeInstanceOf(RtcAudioFrame);
    expect(rtc[0]!.userdata).toEqual({ a: 1 });
    expect(resampler.flush()[0]).toBeInstanceOf(RtcAudioFrame);

    // A class whose constructor is its own affair gives frames of the class that it extends.
    class Spoken extends RtcAudioFrame {
      constructor(readonly text: string) {
        super(noise(4800), 48_000, 1, 4800);
      }
    }
    const [spoken] = resampler.push(new Spoken('hello'));
    expect(spoken).toBeInstanceOf(RtcAudioFrame);
    expect(spoken).not.toBeInstanceOf(Spoken);
    expect(resampler.push(frameOf(noise(4800), 48_000))[0]).toBeInstanceOf(AudioFrame);
    const plain = { data: noise(4800), sampleRate: 48_000, channels: 1, samplesPerChannel: 4800 };
    expect(resampler.push<AudioFrameLike>(plain)[0]).toBeInstanceOf(AudioFrame);
    const bare = Object.assign(Object.create(null) as object, plain) as AudioFrameLike;
    expect(resampler.push(bare)[0]).toBeInstanceOf(AudioFrame);
  });

  it('returns frames that cover their whole buffer, and that no later push changes', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const [first] = resampler.push(frameOf(noise(4800), 48_000)) as [AudioFrame];
    const before = [...first.data];
    expect(first.data.buffer.byteLength).toBe(first.data.byteLength);
    resampler.push(frameOf(new Int16Array(9600).fill(1), 48_000));
    expect([...first.data]).toEqual(before);
  });

  it('reads a view where it is, and changes nothing around it', () => {
    const expected = convert(new AudioResampler(48_000, 16_000), noise(4800));
    const around = new Int16Array(8000).fill(9);
    around.set(noise(4800), 1000);
    expect(convert(new AudioResampler(48_000, 16_000), around.subarray(1000, 5800))).toEqual(expected);
    expect(around).toEqual(Int16Array.of(...Array(1000).fill(9), ...noise(4800), ...Array(2200).fill(9)));

    // Node's buffers are views of a pool, at any even or odd place of it.
    const pooled = Buffer.from(Buffer.from(noise(480).buffer));
    const offset = pooled.byteOffset;
    const short = convert(new AudioResampler(48_000, 16_000), noise(480));
    const view = new Int16Array(pooled.buffer, offset, 480);
    expect(view.byteLength).toBeLessThan(pooled.buffer.byteLength);
    expect(convert(new AudioResampler(48_000, 16_000), view)).toEqual(short);
  });

  it('reads shared and resizable memory', () => {
    const expected = convert(new AudioResampler(48_000, 16_000), noise(4800));
    const shared = new Int16Array(new SharedArrayBuffer(9600));
    shared.set(noise(4800));
    expect(convert(new AudioResampler(48_000, 16_000), shared)).toEqual(expected);
    const growing = new Int16Array(resizable(9600, 20_000));
    growing.set(noise(4800));
    expect(convert(new AudioResampler(48_000, 16_000), growing)).toEqual(expected);
  });

  it('returns nothing for an empty frame, which ends nothing', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const frames = resampler.push(frameOf(noise(480), 48_000));
    expect(resampler.push(frameOf(new Int16Array(0), 48_000))).toEqual([]);
    expect(resampler.push(frameOf(new Int16Array(new SharedArrayBuffer(0)), 48_000))).toEqual([]);
    frames.push(...resampler.push(frameOf(noise(960).subarray(480), 48_000)), ...resampler.flush());
    expect(flat(frames)).toEqual(convert(resampler, noise(960)));
  });

  it('keeps the whole of a frame longer than any before, and of one much longer', () => {
    for (const samples of [48_000, 1_000_000]) {
      const resampler = new AudioResampler(8_000, 48_000, 1, AudioResamplerQuality.HIGH);
      expect(convert(resampler, noise(samples))).toHaveLength(samples * 6);
    }
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'frame is undefined'],
    ['null', null, 'frame is null'],
    ['samples', noise(480), 'has undefined Hz and undefined channels'],
    [
      'a frame of another rate',
      frameOf(noise(160), 16_000),
      'has 16000 Hz and 1 channels, and this resampler is for 48000 Hz and 1',
    ],
    ['a frame of other channels', frameOf(noise(480), 48_000, 2), 'has 48000 Hz and 2 channels'],
    ['no samples', { ...frameOf(noise(1), 48_000), data: undefined }, 'frame.data is undefined'],
    ['other samples', { ...frameOf(noise(1), 48_000), data: new Float32Array(480) }, 'frame.data is a Float32Array'],
    ['bytes', { ...frameOf(noise(1), 48_000), data: Buffer.alloc(960) }, 'frame.data is a Buffer'],
    ['a detached frame', frameOf(detached(noise(480)), 48_000), 'memory is gone'],
    ['a frame that has shrunk', frameOf(outOfBounds(Int16Array), 48_000), 'memory is gone'],
  ])('refuses %s', (_, frame, message) => {
    const resampler = new AudioResampler(48_000, 16_000);
    expect(() => resampler.push(any<AudioFrame>(frame))).toThrow(invalid(message));
    expect(convert(resampler, noise(480))).toHaveLength(160);
  });

  it('refuses samples that are not whole for each channel', () => {
    const resampler = new AudioResampler(48_000, 16_000, 2);
    expect(() => resampler.push(frameOf(noise(961), 48_000, 2))).toThrow(
      invalid('frame.data.length is 961: pass a multiple of the 2 channels'),
    );
    expect(resampler.flush()).toEqual([]);
  });
});

describe('between equal rates', () => {
  const resampler = () => new AudioResampler(48_000, 48_000, 2);

  it('push returns the very frame', () => {
    const frame = frameOf(noise(960), 48_000, 2);
    const frames = resampler().push(frame);
    expect(frames).toHaveLength(1);
    expect(frames[0]).toBe(frame);
    expect(resampler().push(frameOf(new Int16Array(0), 48_000, 2))).toHaveLength(1);
  });

  it('nothing is held back', () => {
    const equal = resampler();
    expect(equal).toMatchObject({
      passthrough: true,
      latencyMs: 0,
      inputRate: 48_000,
      outputRate: 48_000,
      channels: 2,
    });
    equal.push(frameOf(noise(960), 48_000, 2));
    expect(equal.flush()).toEqual([]);
    expect(equal.flushInto(new Float32Array(0))).toBe(0);
    expect(equal.maxOutput(960)).toBe(960);
  });

  it('pushInto copies', () => {
    const output = new Int16Array(10);
    expect(resampler().pushInto(noise(8), output)).toBe(8);
    expect([...output]).toEqual([...noise(8), 0, 0]);
    expect(resampler().pushInto(new Float32Array([0.5, -0.5]), new Float32Array(2))).toBe(2);
    const shared = new Int16Array(new SharedArrayBuffer(16));
    expect(resampler().pushInto(noise(8), shared)).toBe(8);
    expect([...shared]).toEqual([...noise(8)]);
  });

  it('the same arguments are refused as between others', () => {
    const equal = resampler();
    expect(() => equal.push(frameOf(noise(2), 16_000, 2))).toThrow(invalid('16000 Hz'));
    expect(() => equal.pushInto(noise(8), new Int16Array(7))).toThrow(invalid('output.length is 7'));
    expect(() => equal.pushInto(noise(7), new Int16Array(7))).toThrow(invalid('a multiple of the 2 channels'));
    expect(() => equal.pushInto(noise(8), any(new Float32Array(8)))).toThrow(invalid("one of the input's type"));
    const both = noise(8);
    expect(() => equal.pushInto(both, both)).toThrow(invalid('not part of the input'));
    equal.close();
    expect(() => equal.push(frameOf(noise(2), 48_000, 2))).toThrow(failure('CLOSED'));
    expect(() => equal.pushInto(noise(2), noise(2))).toThrow(failure('CLOSED'));
    expect(() => equal.flush()).toThrow(failure('CLOSED'));
  });
});

describe('pushInto', () => {
  it('writes what push returns, to the front of the output, and says how much', () => {
    const resampler = new AudioResampler(44_100, 16_000, 2, AudioResamplerQuality.HIGH);
    const expected = convert(resampler, noise(8820));
    const output = new Int16Array(resampler.maxOutput(8820) + 5).fill(7);
    const written = resampler.pushInto(noise(8820), output);
    const tail = flat(resampler.flush());
    expect([...output.subarray(0, written), ...tail]).toEqual(expected);
    expect(new Set(output.subarray(written))).toEqual(new Set([7]));
  });

  it('converts floating point, beyond 16 bits', () => {
    const resampler = new AudioResampler(48_000, 16_000, 1, AudioResamplerQuality.HIGH);
    const tone = Float32Array.from({ length: 48_000 }, (_, i) => 1e-6 * Math.sin((i * Math.PI) / 24));
    const output = convertInto(resampler, tone);
    expect(output).toHaveLength(16_000);
    const [peak] = output.subarray(4000, 12_000).toSorted((a, b) => b - a);
    expect(peak).toBeGreaterThan(0.95e-6);
    expect(peak).toBeLessThan(1.05e-6);
    // And over full scale, which only integers clip.
    expect(
      Math.max(
        ...convertInto(
          resampler,
          tone.map((sample) => sample * 2e6),
        ),
      ),
    ).toBeGreaterThan(1.9);
  });

  it('can be flushed to integers after floating point', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const levels = new Float32Array(48_000).fill(0.5).fill(3, 24_000);
    const output = new Float32Array(resampler.maxOutput(levels.length));
    const written = resampler.pushInto(levels, output);
    const tail = flat(resampler.flush());
    expect(written + tail.length).toBe(16_000);
    expect(tail[0]).toBe(32_767);
    // Then anything goes.
    expect(convert(resampler, noise(480))).toHaveLength(160);
    expect(convertInto(resampler, new Float32Array(480))).toHaveLength(160);
  });

  it('writes to shared and resizable memory', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const plain = new Int16Array(resampler.maxOutput(4800));
    const expected = resampler.pushInto(noise(4800), plain);
    for (const buffer of [new SharedArrayBuffer(plain.byteLength), resizable(plain.byteLength, 100_000)]) {
      const output = new Int16Array(buffer as ArrayBuffer);
      const other = new AudioResampler(48_000, 16_000);
      expect(other.pushInto(noise(4800), output)).toBe(expected);
      expect(output).toEqual(plain);
      const tail = new Int16Array(new SharedArrayBuffer(2 * other.maxOutput(1)));
      expect(other.flushInto(tail)).toBe(1600 - expected);
    }
  });

  const room = new AudioResampler(48_000, 16_000, 2).maxOutput(960);
  const both = new Int16Array(4000);
  it.each<[string, unknown, unknown, string]>([
    [
      'an output that is too small',
      noise(960),
      new Int16Array(room - 1),
      `output.length is ${room - 1}: pass room for`,
    ],
    ['no output', noise(960), new Int16Array(0), 'output.length is 0'],
    ['a shared output that is too small', noise(960), new Int16Array(new SharedArrayBuffer(20)), 'output.length is 10'],
    ['a detached output', noise(960), detached(new Int16Array(room)), 'output is an array whose memory is gone'],
    ['a detached input', detached(noise(960)), new Int16Array(room), 'input is an array whose memory is gone'],
    [
      'an input that has shrunk',
      outOfBounds(Int16Array),
      new Int16Array(room),
      'input is an array whose memory is gone',
    ],
    ['an output that has shrunk', noise(2), outOfBounds(Int16Array), 'output is an array whose memory is gone'],
    ['an odd number of stereo samples', noise(959), new Int16Array(room), 'a multiple of the 2 channels'],
    ['an output of another type', noise(960), new Float32Array(room), 'output is a Float32Array: pass one of'],
    ['an input of another type', new Float32Array(960), new Int16Array(room), 'output is an Int16Array: pass one of'],
    ['bytes', Buffer.alloc(960), new Int16Array(room), 'input is a Buffer: pass an Int16Array or'],
    ['bytes for output', noise(960), Buffer.alloc(9000), 'output is a Buffer: pass one of'],
    ['a list', [1, 2], new Int16Array(room), 'input is an Array'],
    ['nothing', undefined, undefined, 'input is undefined'],
    ['the same memory', both, both, 'output is an Int16Array: pass an array whose memory is not part of the input'],
    ['overlapping memory', both.subarray(0, 960), both.subarray(958), 'not part of the input'],
    [
      'overlapping shared memory',
      new Int16Array(new SharedArrayBuffer(9000)),
      undefined,
      'output is undefined: pass one of',
    ],
  ])('refuses %s, and has consumed nothing', (_, input, output, message) => {
    const resampler = new AudioResampler(48_000, 16_000, 2);
    expect(() => resampler.pushInto(any<Int16Array>(input), any<Int16Array>(output))).toThrow(invalid(message));
    expect(convert(resampler, noise(960))).toEqual(convert(new AudioResampler(48_000, 16_000, 2), noise(960)));
  });

  it('refuses shared memory that overlaps, and takes two neighbours', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const shared = new Int16Array(new SharedArrayBuffer(9000));
    expect(() => resampler.pushInto(shared.subarray(0, 480), shared.subarray(479))).toThrow(invalid('not part of'));
    const plain = new Int16Array(4500);
    for (const memory of [shared, plain]) {
      expect(() => resampler.pushInto(memory.subarray(0, 480), memory.subarray(480))).not.toThrow();
    }
  });

  it('refuses to change between integers and floating point in mid-stream', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    resampler.push(frameOf(noise(480), 48_000));
    const output = new Float32Array(resampler.maxOutput(480));
    expect(() => resampler.pushInto(new Float32Array(480), output)).toThrow(
      invalid('input is a Float32Array: pass the type of array that the stream began with, or flush first'),
    );
    expect(() => resampler.flushInto(output)).toThrow(invalid('one of the type that was pushed, Int16Array'));
    resampler.flush();
    expect(resampler.pushInto(new Float32Array(480), output)).toBeGreaterThanOrEqual(0);
    expect(() => resampler.push(frameOf(noise(480), 48_000))).toThrow(invalid('or flush first'));
    expect(() => resampler.flushInto(new Int16Array(5000))).toThrow(
      invalid('one of the type that was pushed, Float32Array'),
    );
  });
});

describe('maxOutput', () => {
  it('is room enough in any case, with every kind of cut', () => {
    const resamplers = PAIRS.flatMap(([from, to]) => [
      new AudioResampler(from, to, 2),
      new AudioResampler(from, to, 1, AudioResamplerQuality.HIGH, { latency: 'low' }),
    ]);
    fc.assert(
      fc.property(
        fc.constantFrom(...resamplers),
        fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 30 }),
        (resampler, cuts) => {
          for (const cut of cuts) {
            const input = new Int16Array(cut * resampler.channels);
            const output = new Int16Array(resampler.maxOutput(input.length));
            expect(resampler.pushInto(input, output)).toBeLessThanOrEqual(output.length);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is what native code asks for, to the sample', () => {
    for (const [from, to] of PAIRS) {
      for (const channels of [1, 2, 3]) {
        const resampler = new AudioResampler(from, to, channels);
        for (const frames of [1, 2, 7, 441, 480, 100_001]) {
          const input = new Int16Array(frames * channels);
          const room = resampler.maxOutput(input.length);
          expect(() => resampler.pushInto(input, new Int16Array(room - 1))).toThrow(invalid('output.length'));
          expect(resampler.pushInto(input, new Int16Array(room))).toBeLessThanOrEqual(room);
        }
      }
    }
  });

  it.each([-1, 1.5, NaN, Infinity, '480', undefined])('refuses %s', (value) => {
    expect(() => new AudioResampler(48_000, 16_000).maxOutput(any(value))).toThrow(invalid('inputSamples is'));
  });
});

describe('flush', () => {
  it('makes the length exact and the cuts indifferent', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<[number, number]>([48_000, 16_000], [44_100, 16_000], [24_000, 48_000], [16_000, 24_000]),
        fc.integer({ min: 1, max: 2 }),
        fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 1000 })), { maxLength: 40 }),
        ([from, to], channels, cuts) => {
          const total = cuts.reduce((sum, cut) => sum + cut, 0);
          const input = noise(total * channels);
          const resampler = new AudioResampler(from, to, channels);
          const frames: AudioFrame[] = [];
          let start = 0;
          for (const cut of cuts) {
            const end = start + cut * channels;
            frames.push(...resampler.push(frameOf(input.subarray(start, end), from, channels)));
            start = end;
          }
          frames.push(...resampler.flush());
          const whole = convert(new AudioResampler(from, to, channels), input);
          expect(whole).toHaveLength(rounded(total, from, to) * channels);
          expect(flat(frames)).toEqual(whole);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('twice gives nothing the second time, and a push after it starts anew', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const first = convert(resampler, noise(4800));
    expect(resampler.flush()).toEqual([]);
    expect(resampler.flushInto(new Int16Array(0))).toBe(0);
    expect(convert(resampler, noise(4800))).toEqual(first);
    expect(new AudioResampler(48_000, 16_000).flush()).toEqual([]);
  });

  it('into an array that is too small leaves all as it is', () => {
    const resampler = new AudioResampler(48_000, 16_000);
    const frames = resampler.push(frameOf(noise(4800), 48_000));
    const remain = 1600 - flat(frames).length;
    expect(() => resampler.flushInto(new Int16Array(remain - 1))).toThrow(invalid(`the ${remain} samples that remain`));
    expect(() => resampler.flushInto(detached(new Int16Array(remain)))).toThrow(invalid('memory is gone'));
    expect(() => resampler.flushInto(any([]))).toThrow(invalid('output is an Array'));
    expect(flat(resampler.flush())).toHaveLength(remain);
  });
});

describe('close', () => {
  it('ends all but the getters; twice is fine', () => {
    const resampler = new AudioResampler(48_000, 16_000, 2);
    const { latencyMs } = resampler;
    resampler.push(frameOf(noise(960), 48_000, 2));
    resampler.close();
    resampler.close();
    expect(() => resampler.push(frameOf(noise(960), 48_000, 2))).toThrow(failure('CLOSED', 'make another one'));
    expect(() => resampler.push(any<AudioFrame>(undefined))).toThrow(failure('CLOSED'));
    expect(() => resampler.pushInto(noise(2), noise(5000))).toThrow(failure('CLOSED'));
    expect(() => resampler.flush()).toThrow(failure('CLOSED'));
    expect(() => resampler.flushInto(noise(5000))).toThrow(failure('CLOSED'));
    expect(resampler).toMatchObject({
      inputRate: 48_000,
      outputRate: 16_000,
      channels: 2,
      passthrough: false,
      latencyMs,
    });
    expect(resampler.maxOutput(0)).toBe(0);
  });
});

describe('a constructor', () => {
  it.each<[string, unknown[], string]>([
    ...[0, -48_000, NaN, Infinity, 44_100.5, 768_001, '48000', undefined, null, 48_000n].flatMap<
      [string, unknown[], string]
    >((rate) => [
      [`with input rate ${String(rate)}`, [rate, 16_000], 'inputRate is'],
      [`with output rate ${String(rate)}`, [16_000, rate], 'outputRate is'],
    ]),
    ['with both rates 0', [0, 0], 'inputRate is 0'],
    ['with rates too far apart', [1000, 256_001], '1000 Hz to 256001 Hz'],
    ['with rates too far apart the other way', [768_000, 1], '768000 Hz to 1 Hz'],
    ...[0, -1, 65, 1.5, NaN, '1', null].map<[string, unknown[], string]>((channels) => [
      `with ${String(channels)} channels`,
      [48_000, 16_000, channels],
      'channels is',
    ]),
    ...[-1, 5, 1.5, NaN, 'HIGH', null].map<[string, unknown[], string]>((quality) => [
      `with quality ${String(quality)}`,
      [48_000, 16_000, 1, quality],
      'quality is',
    ]),
    ['with options that are none', [48_000, 16_000, 1, 2, 'low'], 'options is "low"'],
    ['with an unknown latency', [48_000, 16_000, 1, 2, { latency: 'high' }], 'latency is "high"'],
    ['with an unknown dither', [48_000, 16_000, 1, 2, { dither: 1 }], 'dither is 1'],
    ['with bad channels at equal rates', [48_000, 48_000, 0], 'channels is 0'],
  ])('%s is refused', (_, args, message) => {
    expect(() => new (any<new (...args: unknown[]) => unknown>(AudioResampler))(...args)).toThrow(invalid(message));
  });

  it("has rtc-node's qualities", () => {
    for (const name of ['QUICK', 'LOW', 'MEDIUM', 'HIGH', 'VERY_HIGH'] as const) {
      expect(AudioResamplerQuality[name]).toBe(RtcQuality[name]);
    }
  });

  it('takes every quality, and medium unless told', () => {
    const latencies = [0, 1, 2, 3, 4].map((quality) => new AudioResampler(48_000, 16_000, 1, quality).latencyMs);
    expect(latencies[0]).toBeLessThan(0.1);
    expect(latencies[1]).toBeLessThan(5);
    expect(new AudioResampler(48_000, 16_000).latencyMs).toBe(latencies[2]);
    const alias = (quality: AudioResamplerQuality) => {
      const tone = Float32Array.from({ length: 4800 }, (_, i) => Math.sin((2 * Math.PI * 20 * i) / 48));
      return Math.max(...convertInto(new AudioResampler(48_000, 16_000, 1, quality), tone).subarray(400, 1200));
    };
    expect(alias(AudioResamplerQuality.QUICK)).toBeGreaterThan(0.9);
    expect(alias(AudioResamplerQuality.LOW)).toBeLessThan(1e-4);
  });
});

describe('latencyMs', () => {
  it.each(PAIRS.flatMap(([from, to]) => (['default', 'low'] as const).map((latency) => [from, to, latency] as const)))(
    '%i → %i Hz, %s: is what pushes of 10 ms hold back at worst, and none of them returns nothing',
    (from, to, latency) => {
      const resampler = new AudioResampler(from, to, 1, AudioResamplerQuality.MEDIUM, { latency });
      const input = new Int16Array(from / 100);
      const output = new Int16Array(resampler.maxOutput(input.length));
      let [written, worst, empty] = [0, 0, 0];
      for (let push = 1; push <= 1000; push++) {
        const samples = resampler.pushInto(input, output);
        written += samples;
        worst = Math.max(worst, push * 10 - (written * 1000) / to);
        if (samples === 0 && push > 3) empty++;
      }
      expect(worst).toBeLessThanOrEqual(latency === 'low' ? 10 : 18);
      expect(empty).toBe(0);
      expect(Math.abs(resampler.latencyMs - worst)).toBeLessThan(0.5);
    },
  );
});

describe('dither', () => {
  it('is off unless asked for: silence stays silence', () => {
    expect(new Set(convert(new AudioResampler(48_000, 16_000), new Int16Array(48_000)))).toEqual(new Set([0]));
    const dithered = new AudioResampler(48_000, 16_000, 1, AudioResamplerQuality.MEDIUM, { dither: true });
    expect(new Set(convert(dithered, new Int16Array(48_000))).size).toBeGreaterThan(1);
  });
});

it('a full-scale square wave is clipped, and never wraps', () => {
  const square = Int16Array.from({ length: 48_000 }, (_, i) => (i % 480 < 240 ? 32_767 : -32_768));
  const output = convert(new AudioResampler(48_000, 16_000), square);
  // Away from the edges, each half has its sign.
  const wrong = output.filter((sample, i) => {
    const at = i % 80;
    return at > 10 && at < 70 && (i % 160 < 80 ? sample < 25_000 : sample > -25_000);
  });
  expect(wrong).toEqual([]);
});

describe('in place of rtc-node’s', () => {
  const Gathering = classesFor(rtcNode).AudioResampler as typeof AudioResampler;

  const tens = Array.from({ length: 10 }, (_, at) => noise(480).map((sample) => sample - at));

  it('converts three frames of 10 ms together, and gives the same samples', () => {
    const [gathering, plain] = [new Gathering(48_000, 16_000), new AudioResampler(48_000, 16_000)];
    const frames = tens.map((data, id) => gathering.push(frameOf(data, 48_000, 1, { id })));
    expect(frames.map(({ length }) => length)).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 1, 0]);
    expect(frames[2]![0]!.userdata).toEqual({ id: 2 });
    const whole = [...frames.flat(), ...gathering.flush()];
    const expected = [...tens.flatMap((data) => plain.push(frameOf(data, 48_000))), ...plain.flush()];
    expect(flat(whole)).toEqual(flat(expected));
    // The next stream begins with nothing.
    expect(gathering.flush()).toEqual([]);
    expect(flat([...gathering.push(frameOf(noise(4800), 48_000)), ...gathering.flush()])).toEqual(
      flat([...plain.push(frameOf(noise(4800), 48_000)), ...plain.flush()]),
    );
  });

  it('passes on at once what is as long, and holds back no more than rtc-node does', () => {
    const gathering = new Gathering(48_000, 16_000, 2);
    const [first] = gathering.push(frameOf(noise(2 * 1440), 48_000, 2));
    expect(first!.samplesPerChannel).toBeGreaterThan(0);
    expect(gathering.push(frameOf(noise(2 * 1439), 48_000, 2))).toEqual([]);
    expect(gathering.push(frameOf(noise(2), 48_000, 2))[0]!.samplesPerChannel).toBeGreaterThan(0);
    expect(new Gathering(48_000, 16_000).latencyMs).toBeLessThanOrEqual(37.6);
  });

  it('copies what waits: its frame may be filled anew', () => {
    const [gathering, plain] = [new Gathering(48_000, 16_000), new AudioResampler(48_000, 16_000)];
    const frame = frameOf(new Int16Array(480), 48_000);
    const frames = tens.flatMap((data) => {
      frame.data.set(data);
      return gathering.push(frame);
    });
    const expected = [...tens.flatMap((data) => plain.push(frameOf(data, 48_000))), ...plain.flush()];
    expect(flat([...frames, ...gathering.flush()])).toEqual(flat(expected));
  });

  it('refuses what it can’t take, and keeps what waits', () => {
    const gathering = new Gathering(48_000, 16_000, 2);
    expect(gathering.push(frameOf(noise(200), 48_000, 2))).toEqual([]);
    expect(() => gathering.push(frameOf(noise(201), 48_000, 2))).toThrow(invalid('a multiple of the 2 channels'));
    const wait = invalid('samples of push() wait to be converted');
    expect(() => gathering.pushInto(noise(200), new Int16Array(4000))).toThrow(wait);
    expect(() => gathering.flushInto(new Int16Array(4000))).toThrow(wait);
    const plain = new AudioResampler(48_000, 16_000, 2);
    expect(flat(gathering.flush())).toEqual(flat([...plain.push(frameOf(noise(200), 48_000, 2)), ...plain.flush()]));
    expect(gathering.pushInto(noise(200), new Int16Array(4000))).toBeGreaterThanOrEqual(0);
    gathering.push(frameOf(noise(200), 48_000, 2));
    gathering.close();
    expect(() => gathering.push(frameOf(noise(200), 48_000, 2))).toThrow(failure('CLOSED', 'make another one'));
  });

  it.each([AudioResamplerQuality.QUICK, AudioResamplerQuality.LOW])('gathers nothing at quality %i', (quality) => {
    const gathering = new Gathering(48_000, 16_000, 1, quality);
    expect(tens.map((data) => gathering.push(frameOf(data, 48_000)).length)).toEqual(tens.map(() => 1));
  });
});

/** Each in a process of its own, which may die. */
describe('in the long run', () => {
  it.each(['push', 'pushInto', 'create', 'forget'])(
    'memory is flat: %s',
    async (what) => {
      const { status, signal, stderr, stdout } = await runNode('resampler-memory.mjs', [what]);
      expect([status, signal, stderr]).toEqual([0, null, '']);
      expect(stdout).toMatch(/^flat: /);
    },
    90_000,
  );

  it.each(['1', '0'])(
    '100 resamplers in 4 worker threads give what one gives (SOXR_USE_SIMD=%s)',
    async (simd) => {
      const env = { SOXR_USE_SIMD: simd };
      const { status, signal, stderr, stdout } = await runNode('resampler-threads.mjs', [], { env, limitMs: 120_000 });
      expect([status, signal, stderr, stdout]).toEqual([0, null, '', 'all alike\n']);
    },
    120_000,
  );
});
