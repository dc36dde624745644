import { ReadableStream } from 'node:stream/web';
import { LocalVideoTrack, VideoSource } from '@livekit/rtc-node';
import { describe, expect, it } from 'vitest';
import {
  AudioFrame,
  AudioResampler,
  AudioStream,
  AudioStreamTrack,
  FfiQueue,
  resampleStream,
  RingBuffer,
  type FfiEvent,
  type FfiQueueOptions,
  type ResampleStreamOptions,
} from '../src/index.js';
import * as livekit from '../src/livekit/index.js';
import {
  handle,
  integer,
  invalid,
  isPlain,
  iterable,
  optionalFunction,
  optionalSignal,
  optionsObject,
  readable,
  writable,
} from '../src/validate.js';
import { failure } from './support/expect.js';
import { openTracks } from './support/meeting.js';
import { detached, outOfBounds, resizable } from './support/memory.js';
import { noEngine } from './support/platform.js';

describe('a refusal names what was wrong, with its value, and what to do', () => {
  it.each<[unknown, string]>([
    ['text', '"text"'],
    [7n, '7n'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [() => {}, 'a function'],
    [[1], 'an Array'],
    [new Int16Array(1), 'an Int16Array'],
    [new Uint8Array(1), 'a Uint8Array'],
    [Object.create(null), 'an object'],
    [Object.create({ constructor: { name: '' } }), 'an object'],
  ])('%o', (value, shown) => {
    expect(invalid('it', value, 'something else').message).toBe(`it is ${shown}: pass something else`);
  });
});

describe('memory that native code may use during a call', () => {
  it('is the array itself, whatever part of a buffer it is', () => {
    const array = new Uint8Array(8).subarray(2, 4);
    expect(readable('it', array, Uint8Array)).toBe(array);
    const buffer = Buffer.from('pooled');
    expect(readable('it', buffer, Uint8Array)).toBe(buffer);
    const samples = new Int16Array(4).subarray(1);
    expect(readable('it', samples, Int16Array)).toBe(samples);
    expect(writable('it', samples)).toBe(samples);
  });

  it.each<[string, Uint8Array]>([
    ['shared', new Uint8Array(new SharedArrayBuffer(8), 2, 4)],
    ['shared, as a Buffer', Buffer.from(new SharedArrayBuffer(8) as unknown as ArrayBuffer, 2, 4)],
    ['resizable', new Uint8Array(resizable(8, 16), 2, 4)],
    ['resizable, as a Buffer', Buffer.from(resizable(8, 16), 2, 4)],
  ])('is a copy where it is %s', (_, array) => {
    array.fill(7);
    expect(isPlain(array)).toBe(false);
    const copy = readable('it', array, Uint8Array);
    array.fill(9);
    expect([...copy]).toEqual([7, 7, 7, 7]);
    expect(isPlain(copy)).toBe(true);
  });

  it('is refused when it is gone', () => {
    for (const array of [detached(new Int16Array(4)), outOfBounds(Int16Array)]) {
      expect(() => readable('it', array, Int16Array)).toThrow(
        failure('INVALID_ARGUMENT', 'it is an array whose memory'),
      );
      expect(() => writable('it', array)).toThrow(failure('INVALID_ARGUMENT', 'it is an array whose memory'));
    }
  });

  it('may be empty', () => {
    for (const array of [new Uint8Array(), new Uint8Array(new SharedArrayBuffer(0)), new Uint8Array(resizable(0, 8))]) {
      expect(readable('it', array, Uint8Array)).toHaveLength(0);
    }
  });
});

it('numbers are whole and in range', () => {
  expect(integer('it', 5, 5, 5)).toBe(5);
  for (const value of [4, 6, 5.5, NaN, Infinity, '5', 5n, null, undefined]) {
    expect(() => integer('it', value, 5, 5)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});

it('handles are BigInts of 64 bits', () => {
  for (const value of [0n, 2n ** 64n - 1n]) expect(handle('it', value)).toBe(value);
  for (const value of [-1n, 2n ** 64n, 0, '0', null, undefined]) {
    expect(() => handle('it', value)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});

it('what may be left out may be left out, and nothing else', () => {
  optionalFunction('it', undefined);
  optionalFunction('it', () => {});
  optionalSignal(undefined);
  optionalSignal(new AbortController().signal);
  optionsObject('it', {}, { capacity: true });
  for (const value of [null, 1, 'x', {}]) {
    expect(() => optionalFunction('it', value)).toThrow(failure('INVALID_ARGUMENT', 'it is'));
    expect(() => optionalSignal(value)).toThrow(failure('INVALID_ARGUMENT', 'signal is'));
  }
  for (const value of [null, undefined, 1, 'x', []]) {
    expect(() => optionsObject('it', value, {})).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});

describe('an unknown option is refused, and the one that was meant is named', () => {
  const frame = new AudioFrame(new Int16Array(480), 48_000, 1, 480);
  const queue = new FfiQueue({ types: ['a'] });
  const track = new AudioStreamTrack();
  const stream = new ReadableStream<AudioFrame>();
  const as = <T>(options: object) => options as T;

  it.each<[string, () => unknown, string]>([
    [
      'AudioStream',
      () => new AudioStream(as({ framesizeMs: 20 })),
      'options.framesizeMs is not known: did you mean frameSizeMs?',
    ],
    ['AudioStreamTrack', () => new AudioStreamTrack(as({ channels: 2 })), 'did you mean numChannels?'],
    ['AudioStreamTrack.write', () => track.write(frame, as({ finally: true })), 'did you mean final?'],
    [
      'AudioStreamTrack.pipeTo',
      () => track.pipeTo(as({}), as({ abort: 1 })),
      'leave it out (known: format, sampleRate, frameMs, leadMs, base64, signal)',
    ],
    ['AudioResampler', () => new AudioResampler(48_000, 16_000, 1, 2, as({ latancy: 'low' })), 'did you mean latency?'],
    [
      'resampleStream',
      () => resampleStream(as<ResampleStreamOptions>({ stream, outputrate: 16_000 })),
      'did you mean outputRate?',
    ],
    ['RingBuffer', () => new RingBuffer(as({ capacity: 1, overFlow: 'reject' })), 'did you mean overflow?'],
    [
      'FfiQueue',
      () => new FfiQueue(as<FfiQueueOptions<string, FfiEvent>>({ types: ['a'], decoder: () => 1 })),
      'did you mean decode?',
    ],
    ['FfiQueue.subscribe', () => queue.subscribe(as({ type: ['a'] })), 'did you mean types?'],
    ['Subscription.waitFor', () => queue.subscribe().waitFor(() => true, as({ Signal: 1 })), 'did you mean signal?'],
    ['install', () => livekit.install(as({ framesBudget: 1 })), 'options.framesBudget is not known: leave it out'],
  ])('%s', async (_, use, message) => {
    await expect((async () => use())()).rejects.toThrow(failure('INVALID_ARGUMENT', message));
  });

  it('and all that is known is listed', () => {
    const known =
      /leave it out \(known: sampleRate, numChannels, frameSizeMs, bufferMs, samplesPerFrame, maxFrameMs, speech, from\)/;
    expect(() => new AudioStream(as({ x: undefined }))).toThrow(known);
  });

  it.skipIf(noEngine)("but not by the classes that stand in for rtc-node's, which ignores it", () => {
    expect(new livekit.AudioResampler(48_000, 16_000, 1, 2, as({ latancy: 'low' })).latencyMs).toBeGreaterThan(0);
    expect(new livekit.AudioResampler(48_000, 16_000, 1, 2, as({ latency: 'low' })).latencyMs).toBeLessThan(
      new livekit.AudioResampler(48_000, 16_000).latencyMs,
    );
    const [one] = openTracks(1);
    new livekit.AudioStream(one!.track, as({ sampleRate: 16_000, sampelRate: 8000 })).close();
    const video = LocalVideoTrack.createVideoTrack('v', new VideoSource(64, 48));
    new livekit.VideoStream(video, as({ bufferFrame: 1 })).close();
    livekit.install().uninstall();
  });
});

it('lists are anything iterable but a string', () => {
  for (const value of [[], new Set(), new Map().keys(), (function* () {})()]) iterable('it', value, 'a list');
  for (const value of ['ab', 1, 1n, null, undefined, {}, () => {}]) {
    expect(() => iterable('it', value, 'a list')).toThrow(failure('INVALID_ARGUMENT', 'it is'));
  }
});
