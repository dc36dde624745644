import type { AudioFrame } from '@livekit/rtc-node';
import { AudioMixer as NarrowcastMixer, type AudioMixerOptions } from '../audio-mixer.js';
import { FRAMES, type MakeFrame } from '../audio-resampler.js';
import { loadBindings } from './bindings.js';

export type { AudioMixerOptions };

/**
 * `narrowcast`'s AudioMixer, for programs that were written for rtc-node's: it gives frames of rtc-node's class, and ignores
 * options that it does not know, as rtc-node's does.
 */
export class AudioMixer extends NarrowcastMixer<AudioFrame> {
  /** @internal */
  static override get [FRAMES](): MakeFrame {
    return loadBindings().rtc.AudioFrame;
  }

  /**
   * @param sampleRate Hz
   * @param numChannels of the mixed frames, interleaved
   * @throws {NarrowcastError} `INVALID_ARGUMENT`
   */
  constructor(sampleRate: number, numChannels: number, options: AudioMixerOptions = {}) {
    const { blocksize, streamTimeoutMs, capacity } = options;
    super(sampleRate, numChannels, {
      ...(blocksize !== undefined && { blocksize: Math.max(blocksize, 0) }),
      ...(streamTimeoutMs != null && { streamTimeoutMs: Math.max(streamTimeoutMs, 0) }),
      ...(capacity != null && { capacity }),
    });
  }
}
