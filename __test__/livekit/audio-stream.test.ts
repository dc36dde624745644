import * as rtc from '@livekit/rtc-node';
import { afterAll, afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ReadReport } from '../../src/index.js';
import { AudioStream, install } from '../../src/livekit/index.js';
import { native } from '../../src/native.js';
import type { PcmReadable } from '../../src/pcm-readable.js';
import { openTracks, play, subscribe } from '../support/meeting.js';
import { block, until } from '../support/wait.mjs';

const engine = install();
afterAll(() => engine.uninstall());

const code = (expected: string) => expect.objectContaining({ name: 'NarrowcastError', code: expected });

/** The samples that a track has played from its start, as many as `length`. */
function played(pcm: Int16Array, length: number, from = 0): Int16Array {
  return new Int16Array(length).map((_, i) => pcm[(from + i) % pcm.length]!);
}

describe('frames', () => {
  test('arrive whole, in order, as rtc-node frames that cover their buffer', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000, 1);
    play([one!], 30);
    let samples = 0;
    for await (const frame of stream) {
      expect(frame).toBeInstanceOf(rtc.AudioFrame);
      expect(frame).toMatchObject({ sampleRate: 16_000, channels: 1, samplesPerChannel: 160 });
      expect(frame.data.buffer.byteLength).toBe(320);
      expect(frame.data).toEqual(played(one!.pcm, 160, samples));
      samples += 160;
      if (samples === 30 * 160) break;
    }
    expect(stream.stats()).toEqual({ framesIn: 30, framesOut: 30, framesDropped: 0, framesCleared: 0, bufferedMs: 0 });
  });

  test('go to the stream of their own track only', async () => {
    const tracks = openTracks(8);
    const streams = tracks.map(({ track }) => new AudioStream(track, 16_000));
    play(tracks, 10);
    for (const [number, stream] of streams.entries()) {
      const samples = new Int16Array(1600);
      let read = 0;
      for await (const frame of stream) {
        samples.set(frame.data, read);
        read += frame.data.length;
        if (read === samples.length) break;
      }
      expect(samples).toEqual(played(tracks[number]!.pcm, 1600));
    }
  });

  test('have the length that was asked for, also one that the engine does not have', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, frameSizeMs: 25 });
    play([one!], 10);
    const reader = stream.getReader();
    for (let at = 0; at < 1600; at += 400) {
      const { value } = await reader.read();
      expect(value!.data).toEqual(played(one!.pcm, 400, at));
    }
    await reader.cancel();
  });

  test.each([
    [22_050, undefined],
    [11_025, undefined],
    [11_025, 25],
    [44_100, 15],
    [12_345, 30],
  ])("at %i Hz, in frames of %s ms, have as many samples as rtc-node's", async (sampleRate, frameSizeMs) => {
    const source = new rtc.AudioSource(48_000, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack('odd', source);
    const options = { sampleRate, ...(frameSizeMs && { frameSizeMs }) };
    const both = [new AudioStream(track, options), new rtc.AudioStream(track, options)];
    const reads = both.map((stream) => stream.getReader().read());
    for (let i = 0; i < 20; i++) await source.captureFrame(rtc.AudioFrame.create(48_000, 1, 480));
    const [ours, theirs] = (await Promise.all(reads)).map(({ value }) => value!);
    expect([ours!.sampleRate, ours!.samplesPerChannel]).toEqual([theirs!.sampleRate, theirs!.samplesPerChannel]);
    await track.close();
  });

  test('of two channels stay interleaved', async () => {
    const source = new rtc.AudioSource(48_000, 2, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack('stereo', source);
    const stream = new AudioStream(track, 48_000, 2);
    const left = new Int16Array(960).map((_, i) => (i % 2 === 0 ? 1000 : -1000));
    await source.captureFrame(new rtc.AudioFrame(left, 48_000, 2, 480));
    const frame = await stream[Symbol.asyncIterator]().next();
    expect(frame.value).toMatchObject({ channels: 2, samplesPerChannel: 480 });
    expect(frame.value!.data).toEqual(left);
    stream.close();
  });

  test('pass through a frame processor when they are read, and one that fails passes them on', async () => {
    const [one] = openTracks(1);
    class Halve extends rtc.FrameProcessor<rtc.AudioFrame> {
      calls = 0;
      closed = 0;
      isEnabled = () => true;
      setEnabled = () => {};
      process(frame: rtc.AudioFrame): rtc.AudioFrame {
        if (++this.calls === 2) throw new Error('once');
        return new rtc.AudioFrame(
          frame.data.map((s) => s >> 1),
          frame.sampleRate,
          frame.channels,
          frame.samplesPerChannel,
        );
      }
      close = () => void this.closed++;
    }
    const processor = new Halve();
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, noiseCancellation: processor });
    play([one!], 2);
    const reader = stream.getReader();
    expect((await reader.read()).value!.data).toEqual(played(one!.pcm, 160).map((s) => s >> 1));
    expect((await reader.read()).value!.data).toEqual(played(one!.pcm, 160, 160));
    await reader.cancel();
    expect(processor.closed).toBe(1);
  });

  const iterate = (stream: AudioStream) => {
    const frames = stream.values();
    return [frames.next(), frames.next()];
  };
  const read = (stream: AudioStream) => {
    const reader = stream.getReader();
    return [reader.read(), reader.read()];
  };

  test.each([
    ['iterates', iterate],
    ['reads', read],
  ])('are not lost where the frame processor closes the stream: who %s gets what it made', async (_, take) => {
    const [one] = openTracks(1);
    const noiseCancellation = {
      symbol: Symbol.for('lk.frame-processor'),
      isEnabled: () => true,
      process: (frame: rtc.AudioFrame) => (stream.close(), frame),
      close() {},
    } as never;
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, noiseCancellation });
    const pending = take(stream);
    play([one!], 1);
    expect((await pending[0]!).value!.data).toEqual(played(one!.pcm, 160));
    expect((await pending[1]!).done).toBe(true);
  });
});

describe('a frame processor', () => {
  /** Halves each sample, and notes what it is called for, and what for after its end. */
  class Halving extends rtc.FrameProcessor<rtc.AudioFrame> {
    processed = 0;
    closed = 0;
    afterClose = 0;
    isEnabled = () => true;
    setEnabled = () => {};
    process({ data, sampleRate, channels, samplesPerChannel }: rtc.AudioFrame): rtc.AudioFrame {
      this.processed++;
      if (this.closed > 0) this.afterClose++;
      return new rtc.AudioFrame(
        data.map((sample) => sample >> 1),
        sampleRate,
        channels,
        samplesPerChannel,
      );
    }
    close = () => void this.closed++;
  }
  const halved = (pcm: Int16Array, length: number, from = 0) => played(pcm, length, from).map((sample) => sample >> 1);

  function open(options: object = {}) {
    const [one] = openTracks(1);
    const processor = new Halving();
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, noiseCancellation: processor, ...options });
    return { one: one!, processor, stream };
  }

  test.each<[string, (stream: AudioStream, track: rtc.LocalAudioTrack) => unknown]>([
    ['the stream is closed', (stream) => stream.close()],
    ['the track ends, and the stream is not read', (_, track) => track.close()],
  ])('is closed when %s, once, and has processed what is buffered before', async (_, end) => {
    const { one, processor, stream } = open();
    play([one], 30);
    await until(() => stream.stats().framesIn === 30, 'all was played');
    expect((await stream.getReader().read()).value!.data).toEqual(halved(one.pcm, 160));
    await end(stream, one.track);
    await until(() => processor.closed > 0, 'it is closed');
    expect(processor).toMatchObject({ processed: 30, closed: 1, afterClose: 0 });
    expect(stream.stats()).toMatchObject({ framesIn: 30, framesOut: 1, framesDropped: 0 });
    expect(stream.stats().bufferedMs).toBeCloseTo(290);
  });

  test('has processed all that is read after the end, in order', async () => {
    const { one, processor, stream } = open();
    play([one], 30);
    await until(() => stream.stats().framesIn === 30, 'all was played');
    stream.close();
    const read: number[] = [];
    for await (const frame of stream) read.push(...frame.data);
    expect(Int16Array.from(read)).toEqual(halved(one.pcm, 4800));
    expect(processor).toMatchObject({ processed: 30, closed: 1, afterClose: 0 });
    expect(stream.stats()).toEqual({ framesIn: 30, framesOut: 30, framesDropped: 0, framesCleared: 0, bufferedMs: 0 });
  });

  test('is closed by cancel, and processes nothing of what is given up', async () => {
    const { one, processor, stream } = open();
    play([one], 10);
    await until(() => stream.stats().framesIn === 10, 'all was played');
    await stream.cancel();
    expect(processor).toMatchObject({ processed: 0, closed: 1 });
  });

  test('that is to stay open processes what is read after the end', async () => {
    const { one, processor, stream } = open({ autoCloseNoiseCancellation: false });
    play([one], 5);
    await until(() => stream.stats().framesIn === 5, 'all was played');
    await one.track.close();
    let frames = 0;
    for await (const _ of stream) frames++;
    expect([frames, processor.processed, processor.closed]).toEqual([5, 5, 0]);
  });

  test('processes what readInto gives, whatever the lengths; what it leaves is the next frame', async () => {
    const { one, processor, stream } = open();
    play([one], 10);
    await until(() => stream.stats().framesIn === 10, 'all was played');
    const target = new Int16Array(400);
    expect(stream.readInto(target)).toBe(400);
    expect(target).toEqual(halved(one.pcm, 400));
    const rest = stream.tryRead()!;
    expect(rest).toMatchObject({ sampleRate: 16_000, channels: 1, samplesPerChannel: 80 });
    expect(rest.data).toEqual(halved(one.pcm, 80, 400));
    expect(stream.readInto(target.subarray(0, 100))).toBe(100);
    expect(stream.readInto(target.subarray(100))).toBe(300);
    expect(target).toEqual(halved(one.pcm, 400, 480));
    expect(processor.processed).toBe(6);
    stream.close();
    const all = new Int16Array(2000);
    expect(stream.readInto(all)).toBe(720);
    expect(all.subarray(0, 720)).toEqual(halved(one.pcm, 720, 880));
    expect(stream.readInto(all)).toBe(0);
  });

  test('readInto reports a gap before the samples that it returns', async () => {
    const { one, stream } = open({ bufferMs: 50 });
    play([one], 8);
    await until(() => stream.stats().framesIn === 8, 'all was played');
    const report = { droppedBefore: -1 };
    expect(stream.readInto(new Int16Array(100), report)).toBe(100);
    expect(report.droppedBefore).toBe(3);
    expect(stream.readInto(new Int16Array(100), report)).toBe(100);
    expect(report.droppedBefore).toBe(0);
    stream.close();
  });
});

describe('frames that a budget joins', () => {
  afterEach(() => vi.unstubAllEnvs());

  /** A processor that turns samples around, and notes the lengths that it gets. */
  class Turning extends rtc.FrameProcessor<rtc.AudioFrame> {
    readonly lengths: number[] = [];
    readonly positions: unknown[] = [];
    closed = false;
    afterClose = 0;
    isEnabled = () => true;
    setEnabled = () => {};
    process(frame: rtc.AudioFrame): rtc.AudioFrame {
      this.lengths.push(frame.samplesPerChannel);
      this.positions.push(frame.userdata['position']);
      if (this.closed) this.afterClose++;
      const rate = this.rateOf(this.lengths.length);
      return new rtc.AudioFrame(turned(frame.data), rate, 1, frame.samplesPerChannel, { made: this.lengths.length });
    }
    rateOf(_call: number): number {
      return 16_000;
    }
    close() {
      this.closed = true;
    }
  }
  const turned = (data: Int16Array) => data.map((sample) => -sample);

  async function open(chunks: number, options: object = {}, processor = new Turning()) {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, noiseCancellation: processor, ...options });
    // Also where the test fails: the tests that follow count streams.
    onTestFinished(() => stream.close());
    const pump = play([one!], chunks);
    await until(() => pump.stats()[0]!.captured === chunks, 'all was played');
    // The engine says so of the last 10 ms before the stream has them.
    const came = () => stream.stats().bufferedMs + 10 * stream.stats().framesDropped;
    await until(() => came() >= 10 * chunks, 'all has come');
    return { pcm: one!.pcm, processor, stream };
  }
  const all = (stream: AudioStream) => {
    const frames: rtc.AudioFrame[] = [];
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) frames.push(frame);
    return frames;
  };
  const samples = (frames: rtc.AudioFrame[]) => Int16Array.from(frames.flatMap(({ data }) => [...data]));
  const lengths = (frames: rtc.AudioFrame[]) => frames.map(({ samplesPerChannel }) => samplesPerChannel);

  test('have its length where the program asks for none', async () => {
    vi.stubEnv('NARROWCAST_FRAME_MS', '20');
    const [one] = openTracks(1);
    const none = new AudioStream(one!.track, 16_000, 1);
    const asked = new AudioStream(one!.track, { sampleRate: 16_000, frameSizeMs: 10 });
    const window = new AudioStream(one!.track, { sampleRate: 16_000, samplesPerFrame: 512 });
    const capped = new AudioStream(one!.track, { sampleRate: 16_000, maxFrameMs: 10 });
    // Of 220 samples, as rtc-node's, for frames of 10 ms.
    const odd = new AudioStream(one!.track, 22_050);
    play([one!], 8);
    await until(() => none.stats().framesIn === 4 && odd.stats().framesIn === 4, 'all was played');
    expect(lengths(all(none))).toEqual([320, 320, 320, 320]);
    expect(lengths(all(asked))).toEqual(Array(8).fill(160));
    expect(lengths(all(window))).toEqual([512, 512]);
    expect(lengths(all(capped))).toEqual(Array(8).fill(160));
    expect(odd.tryRead()!.samplesPerChannel).toBe(440);
    for (const stream of [none, asked, window, capped, odd]) stream.close();
  });

  test('are joined after the processor, which gets 10 ms at a time', async () => {
    vi.stubEnv('NARROWCAST_FRAME_MS', '50');
    const { pcm, processor, stream } = await open(12);
    stream.close();
    const frames = all(stream);
    expect(lengths(frames)).toEqual([800, 800, 320]);
    expect(samples(frames)).toEqual(turned(played(pcm, 1920)));
    expect(processor.lengths).toEqual(Array(12).fill(160));
    expect(processor.positions).toEqual(Array.from({ length: 12 }, (_, n) => n * 160));
    expect(frames.map(({ userdata }) => userdata)).toEqual([
      { position: 0, made: 1 },
      { position: 800, made: 6 },
      { position: 1600, made: 11 },
    ]);
    expect(stream.stats()).toMatchObject({ framesIn: 3, framesOut: 3, bufferedMs: 0 });
  });

  test('keep to maxFrameMs after a stall, with a processor and without', async () => {
    vi.stubEnv('NARROWCAST_MAX_FRAME_MS', '100');
    const { pcm, processor, stream } = await open(45, { bufferMs: 400 });
    const frames = all(stream);
    expect(lengths(frames)).toEqual([1600, 1600, 1600, 1600]);
    expect(samples(frames)).toEqual(turned(played(pcm, 6400, 800)));
    expect(frames[0]!.userdata).toEqual({ position: 800, droppedBefore: 5, made: 1 });
    expect(frames[1]!.userdata).toEqual({ position: 2400, made: 11 });
    expect(processor.lengths).toEqual(Array(40).fill(160));
    stream.close();
    const plain = await open(45, { noiseCancellation: undefined });
    expect(lengths(all(plain.stream))).toEqual([1600, 1600, 1600, 1600, 800]);
    plain.stream.close();
  });

  test.each([
    [1, 5],
    [3, 12],
  ])(
    'are whole, in order and processed once where the processor closes the stream in the midst of the first of %i',
    async (framesIn, chunks) => {
      vi.stubEnv('NARROWCAST_FRAME_MS', '50');
      const processor = new (class extends Turning {
        override process(frame: rtc.AudioFrame): rtc.AudioFrame {
          const processed = super.process(frame);
          if (this.lengths.length >= 2) stream.close();
          return processed;
        }
      })();
      const { pcm, stream } = await open(chunks, {}, processor);
      const frames = all(stream);
      expect(samples(frames)).toEqual(turned(played(pcm, chunks * 160)));
      expect(processor).toMatchObject({ closed: true, afterClose: 0 });
      expect(processor.lengths).toEqual(Array(chunks).fill(160));
      expect(stream.stats()).toMatchObject({ framesIn, framesOut: framesIn, bufferedMs: 0 });
    },
  );

  test('tell the processor of speech with each piece, and the reader with each part', async () => {
    vi.stubEnv('NARROWCAST_FRAME_MS', '20');
    const processor = new (class extends Turning {
      readonly told: unknown[] = [];
      override process(frame: rtc.AudioFrame): rtc.AudioFrame {
        this.told.push(frame.userdata['speech']);
        return super.process(frame);
      }
    })();
    const { stream } = await open(4, { speech: { deliver: 'all' } }, processor);
    stream.readInto(new Int16Array(100));
    expect(all(stream).map(({ userdata }) => [userdata['position'], userdata['speech']])).toEqual([
      [100, false],
      [320, false],
    ]);
    expect(processor.told).toEqual(Array(4).fill(false));
    stream.close();
  });

  test('are left apart where the processor changes the format within one', async () => {
    vi.stubEnv('NARROWCAST_FRAME_MS', '20');
    const processor = new (class extends Turning {
      override rateOf(call: number): number {
        return call === 2 ? 8000 : 16_000;
      }
    })();
    const { pcm, stream } = await open(4, {}, processor);
    const frames = all(stream);
    expect(frames.map(({ sampleRate, samplesPerChannel }) => [sampleRate, samplesPerChannel])).toEqual([
      [16_000, 160],
      [8000, 160],
      [16_000, 320],
    ]);
    expect(samples(frames)).toEqual(turned(played(pcm, 640)));
    stream.close();
  });

  test('are read in part by readInto, which tells the position of what it gives', async () => {
    vi.stubEnv('NARROWCAST_FRAME_MS', '20');
    const { pcm, stream } = await open(6);
    const target = new Int16Array(400);
    const report: ReadReport = { droppedBefore: -1 };
    expect(stream.readInto(target, report)).toBe(400);
    expect(report).toEqual({ droppedBefore: 0, position: 0 });
    expect(target).toEqual(turned(played(pcm, 400)));
    expect(stream.stats()).toMatchObject({ framesIn: 3, framesOut: 1 });
    const rest = stream.tryRead()!;
    expect([rest.samplesPerChannel, rest.userdata]).toEqual([240, { position: 400 }]);
    expect(stream.readInto(target.subarray(0, 100), report)).toBe(100);
    expect(report.position).toBe(640);
    // The rest of what was processed is given up, too.
    expect(stream.clear()).toEqual({ ms: 13.75, samples: 220 });
    expect(stream.stats()).toMatchObject({ framesIn: 3, framesOut: 2, framesCleared: 1, bufferedMs: 0 });
    stream.close();
    expect(await stream.getReader().read()).toMatchObject({ done: true });
  });
});

describe('a frame processor that fails', () => {
  /** One that does nothing, but for what is given. */
  const processor = (faults: object) =>
    ({
      symbol: Symbol.for('lk.frame-processor'),
      isEnabled: () => true,
      process: (frame: rtc.AudioFrame) => frame,
      close() {},
      ...faults,
    }) as never;
  const fails = () => {
    throw new Error('its own');
  };

  const failsOddly = () => {
    throw 'no Error';
  };

  test.each([
    ['when it is asked whether it is enabled', { isEnabled: fails }, 'its own'],
    ['at every frame', { process: fails }, 'its own'],
    ['with something that is no Error', { process: failsOddly }, 'no Error'],
    ['by returning nothing', { process() {} }, 'it returned no AudioFrame'],
    ['by returning null', { process: () => null }, 'it returned no AudioFrame'],
    ['by returning a promise', { process: async (frame: rtc.AudioFrame) => frame }, 'it returned no AudioFrame'],
    ['when it is closed', { close: fails }, 'its own'],
  ])('%s costs no frame, and warns once', async (_, faults, why) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const [one] = openTracks(1);
    const unsubscribe = await subscribe(one!.track);
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, noiseCancellation: processor(faults) });
    const reader = stream.getReader();
    play([one!], 3);
    for (let at = 0; at < 3; at++) expect((await reader.read()).value!.data).toEqual(played(one!.pcm, 160, at * 160));
    const pending = reader.read();
    unsubscribe();
    expect((await pending).done).toBe(true);
    expect(engine.stats().streams).toBe(0);
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(`^a frame processor failed, .*: ${why}$`), 'NarrowcastWarning'],
    ]);
  });

  test('is not asked while it is disabled', async () => {
    const [one] = openTracks(1);
    const disabled = processor({ isEnabled: () => false, process: () => rtc.AudioFrame.create(16_000, 1, 160) });
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, noiseCancellation: disabled });
    play([one!], 1);
    const reader = stream.getReader();
    expect((await reader.read()).value!.data).toEqual(played(one!.pcm, 160));
    await reader.cancel();
  });

  test.each(['isEnabled', 'close'])('to have %s is refused', (method) => {
    const [one] = openTracks(1);
    const open = () => new AudioStream(one!.track, { noiseCancellation: processor({ [method]: undefined }) });
    expect(open).toThrow(code('INVALID_ARGUMENT'));
    expect(open).toThrow(`noiseCancellation.${method}`);
    expect(engine.stats().streams).toBe(0);
  });
});

describe('a blocked thread', () => {
  test('loses nothing within bufferMs', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    const pump = play([one!], 60);
    block(400);
    let samples = 0;
    for await (const frame of stream) {
      expect(frame.data).toEqual(played(one!.pcm, 160, samples));
      expect(frame.userdata).toEqual({ position: samples });
      if ((samples += 160) === 60 * 160) break;
    }
    // The engine answers when it has handed on a chunk: the last answer may come after the frame.
    await until(() => pump.stats()[0]!.captured === 60, 'all was captured');
    expect(pump.stats()).toEqual([{ sent: 60, captured: 60, failed: 0, overdue: 0 }]);
  });

  test('loses the oldest frames beyond it, counted, and the next frame says how many', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, { sampleRate: 16_000, bufferMs: 100 });
    play([one!], 40);
    await until(() => stream.stats().framesIn === 40, 'all was played');
    expect(stream.stats()).toEqual({
      framesIn: 40,
      framesOut: 0,
      framesDropped: 30,
      framesCleared: 0,
      bufferedMs: 100,
    });
    const first = stream.tryRead()!;
    expect(first.userdata).toEqual({ position: 4800, droppedBefore: 30 });
    expect(first.data).toEqual(played(one!.pcm, 160, 30 * 160));
    expect(stream.tryRead()!.userdata).toEqual({ position: 4960 });
    stream.close();
  });
});

describe('the end', () => {
  test('comes when the track ends, after what is buffered', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    play([one!], 5);
    await until(() => stream.stats().framesIn === 5, 'all was played');
    await one!.track.close();
    let frames = 0;
    for await (const _ of stream) frames++;
    expect(frames).toBe(5);
    await until(() => engine.stats().streams === 0, 'the engine feeds nothing');
  });

  test('comes to a reader that already waits', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    const pending = stream.getReader().read();
    await one!.track.close();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  test('comes when rtc-node ends the streams of an unsubscribed track; what is buffered stays readable', async () => {
    const [one] = openTracks(1);
    const unsubscribe = await subscribe(one!.track);
    const stream = new AudioStream(one!.track, 16_000);
    play([one!], 5);
    await until(() => stream.stats().framesIn === 5, 'all was played');
    unsubscribe();
    await until(() => engine.stats().streams === 0, 'the engine feeds nothing');
    expect(await stream.getReader().read()).toMatchObject({ done: false });
    stream.close();
  });

  test('can be asked for again and again', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    stream.close();
    stream.close();
    await stream.cancel();
    await one!.track.close();
    expect(await stream.getReader().read()).toEqual({ done: true, value: undefined });
    expect(stream.stats().framesIn).toBe(0);
  });

  test('leaves the other streams of the same track alone', async () => {
    const [one] = openTracks(1);
    const [first, second] = [new AudioStream(one!.track, 16_000), new AudioStream(one!.track, 16_000)];
    play([one!], 20);
    await until(() => first.stats().framesIn > 2, 'frames flow');
    await first.cancel();
    await until(() => second.stats().framesIn === 20, 'all was played');
    expect(second.stats().framesDropped).toBe(0);
    second.close();
  });
});

describe('lifetime', () => {
  test('a stream keeps its track alive', async () => {
    const source = new rtc.AudioSource(16_000, 1, 0);
    const stream = new AudioStream(rtc.LocalAudioTrack.createAudioTrack('unheld', source), 16_000);
    for (let i = 0; i < 5; i++) {
      gc!();
      await new Promise(setImmediate);
    }
    await source.captureFrame(rtc.AudioFrame.create(16_000, 1, 160));
    await until(() => stream.stats().framesIn === 1, 'the frame arrives');
    stream.close();
  });

  test('a forgotten stream is collected; one with a pending read is not', async () => {
    const [one] = openTracks(1);
    const waiting = new AudioStream(one!.track, 16_000)[Symbol.asyncIterator]().next();
    (() => {
      for (let i = 0; i < 50; i++) new AudioStream(one!.track, { sampleRate: 16_000, bufferMs: 100 });
    })();
    expect(engine.stats().streams).toBe(51);
    await until(() => (gc!(), engine.stats().streams === 1), 'the forgotten ones are gone');
    play([one!], 1);
    expect((await waiting).done).toBe(false);
    await until(() => (gc!(), engine.stats().streams === 0), 'the last one is gone, too');
  });

  test('300 streams opened while their tracks play lose no frame: early ones wait for their stream', async () => {
    const tracks = openTracks(4);
    const pump = play(tracks, 2000);
    const streams: AudioStream[] = [];
    for (let i = 0; i < 300; i++) {
      streams.push(new AudioStream(tracks[i % 4]!.track, { sampleRate: 16_000, bufferMs: 20_000 })); // all that is played
      if (i % 20 === 0) await new Promise(setImmediate);
    }
    onTestFinished(() => streams.forEach((stream) => stream.close()));
    await until(() => streams.every((stream) => stream.stats().framesIn > 3), 'each has frames');
    pump.stop();
    expect(engine.stats()).toMatchObject({ heldDropped: 0, framesMalformed: 0, panics: 0 });
    // Where the engine's threads get no processor, it takes chunks of a track in another order than they were played in, which
    // all streams of the track hear.
    const read = (stream: AudioStream, i: number, most: number) => {
      const { pcm } = tracks[i % 4]!;
      const chunks: number[] = [];
      for (let frame; chunks.length < most && (frame = stream.tryRead());) {
        const start = pcm.indexOf(frame.data[0]!);
        expect(start % 160).toBe(0);
        expect(frame.data).toEqual(played(pcm, 160, start));
        chunks.push(start / 160);
      }
      return chunks.join(' ');
    };
    const all = streams.slice(0, 4).map((stream, i) => read(stream, i, Infinity));
    for (const [i, stream] of streams.slice(4).entries()) expect(all[i % 4]).toContain(read(stream, i, 4));
  });
});

describe('without promises', () => {
  test('tryRead and readInto read the same ring, and a reader locks them out', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    play([one!], 10);
    await until(() => stream.stats().framesIn === 10, 'all was played');
    expect(stream.tryRead()!.data).toEqual(played(one!.pcm, 160));
    const target = new Int16Array(1000);
    expect(stream.readInto(target)).toBe(1000);
    expect(target).toEqual(played(one!.pcm, 1000, 160));
    const reader = stream.getReader();
    expect(() => stream.tryRead()).toThrow(code('LOCKED'));
    reader.releaseLock();
    expect(stream.readInto(target)).toBe(1600 - 1160);
    expect(stream.tryRead()).toBe(null);
    stream.close();
  });

  test('stats() of the engine counts the wakes for frames', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    const before = engine.stats();
    play([one!], 20);
    const reader = stream.getReader();
    for (let frames = 0; frames < 20; frames++) await reader.read();
    reader.releaseLock();
    const { wakes, threadWakes } = engine.stats();
    expect(threadWakes - before.threadWakes).toBeGreaterThan(0);
    expect(wakes - before.wakes).toBeGreaterThanOrEqual(threadWakes - before.threadWakes);
    stream.close();
  });

  test('a stream that is polled wakes no thread', async () => {
    const [one] = openTracks(1);
    const stream = new AudioStream(one!.track, 16_000);
    const wakes = native.threadWakes();
    play([one!], 20);
    let frames = 0;
    await until(() => (stream.tryRead() && frames++, frames === 20), 'all was read');
    // The pump's own answers are taken natively; nothing else happened in this thread.
    expect(native.threadWakes() - wakes).toBe(0);
    stream.close();
  });
});

describe('at another rate than the source', () => {
  /** Plays a second of a tone, of 48 kHz, into a track, and returns what `open` reads of it. */
  async function hear(hertz: number, open: (track: rtc.LocalAudioTrack) => PcmReadable<rtc.AudioFrame>) {
    const source = new rtc.AudioSource(48_000, 1, 0);
    const track = rtc.LocalAudioTrack.createAudioTrack('tone', source);
    const tone = new Int16Array(48_000).map((_, i) => 16_000 * Math.sin((2 * Math.PI * hertz * i) / 48_000));
    const stream = open(track);
    const pump = play([{ source, track, pcm: tone }], 100);
    const heard: number[] = [];
    for await (const frame of stream) {
      expect(frame).toMatchObject({ sampleRate: 16_000, samplesPerChannel: 160 });
      heard.push(...frame.data);
      // The last ms wait in the filter.
      if (heard.length >= 15_680) break;
    }
    pump.stop();
    await track.close();
    const loudest = Math.max(...heard.slice(1600).map(Math.abs));
    return { heard, loudest };
  }

  test('soxr leaves nothing of what the new rate has no room for, and all else', async () => {
    const open = (track: rtc.LocalAudioTrack) => new AudioStream(track, { sampleRate: 16_000, resampler: 'soxr' });
    expect((await hear(9000, open)).loudest).toBeLessThan(3);
    const { heard, loudest } = await hear(6000, open);
    expect(loudest).toBeGreaterThan(15_900);
    // In its place: the filter's own delay is taken out.
    const expected = heard.map((_, i) => Math.round(16_000 * Math.sin((2 * Math.PI * 6000 * i) / 16_000)));
    const off = heard.map((sample, i) => Math.abs(sample - expected[i]!));
    expect(Math.max(...off.slice(1600))).toBeLessThan(20);
  });

  test('the engine converts local tracks unless asked otherwise', async () => {
    const { loudest } = await hear(9000, (track) => new AudioStream(track, { sampleRate: 16_000 }));
    expect(loudest).toBeGreaterThan(500);
  });

  test('a track known by its handle only is taken for a remote one', async () => {
    const open = (track: rtc.LocalAudioTrack) =>
      AudioStream.fromHandle(track.ffi_handle.handle, { sampleRate: 16_000 });
    expect((await hear(9000, open)).loudest).toBeLessThan(3);
  });
});

describe('bad input', () => {
  const { track } = openTracks(1)[0]!;
  test.each([
    ['frameSizeMs 0', { frameSizeMs: 0 }],
    ['a fractional frameSizeMs', { frameSizeMs: 2.5 }],
    ['frames of less than a sample', { sampleRate: 50, frameSizeMs: 10 }],
    ['rate 0', { sampleRate: 0 }],
    ['a negative rate', { sampleRate: -16_000 }],
    ['a rate that is no number', { sampleRate: Number.NaN }],
    ['an infinite rate', { sampleRate: Number.POSITIVE_INFINITY }],
    ['no channels', { numChannels: 0 }],
    ['no buffer', { bufferMs: 0 }],
    ['an unknown resampler', { resampler: 'speex' as 'soxr' }],
    ['a rate that is too far from the engine’s', { sampleRate: 100, resampler: 'soxr' as const }],
  ])('%s is refused', (_, options) => {
    const before = engine.stats().streams;
    expect(() => new AudioStream(track, options)).toThrow(code('INVALID_ARGUMENT'));
    expect(engine.stats().streams).toBe(before);
  });

  test.each([undefined, null, {}, 7n, 'track'])('%s is no track', (value) => {
    expect(() => new AudioStream(value as unknown as rtc.Track)).toThrow(code('INVALID_ARGUMENT'));
  });

  test.each([-1n, 2n ** 64n, 7, '7'])('%s is no handle', (value) => {
    expect(() => AudioStream.fromHandle(value as bigint)).toThrow(code('INVALID_ARGUMENT'));
  });

  test('a handle that the engine does not know is refused, and the engine says why', () => {
    expect(() => AudioStream.fromHandle(2n ** 60n)).toThrow(code('ENGINE_REQUEST_FAILED'));
    expect(() => AudioStream.fromHandle(2n ** 60n)).toThrow(/handle not found/);
    expect(engine.stats()).toMatchObject({ streams: 0 });
  });
});
