import { NarrowcastError } from './errors.js';
import { FORMAT_OPTIONS, MOST_MS, pcmFormat, refuseTooLong, samplesIn } from './pcm-format.js';
import type { Native } from './native.js';
import { streamSpeech, type SpeechStreamOptions } from './speech.js';
import { integer, invalid, type OptionNames } from './validate.js';

/** How a stream's samples are read, and how many it may buffer. */
export interface PcmOptions {
  /** Hz. Default: 48000. */
  sampleRate?: number;
  /** Channels, interleaved. Default: 1. */
  numChannels?: number;
  /** Length of the frames, in ms: a whole number. A frame has as many whole samples as that has room for. Default: 10. */
  frameSizeMs?: number;
  /** Length of the frames, in samples of each channel, for a model that takes windows of 512 or 1,024. In place of
   * `frameSizeMs`: both together are refused. */
  samplesPerFrame?: number;
  /**
   * Longest frame, in ms, for a reader that is late. Where several frames wait, the next one that is read carries as many of
   * them as fit: after a stall of 5 s, 100 reads 50 frames in place of 500. A reader that keeps up sees no difference.
   * Default: as long as a frame is, so each frame is read alone.
   */
  maxFrameMs?: number;
  /** How much may wait to be read, in ms. Then whole frames are dropped, the oldest first, and counted; the frame after
   * a gap says so in `userdata.droppedBefore`. Default: 10,000. The address space for it is reserved at once;
   * memory is taken as it fills. */
  bufferMs?: number;
  /**
   * Listens for speech where the audio arrives, off the JavaScript thread: the stream's `speech` tells of it. Before a frame
   * processor. Default: it does not listen.
   */
  speech?: SpeechStreamOptions;
}

export const PCM_OPTIONS: OptionNames<PcmOptions> = {
  ...FORMAT_OPTIONS,
  samplesPerFrame: true,
  maxFrameMs: true,
  speech: true,
};

/** The frames of streams whose program asks for no length: how many of the usual 10 ms make one. */
export interface FrameBudget {
  readonly usual: number;
  /** How many of them make the longest frame that a late reader gets. */
  readonly longest: number;
}

const ALONE: FrameBudget = { usual: 1, longest: 1 };

/** What a stream is made of; checked. All numbers of samples are of all channels. */
export interface StreamFormat {
  readonly sampleRate: number;
  readonly channels: number;
  /** What a frame processor takes at a time: a frame as rtc-node would deliver it. */
  readonly pieceSamples: number;
  readonly frameSamples: number;
  /** Of the longest frame that a late reader gets: whole frames. */
  readonly longestSamples: number;
  /** What the ring has room for: whole frames. */
  readonly capacity: number;
  /** Whether a frame may be shorter than the others, if these are then complete at the same time as other streams'. */
  readonly joins: boolean;
  /** What it listens for, if it does. */
  readonly speech?: Native.NativeSpeechSettings;
}

/** @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function streamFormat(options: PcmOptions, budget: FrameBudget = ALONE): StreamFormat {
  if (typeof options !== 'object' || options === null) throw invalid('options', options, 'an object');
  const { frameSizeMs, samplesPerFrame, maxFrameMs } = options;
  if (frameSizeMs != null && samplesPerFrame != null) {
    throw new NarrowcastError('INVALID_ARGUMENT', 'frameSizeMs and samplesPerFrame are both given: pass one of them');
  }
  const format = pcmFormat(options, { frameSizeMs: 10, bufferMs: 10_000 });
  const { sampleRate, channels, samplesPerChannel } = format;
  // A program that asks for a length may depend on it.
  let { usual, longest } = frameSizeMs == null && samplesPerFrame == null ? budget : ALONE;
  if (maxFrameMs != null) {
    longest = Math.floor(samplesIn(integer('maxFrameMs', maxFrameMs, 1, MOST_MS), sampleRate) / samplesPerChannel);
    if (longest === 0) {
      const least = Math.ceil((samplesPerChannel * 1000) / sampleRate);
      throw invalid('maxFrameMs', maxFrameMs, `at least ${least}, the length of a frame`);
    }
    usual = Math.min(usual, longest);
  }
  const pieceSamples = samplesPerChannel * channels;
  const frameSamples = usual * pieceSamples;
  // Frames may be a part of a sample shorter than was asked for.
  const frames = Math.ceil((sampleRate * channels * format.bufferMs) / 1000 / frameSamples);
  refuseTooLong(format, frames * frameSamples);
  const together = Math.min(frames, Math.max(1, Math.floor(longest / usual)));
  return {
    sampleRate,
    channels,
    pieceSamples,
    frameSamples,
    longestSamples: together * frameSamples,
    capacity: frames * frameSamples,
    // Where a program asks for a length, all frames have it; and what is withheld between speech is whole frames.
    joins: usual > 1 && options.speech == null,
    ...(options.speech != null && { speech: streamSpeech(options.speech, sampleRate, format.bufferMs) }),
  };
}
