import { channelCount, integer, invalid, rateInHz, type OptionNames } from './validate.js';

/** How samples are laid out, and how many may wait; checked. */
export interface PcmFormat {
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly channels: number;
  /** Length of a frame, in ms, as asked for. */
  readonly frameSizeMs: number;
  /** Samples of each channel in a frame: as asked for, or as many whole ones as `frameSizeMs` has room for; at least one. */
  readonly samplesPerChannel: number;
  /** How much may wait, in ms. */
  readonly bufferMs: number;
}

/** Most samples that a ring may hold: 512 MB. */
export const MAX_SAMPLES = 2 ** 28;

/** What a stream's and a track's options have in common. */
export interface FormatOptions {
  readonly sampleRate?: number | undefined;
  readonly numChannels?: number | undefined;
  readonly frameSizeMs?: number | undefined;
  readonly bufferMs?: number | undefined;
}

/** Longest frame, in ms. */
export const MOST_MS = 10_000;

export const FORMAT_OPTIONS: OptionNames<FormatOptions> = {
  sampleRate: true,
  numChannels: true,
  frameSizeMs: true,
  bufferMs: true,
};

/** @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function pcmFormat(
  options: FormatOptions & { readonly samplesPerFrame?: number | undefined },
  defaults: { readonly frameSizeMs: number; readonly bufferMs: number },
): PcmFormat {
  const sampleRate = rateInHz('sampleRate', options.sampleRate ?? 48_000);
  const channels = channelCount('numChannels', options.numChannels ?? 1);
  const frameSizeMs = integer('frameSizeMs', options.frameSizeMs ?? defaults.frameSizeMs, 1, MOST_MS);
  const bufferMs = integer('bufferMs', options.bufferMs ?? defaults.bufferMs, 1, 600_000);
  const { samplesPerFrame } = options;
  if (samplesPerFrame != null) {
    const most = samplesIn(MOST_MS, sampleRate);
    const samplesPerChannel = integer('samplesPerFrame', samplesPerFrame, 1, most);
    return { sampleRate, channels, frameSizeMs: (samplesPerChannel * 1000) / sampleRate, samplesPerChannel, bufferMs };
  }
  // As rtc-node's streams have it: 22,050 Hz make frames of 220 samples, and not of 220.5.
  const samplesPerChannel = samplesIn(frameSizeMs, sampleRate);
  if (samplesPerChannel === 0) {
    throw invalid('frameSizeMs', frameSizeMs, `at least ${Math.ceil(1000 / sampleRate)}, a sample at ${sampleRate} Hz`);
  }
  return { sampleRate, channels, frameSizeMs, samplesPerChannel, bufferMs };
}

/** Complains of a `bufferMs` that makes more samples than a ring may hold. */
export function refuseTooLong({ sampleRate, channels, bufferMs }: PcmFormat, samples: number): void {
  if (samples <= MAX_SAMPLES) return;
  const most = Math.floor((MAX_SAMPLES / sampleRate / channels) * 1000);
  throw invalid('bufferMs', bufferMs, `at most ${most} at ${sampleRate} Hz with ${channels} channels`);
}

/** Whole samples of each channel in a time. */
export function samplesIn(ms: number, sampleRate: number): number {
  return Math.floor((sampleRate * ms) / 1000);
}
