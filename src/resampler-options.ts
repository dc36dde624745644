/**
 * How good the filter is: libsoxr's recipes, with rtc-node's names and numbers.
 *
 * Latency and passband are those of the default `latency`, over 48 → 16, 48 → 24, 44.1 → 16 and 24 → 48 kHz.
 */
export enum AudioResamplerQuality {
  /**
   * QQ: cubic interpolation. It has **no anti-alias filter**: when the rate is reduced, what is above half the new rate
   * comes back as other tones, at full level. Holds back less than 0.1 ms.
   */
  QUICK = 0,
  /** LQ: 16 bits, passband to 68 % of half the lower rate. Holds back up to 4.5 ms. */
  LOW = 1,
  /** MQ: 16 bits, passband to 86–93 %. Holds back up to 15 ms. */
  MEDIUM = 2,
  /** HQ: 20 bits, passband to 91–94 %. Holds back up to 17 ms. */
  HIGH = 3,
  /** VHQ: 28 bits, in double precision, passband to 88–92 %. Holds back up to 17 ms. */
  VERY_HIGH = 4,
}

/** Options of `AudioResampler`. */
export interface AudioResamplerOptions {
  /**
   * `'default'`: the quality's own passband, or the nearest one that lets each push of 10 ms return something.
   * `'low'`: the widest passband with which at most 10 ms are held back, or the least that can be.
   *
   * Medium quality holds back 7 to 15 ms from and to 16 kHz and more, and 15 to 23 ms from or to 8 kHz. With `'low'` it is 5 to
   * 10 ms, and 11 to 19 ms: noise and rejection are the same, and the passband ends at 87–91 % of half the lower rate.
   * `latencyMs` says it of each resampler. The first of its kind in a process takes some ms to find it out.
   */
  latency?: 'default' | 'low';
  /** Whether 16-bit output is dithered. Default: false. Dither costs 9 dB of noise, makes a little noise of silence, and
   * no two runs give the same samples. */
  dither?: boolean;
}

/** What of an object with more in it are a resampler's options. */
export function filterOptions({ latency, dither }: AudioResamplerOptions): AudioResamplerOptions {
  return { ...(latency !== undefined && { latency }), ...(dither !== undefined && { dither }) };
}
