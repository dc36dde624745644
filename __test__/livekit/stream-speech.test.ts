import * as rtc from '@livekit/rtc-node';
import { afterAll, describe, expect, test } from 'vitest';
import { SpeechDetector, type AudioStreamStats, type SpeechChange } from '../../src/index.js';
import { AudioStream, install } from '../../src/livekit/index.js';
import { failure } from '../support/expect.js';
import { concat, hiss, voice, VOICE_RATE } from '../support/voice.js';
import { until } from '../support/wait.mjs';

const engine = install();
afterAll(() => engine.uninstall());

const scene = concat(hiss(1000), voice(1500), hiss(1200), voice(1000), hiss(1000));
const TEN_MS = VOICE_RATE / 100;
const speech = { deliver: 'speech', minSilenceMs: 320 } as const;

function openTrack(): { source: rtc.AudioSource; track: rtc.LocalAudioTrack } {
  const source = new rtc.AudioSource(VOICE_RATE, 1, 0);
  return { source, track: rtc.LocalAudioTrack.createAudioTrack('voice', source) };
}

async function speak(source: rtc.AudioSource, pcm: Int16Array): Promise<void> {
  for (let at = 0; at < pcm.length; at += TEN_MS) {
    await source.captureFrame(new rtc.AudioFrame(pcm.slice(at, at + TEN_MS), VOICE_RATE, 1, TEN_MS));
  }
}

/** Where a detector hears utterances begin. */
function begins(pcm: Int16Array): number[] {
  const detector = new SpeechDetector({ sampleRate: VOICE_RATE, minSilenceMs: 320 });
  const found: number[] = [];
  detector.on('speechstart', ({ position }) => found.push(position));
  detector.push(pcm);
  return found;
}

describe("an engine's stream with the option speech", () => {
  test('gives whole utterances, from the pre-roll on, and tells where they are', async () => {
    const { source, track } = openTrack();
    const stream = new AudioStream(track, { sampleRate: VOICE_RATE, resampler: 'engine', speech });
    const told: [string, SpeechChange][] = [];
    stream.speech.on('speechstart', (change) => told.push(['start', change]));
    stream.speech.on('speechend', (change) => told.push(['end', change]));
    const frames: rtc.AudioFrame[] = [];
    const reading = (async () => {
      for await (const frame of stream) frames.push(frame);
    })();
    await speak(source, scene);
    await until(() => told.length === 4, 'two utterances');
    expect(told.map(([what]) => what)).toEqual(['start', 'end', 'start', 'end']);
    await until(() => stream.stats().bufferedMs === 0, 'all is read');
    const positions = frames.map(({ userdata }) => userdata['position'] as number);
    for (const [i, frame] of frames.entries()) {
      expect(frame.data).toEqual(scene.slice(positions[i]!, positions[i]! + TEN_MS));
    }
    const starts = positions.filter((position, i) => position !== positions[i - 1]! + TEN_MS);
    expect(starts).toEqual(begins(scene).map((at) => Math.floor((at - 4800) / TEN_MS) * TEN_MS));
    expect(stream.stats().framesWithheld).toBe(scene.length / TEN_MS - frames.length);
    expect(stream.level.rms).toBeLessThan(-50);
    stream.close();
    await reading;
    await track.close();
  });

  test('hears before a frame processor, which gets what is delivered', async () => {
    const { source, track } = openTrack();
    class Mute extends rtc.FrameProcessor<rtc.AudioFrame> {
      frames = 0;
      isEnabled = () => true;
      setEnabled = () => {};
      process(frame: rtc.AudioFrame): rtc.AudioFrame {
        this.frames++;
        return new rtc.AudioFrame(new Int16Array(frame.data.length), frame.sampleRate, 1, frame.samplesPerChannel);
      }
      close = () => {};
    }
    const processor = new Mute();
    const stream = new AudioStream(track, {
      sampleRate: VOICE_RATE,
      resampler: 'engine',
      noiseCancellation: processor,
      speech,
    });
    await speak(source, scene);
    const came = ({ framesIn, framesWithheld = 0 }: AudioStreamStats) => framesIn + framesWithheld;
    await until(() => came(stream.stats()) === scene.length / TEN_MS, 'all came');
    // Pieces of more than one utterance are never joined.
    const target = new Int16Array(scene.length);
    const report = { droppedBefore: 0, position: -1 };
    const pieces: [number, number][] = [];
    for (let samples = stream.readInto(target, report); samples > 0; samples = stream.readInto(target, report)) {
      pieces.push([report.position, samples]);
    }
    expect(pieces).toHaveLength(2);
    expect(pieces[1]![0]).toBeGreaterThan(pieces[0]![0] + pieces[0]![1]);
    expect(processor.frames).toBe((pieces[0]![1] + pieces[1]![1]) / TEN_MS);
    expect(target.every((sample) => sample === 0)).toBe(true);
    stream.close();
    await track.close();
  });

  test('can be opened by its handle, and tells of speech that the end of its track cuts off', async () => {
    const { source, track } = openTrack();
    const stream = AudioStream.fromHandle(track.ffi_handle.handle, {
      sampleRate: 48_000,
      resampler: 'soxr',
      speech: { minSilenceMs: 320 },
    });
    const told: string[] = [];
    stream.speech.on('speechstart', () => told.push('start'));
    stream.speech.on('speechend', () => told.push('end'));
    await speak(source, scene.subarray(0, 2000 * 16));
    await until(() => told.length === 1, 'speech');
    expect(stream.speech.speaking).toBe(true);
    let last: rtc.AudioFrame | undefined;
    for (let frame = stream.tryRead(); frame; frame = stream.tryRead()) last = frame;
    expect(last!.userdata['speech']).toBe(true);
    stream.close();
    await until(() => told.length === 2, 'the end of speech');
    expect(told).toEqual(['start', 'end']);
    await track.close();
  });

  test('refuses options that mean nothing', async () => {
    const { track } = openTrack();
    expect(() => new AudioStream(track, { speech: { threshold: -1 } })).toThrow(
      failure('INVALID_ARGUMENT', 'speech.threshold is -1'),
    );
    expect(() => new AudioStream(track).speech).toThrow(failure('INVALID_ARGUMENT', 'open it with the option speech'));
    await track.close();
  });
});
