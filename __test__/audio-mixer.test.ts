import { AudioFrame as RtcAudioFrame } from '@livekit/rtc-node';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { AudioFrame, AudioMixer, AudioStream, type AudioMixerOptions, type MixerStream } from '../src/index.js';
import { failure, isPending } from './support/expect.js';
import { block, turn, until } from './support/wait.mjs';

/** 1 kHz in blocks of 4 samples, which can be written out; no stream is late. */
const RATE = 1000;
const PATIENT = { blocksize: 4, streamTimeoutMs: 60_000 } satisfies AudioMixerOptions;

const any = <T>(value: unknown) => value as T;
const frame = (...values: number[]) => new AudioFrame(Int16Array.from(values), RATE, 1, values.length);
const DONE = { done: true, value: undefined };

/** A stream that gives frames at once. */
async function* stream(...frames: AudioFrame[]) {
  yield* frames;
}

/** A stream that gives what it is given, when it is given. */
class Pushed implements MixerStream {
  readonly #waiting: ((result: IteratorResult<AudioFrame>) => void)[] = [];
  readonly #given: IteratorResult<AudioFrame>[] = [];
  /** Frames that it was asked for. */
  asked = 0;

  push(...values: number[]): void {
    this.#give({ done: false, value: frame(...values) });
  }

  end(): void {
    this.#give({ done: true, value: undefined });
  }

  #give(result: IteratorResult<AudioFrame>): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(result);
    else this.#given.push(result);
  }

  [Symbol.asyncIterator]() {
    return {
      next: () => {
        this.asked++;
        const given = this.#given.shift();
        return given ? Promise.resolve(given) : new Promise<IteratorResult<AudioFrame>>((r) => this.#waiting.push(r));
      },
    };
  }
}

function mix(streams: readonly MixerStream[], options: AudioMixerOptions = PATIENT): AudioMixer {
  const mixer = new AudioMixer(RATE, 1, options);
  for (const each of streams) mixer.addStream(each);
  return mixer;
}

async function all(mixer: AudioMixer): Promise<number[]> {
  const samples: number[] = [];
  for await (const { data } of mixer) samples.push(...data);
  return samples;
}

const nextOf = async (mixer: AudioMixer) => {
  const { value } = await mixer[Symbol.asyncIterator]().next();
  return value && [...value.data];
};

describe('AudioMixer: the sum', () => {
  it('is exact, however streams are cut, and limited to 16 bits', async () => {
    const sample = fc.oneof(fc.integer({ min: -32_768, max: 32_767 }), fc.constantFrom(-32_768, 32_767));
    const cut = fc.array(fc.array(sample, { maxLength: 9 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 5 }), async (streams) => {
        const mixer = mix(streams.map((frames) => stream(...frames.map((values) => frame(...values)))));
        const flat = streams.map((frames) => frames.flat());
        const length = Math.ceil(Math.max(...flat.map((samples) => samples.length)) / 4) * 4;
        const sums = Array.from({ length }, (_, at) => flat.reduce((sum, samples) => sum + (samples[at] ?? 0), 0));
        const limited = sums.map((sum) => Math.max(-32_768, Math.min(32_767, sum)));
        expect(await all(mixer)).toEqual(limited);
        expect(mixer.stats()).toMatchObject({
          framesOut: length / 4,
          samplesLimited: sums.filter((sum, at) => sum !== limited[at]).length,
          timeouts: 0,
        });
      }),
      { numRuns: 100 },
    );
  });

  it('of AudioStreams is read natively, in any pieces, beside a stream of frames', async () => {
    const [one, other] = [new AudioStream({ sampleRate: RATE, frameSizeMs: 3 }), new AudioStream({ sampleRate: RATE })];
    const mixer = mix([one, other, stream(frame(1000), frame(1000, 1000, 1000))]);
    one.write(Int16Array.of(1, 2));
    await turn();
    one.write(Int16Array.of(3, 4, 5, 6));
    other.write(Int16Array.of(10, 20, 30, 40, 50));
    expect(await nextOf(mixer)).toEqual([1011, 1022, 1033, 1044]);
    one.close();
    other.close();
    expect(await all(mixer)).toEqual([55, 6, 0, 0]);
  });

  it('is resampled from other rates, and spread or averaged from other channels', async () => {
    const tone = (rate: number, channels: number) =>
      Int16Array.from({ length: (rate / 2) * channels }, (_, at) =>
        Math.round(8000 * Math.sin((2 * Math.PI * 100 * Math.floor(at / channels)) / rate)),
      );
    const of = (rate: number, channels: number) =>
      stream(any(new AudioFrame(tone(rate, channels), rate, channels, rate / 2)));
    const mixer = new AudioMixer(16_000, 2, { ...PATIENT, blocksize: 1600 });
    for (const each of [of(48_000, 1), of(16_000, 2), of(8000, 1)]) mixer.addStream(each);
    const native = new AudioStream({ sampleRate: 48_000 });
    native.write(tone(48_000, 1));
    native.close();
    mixer.addStream(native);
    const mixed: number[] = [];
    for await (const { data, channels, sampleRate } of mixer) {
      expect([channels, sampleRate]).toEqual([2, 16_000]);
      mixed.push(...data);
    }
    expect(mixed).toHaveLength(16_000);
    const expected = tone(16_000, 2).map((sample) => 4 * sample);
    const error = (sample: number, at: number) => Math.abs(sample - expected[at]!);
    // Away from the ends, where a filter rings.
    expect(Math.max(...mixed.map(error).slice(2000, 14_000))).toBeLessThan(60);
  });

  it('has one channel of several', async () => {
    const mixer = new AudioMixer(RATE, 1, PATIENT);
    mixer.addStream(stream(new AudioFrame(Int16Array.of(10, 20, -7, -4), RATE, 2, 2)));
    expect(await all(mixer)).toEqual([15, -5, 0, 0]);
  });
});

describe('AudioMixer: a stream that is late', () => {
  const impatient = { blocksize: 4, streamTimeoutMs: 20 };

  it('is not waited for any longer, and what it gives is mixed into later frames', async () => {
    const [prompt, late] = [new Pushed(), new Pushed()];
    const mixer = mix([prompt, late], impatient);
    prompt.push(1, 1, 1, 1);
    late.push(100, 200);
    expect(await nextOf(mixer)).toEqual([101, 201, 1, 1]);
    prompt.push(1, 1, 1, 1);
    expect(await nextOf(mixer)).toEqual([1, 1, 1, 1]);
    late.push(300, 400, 500, 600);
    prompt.push(1, 1, 1, 1);
    expect(await nextOf(mixer)).toEqual([301, 401, 501, 601]);
    expect(mixer.stats()).toMatchObject({ timeouts: 1, lateMs: 6, streams: 2 });
    prompt.end();
    late.end();
    expect(await all(mixer)).toEqual([]);
  });

  it('is mixed late also where it is an AudioStream', async () => {
    const [prompt, late] = [new AudioStream({ sampleRate: RATE }), new AudioStream({ sampleRate: RATE })];
    const mixer = mix([late, prompt], impatient);
    prompt.write(Int16Array.of(1, 1, 1, 1));
    expect(await nextOf(mixer)).toEqual([1, 1, 1, 1]);
    late.write(Int16Array.of(7, 8, 9, 10));
    prompt.write(Int16Array.of(1, 1, 1, 1));
    expect(await nextOf(mixer)).toEqual([8, 9, 10, 11]);
    await mixer.aclose();
  });

  it('alone gives no frame: there is nothing to mix', async () => {
    const late = new Pushed();
    const mixer = mix([late], { ...impatient, streamTimeoutMs: 1 });
    const next = nextOf(mixer);
    await until(() => mixer.stats().timeouts === 1, 'the stream was late');
    expect(await isPending(next)).toBe(true);
    late.push(1, 2, 3, 4);
    expect(await next).toEqual([1, 2, 3, 4]);
    await mixer.aclose();
  });

  it('lets the others come at twice the pace of the clock, and not all at once', async () => {
    const dead = new Pushed();
    const endless = (async function* () {
      for (;;) yield frame(...new Array<number>(100).fill(1));
    })();
    const mixer = mix([endless, dead], { blocksize: 100, streamTimeoutMs: 60 });
    const began = performance.now();
    await until(() => mixer.stats().framesOut >= 5, 'five frames are mixed');
    // 60 ms for the first, half of 100 ms for each of the others.
    expect(performance.now() - began).toBeGreaterThan(250);
    await mixer.aclose();
  });

  it('is none that gives nothing for some turns after the thread was blocked', async () => {
    const [prompt, other] = [new Pushed(), new Pushed()];
    const mixer = mix([prompt, other], { blocksize: 4, streamTimeoutMs: 200 });
    prompt.push(1, 1, 1, 1);
    const next = nextOf(mixer);
    const began = performance.now();
    await until(() => performance.now() - began > 50, 'it waits for the other stream');
    block(300);
    for (let n = 0; n < 3; n++) await turn();
    other.push(1, 2, 3, 4);
    expect(await next).toEqual([2, 3, 4, 5]);
    expect(mixer.stats().timeouts).toBe(0);
    await mixer.aclose();
  });

  it('is none while the thread was blocked: the sum stays in step', async () => {
    const streams = [1, 2].map(() => new AudioStream({ sampleRate: RATE, frameSizeMs: 4 }));
    const paced = async function* (value: number) {
      for (let n = 0; n < 40; n++) {
        await turn();
        yield frame(...new Array<number>(4).fill(value + n));
      }
    };
    const mixer = mix([paced(0), paced(1000), ...streams], { blocksize: 4, streamTimeoutMs: 60 });
    const mixed = all(mixer);
    for (let n = 0; n < 40; n++) {
      if (n % 10 === 0) block(150);
      for (const each of streams) each.write(new Int16Array(4).fill(n));
      await turn();
    }
    for (const each of streams) each.close();
    expect(await mixed).toEqual(Array.from({ length: 160 }, (_, at) => 1000 + 4 * Math.floor(at / 4)));
    expect(mixer.stats().timeouts).toBe(0);
  });
});

describe('AudioMixer: memory', () => {
  it('has as many frames as it may, and reads no further', async () => {
    const pushed = new Pushed();
    for (let n = 0; n < 20; n++) pushed.push(n, n, n, n);
    const mixer = mix([pushed], { ...PATIENT, capacity: 3 });
    await until(() => mixer.stats().framesBuffered === 3, 'the queue is full');
    await turn();
    expect([pushed.asked, mixer.stats().framesBuffered]).toEqual([3, 3]);
    expect(await nextOf(mixer)).toEqual([0, 0, 0, 0]);
    await until(() => pushed.asked === 4, 'it reads on');
    await mixer.aclose();
  });

  it('has one frame of a stream that is ahead', async () => {
    const [fast, slow] = [new Pushed(), new Pushed()];
    const mixer = mix([fast, slow]);
    for (let n = 0; n < 20; n++) fast.push(1, 2, 3, 4, 5, 6);
    await turn();
    await turn();
    expect(fast.asked).toBe(1);
    await mixer.aclose();
  });

  it('leaves timers and I/O their turn, with streams and readers that never wait', async () => {
    const endless = (async function* () {
      for (;;) yield frame(1, 2, 3, 4);
    })();
    const mixer = mix([endless]);
    let isOver = false;
    const timer = setTimeout(() => (isOver = true), 1);
    for await (const _ of mixer) if (isOver) break;
    clearTimeout(timer);
    await mixer.aclose();
  });
});

describe('AudioMixer: streams that come, go and fail', () => {
  it('mixes a stream that comes later from its first sample on', async () => {
    const first = new Pushed();
    const mixer = mix([first]);
    first.push(1, 1, 1, 1);
    expect(await nextOf(mixer)).toEqual([1, 1, 1, 1]);
    mixer.addStream(stream(frame(5, 6, 7, 8)));
    first.push(1, 1, 1, 1);
    expect(await nextOf(mixer)).toEqual([6, 7, 8, 9]);
    await mixer.aclose();
  });

  it('goes on at once without a stream that is removed, which can be read then', async () => {
    const [stays, goes] = [new Pushed(), new AudioStream({ sampleRate: RATE, frameSizeMs: 4 })];
    const mixer = mix([stays, goes]);
    stays.push(1, 2, 3, 4);
    const next = nextOf(mixer);
    expect(await isPending(next)).toBe(true);
    expect(() => goes.tryRead()).toThrow(failure('LOCKED'));
    expect(() => mix([goes])).toThrow(failure('LOCKED'));
    mixer.removeStream(goes);
    mixer.removeStream(goes);
    expect(await next).toEqual([1, 2, 3, 4]);
    goes.write(Int16Array.of(5, 6, 7, 8));
    expect(goes.tryRead()?.data).toEqual(Int16Array.of(5, 6, 7, 8));
    mixer.addStream(goes);
    await mixer.aclose();
    expect(goes.locked).toBe(false);
  });

  it('ends a stream that throws, or gives no audio, with a warning, and mixes the others', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const throwing = async function* () {
      yield frame(1, 1);
      throw new Error('gone wrong');
    };
    const broken = any<MixerStream>({
      [Symbol.asyncIterator]: () => {
        throw new Error('no iterator');
      },
    });
    const wrong = [
      throwing(),
      broken,
      stream(any('noise')),
      stream(any({ data: [1, 2], sampleRate: RATE, channels: 1 })),
      stream(new AudioFrame(new Int16Array(3), RATE, 2, 1)),
      stream(new AudioFrame(new Int16Array(3), 0, 1, 3)),
    ];
    const mixer = mix([...wrong, stream(frame(10, 20, 30, 40))]);
    expect(await all(mixer)).toEqual([11, 21, 30, 40]);
    expect(mixer.stats()).toMatchObject({ streams: 0, streamsFailed: 6 });
    expect(warn.mock.calls.map(([text]) => String(text))).toContainEqual(expect.stringContaining('gone wrong'));
    warn.mockRestore();
  });

  it('refuses channels that it can not mix', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const mixer = new AudioMixer(RATE, 2, PATIENT);
    mixer.addStream(stream(new AudioFrame(new Int16Array(6), RATE, 3, 2)));
    expect(await all(mixer)).toEqual([]);
    expect(String(warn.mock.calls[0]?.[0])).toContain('channels is 3: pass 1 or 2');
    warn.mockRestore();
  });
});

describe('AudioMixer: its end', () => {
  it('comes with the end of the last stream, and is final', async () => {
    const mixer = mix([stream(frame(1, 2, 3, 4, 5)), stream(frame(1))]);
    expect(await all(mixer)).toEqual([2, 2, 3, 4, 5, 0, 0, 0]);
    expect(() => mixer.addStream(stream())).toThrow(failure('CLOSED'));
    expect(await mixer[Symbol.asyncIterator]().next()).toEqual(DONE);
  });

  it('comes at once after endInput() without a stream, also for a reader that waits', async () => {
    const mixer = mix([]);
    const next = mixer[Symbol.asyncIterator]().next();
    mixer.endInput();
    expect(await next).toEqual(DONE);
  });

  it('comes with the last stream that is removed after endInput()', async () => {
    const pushed = new Pushed();
    const mixer = mix([pushed]);
    const next = mixer[Symbol.asyncIterator]().next();
    mixer.endInput();
    expect(await isPending(next)).toBe(true);
    mixer.removeStream(pushed);
    expect(await next).toEqual(DONE);
  });

  it('comes with aclose(), while it waits for streams, and leaves what is mixed readable', async () => {
    const pushed = new Pushed();
    const mixer = mix([pushed]);
    pushed.push(1, 2, 3, 4, 5);
    await until(() => mixer.stats().framesOut === 1, 'a frame is mixed');
    await mixer.aclose();
    await mixer.aclose();
    pushed.push(6, 7, 8);
    expect(await all(mixer)).toEqual([1, 2, 3, 4]);
    expect(() => mixer.addStream(pushed)).toThrow(failure('CLOSED'));
  });
});

describe('AudioMixer: floating point', () => {
  it('is mixed with NaN as silence, which is counted', async () => {
    const data = Float32Array.of(NaN, 0.5, NaN, -1);
    const floats = async function* () {
      yield { data, sampleRate: RATE, channels: 1 };
    };
    const mixer = mix([floats(), stream(frame(1, 2, 3, 4))]);
    expect(await all(mixer)).toEqual([1, 16_386, 3, -32_764]);
    expect(mixer.stats()).toMatchObject({ samplesInvalid: 2, samplesLimited: 0 });
  });
});

describe('AudioMixer: arguments', () => {
  it.each<[string, unknown[]]>([
    ['sampleRate', [0, 1]],
    ['sampleRate', ['48000', 1]],
    ['numChannels', [48_000, 0]],
    ['blocksize', [48_000, 1, { blocksize: -1 }]],
    ['blocksize', [48_000, 1, { blocksize: 1.5 }]],
    ['streamTimeoutMs', [48_000, 1, { streamTimeoutMs: NaN }]],
    ['streamTimeoutMs', [48_000, 1, { streamTimeoutMs: -1 }]],
    ['capacity', [48_000, 1, { capacity: 0 }]],
    ['options.blockSize', [48_000, 1, { blockSize: 480 }]],
    ['options', [48_000, 1, null]],
  ])('%s that is wrong is refused: %o', (what, args) => {
    expect(() => Reflect.construct(AudioMixer, args) as unknown).toThrow(failure('INVALID_ARGUMENT', what));
  });

  it.each([undefined, null, 1, {}, [1, 2]])('a stream that is %o is refused', (value) => {
    expect(() => mix([]).addStream(any(value))).toThrow(failure('INVALID_ARGUMENT', 'stream is'));
  });

  it('have rtc-node defaults: 100 ms, and any number of frames by name', async () => {
    const mixer = new AudioMixer(48_000, 2, { blocksize: 0, capacity: Infinity });
    mixer.addStream(stream(any(new RtcAudioFrame(new Int16Array(2), 48_000, 2, 1))));
    const { value } = await mixer[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ sampleRate: 48_000, channels: 2, samplesPerChannel: 4800 });
  });
});
