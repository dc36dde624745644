import {
  AudioResampler as NarrowcastResampler,
  AudioResamplerQuality,
  filterOptions,
  type AudioResamplerOptions,
} from '../audio-resampler.js';

export { AudioResamplerQuality, type AudioResamplerOptions };

/**
 * `narrowcast`'s AudioResampler, for programs that were written for rtc-node's: it ignores options that it does not know, as
 * rtc-node's ignores whatever comes after `quality`.
 */
export class AudioResampler extends NarrowcastResampler {
  /**
   * @param inputRate Hz, up to 768,000
   * @param outputRate Hz; neither rate more than 256 times the other
   * @param channels up to 64, interleaved
   * @throws {NarrowcastError} `INVALID_ARGUMENT`
   */
  constructor(
    inputRate: number,
    outputRate: number,
    channels?: number,
    quality?: AudioResamplerQuality,
    options?: AudioResamplerOptions,
  ) {
    super(inputRate, outputRate, channels, quality, filterOptions(Object(options) as AudioResamplerOptions));
  }
}
