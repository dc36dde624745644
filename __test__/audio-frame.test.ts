import { AudioFrame as RtcAudioFrame } from '@livekit/rtc-node';
import { describe, expect, it } from 'vitest';
import { AudioFrame } from '../src/index.js';
import { failure } from './support/expect.js';

describe('AudioFrame', () => {
  it('takes the samples as they are, without a copy', () => {
    const data = new Int16Array([1, 2, 3, 4]);
    const frame = new AudioFrame(data, 16_000, 2, 2);
    expect(frame.data).toBe(data);
    expect(frame).toMatchObject({ sampleRate: 16_000, channels: 2, samplesPerChannel: 2 });
    expect(frame.userdata).toEqual({});
  });

  it('carries what was attached to it', () => {
    const userdata = { speaker: 'Ada' };
    const frame = new AudioFrame(new Int16Array(1), 8000, 1, 1, userdata);
    expect(frame.userdata).toBe(userdata);
    frame.userdata['more'] = 1;
    expect(userdata).toEqual({ speaker: 'Ada', more: 1 });
  });

  it('has attachments of its own', () => {
    const [a, b] = [AudioFrame.create(8000, 1, 1), AudioFrame.create(8000, 1, 1)];
    a.userdata['mine'] = true;
    expect(b.userdata).toEqual({});
  });

  it('creates silence', () => {
    const frame = AudioFrame.create(48_000, 2, 480);
    expect(frame).toMatchObject({ sampleRate: 48_000, channels: 2, samplesPerChannel: 480 });
    expect(frame.data).toEqual(new Int16Array(960));
    expect(AudioFrame.create(48_000, 1, 0).data).toHaveLength(0);
    const userdata = { a: 1 };
    expect(AudioFrame.create(48_000, 1, 0, userdata).userdata).toBe(userdata);
  });

  it.each<[string, unknown, unknown, unknown]>([
    ['sampleRate', 0, 1, 1],
    ['sampleRate', -48_000, 1, 1],
    ['sampleRate', NaN, 1, 1],
    ['sampleRate', Infinity, 1, 1],
    ['sampleRate', 44_100.5, 1, 1],
    ['sampleRate', '48000', 1, 1],
    ['channels', 48_000, 0, 1],
    ['channels', 48_000, 65, 1],
    ['channels', 48_000, undefined, 1],
    ['samplesPerChannel', 48_000, 1, -1],
    ['samplesPerChannel', 48_000, 1, 1.5],
    ['samplesPerChannel', 48_000, 1, 2 ** 24 + 1],
  ])('creates none with a bad %s: (%s, %s, %s)', (what, ...args) => {
    const create = AudioFrame.create as (...args: unknown[]) => AudioFrame;
    expect(() => create(...args)).toThrow(failure('INVALID_ARGUMENT', `${what} is`));
  });

  it("has the members of rtc-node's AudioFrame, with the same values", () => {
    const args = [new Int16Array([1, 2, 3, 4]), 16_000, 2, 2, { a: 1 }] as const;
    const [ours, theirs] = [new AudioFrame(...args), new RtcAudioFrame(...args)];
    for (const member of ['data', 'sampleRate', 'channels', 'samplesPerChannel', 'userdata'] as const) {
      expect(ours[member]).toEqual(theirs[member]);
    }
    expect(AudioFrame.create(16_000, 2, 2).data).toEqual(RtcAudioFrame.create(16_000, 2, 2).data);
    // What rtc-node calls before it hands a frame to the engine.
    expect(Object.keys(ours).sort()).toEqual(['channels', 'data', 'sampleRate', 'samplesPerChannel']);
  });
});
