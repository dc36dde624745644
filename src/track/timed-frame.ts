import { AudioFrame } from '../audio-frame.js';
import type { SampleFormat } from '../g711.js';

/** A part of a second: `num / den`. */
export interface TimeBase {
  /** Always 1. */
  readonly num: 1;
  /** The sample rate, in Hz. */
  readonly den: number;
}

/** A frame, and when it is to be heard. */
export class TimedAudioFrame extends AudioFrame {
  /** Samples of each channel that came before it, from 0 for the first frame. */
  readonly pts: number;
  /** What `pts` counts, as a part of a second. */
  readonly timeBase: TimeBase;

  /** @internal */
  constructor(data: Int16Array, sampleRate: number, channels: number, samplesPerChannel: number, pts: number) {
    super(data, sampleRate, channels, samplesPerChannel);
    this.pts = pts;
    this.timeBase = { num: 1, den: sampleRate };
  }
}

/** The bytes of a frame, and when it is to be heard: from `AudioStreamTrack.recv` with a `format`. */
export interface TimedBytes extends Pick<
  TimedAudioFrame,
  'sampleRate' | 'channels' | 'samplesPerChannel' | 'pts' | 'timeBase'
> {
  /** Samples of all channels, interleaved. */
  readonly data: Uint8Array;
  /** How `data` is read. */
  readonly format: SampleFormat;
}
