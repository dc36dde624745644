import { audioDoorbell } from '../doorbell.js';
import { fromNative, NarrowcastError } from '../errors.js';
import { native, type Native } from '../native.js';
import { FORMAT_OPTIONS, pcmFormat, refuseTooLong } from '../pcm-format.js';
import { invalid, optionsObject } from '../validate.js';

/** What a track is made of, see `AudioStreamTrackOptions`. */
export interface TrackOptions {
  sampleRate?: number;
  numChannels?: number;
  frameSizeMs?: number;
  bufferMs?: number;
}

/** A track natively, and the kind of its samples. */
export class NativeTrack {
  /** What the program knows it by: collected no earlier than this. */
  readonly owner: object;
  readonly native: Native.NativeAudioTrack;
  /** Names the track to native code. */
  readonly token: number;
  /** Hz. */
  readonly sampleRate: number;
  /** Channels, interleaved. */
  readonly numChannels: number;
  /** Length of the frames that a program receives, in ms; and the samples of each channel in one. */
  readonly frameSizeMs: number;
  readonly samplesPerChannel: number;
  /** How much may wait to be played, in ms. */
  readonly bufferMs: number;
  /** Whether it was stopped. */
  ended = false;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(owner: object, options: TrackOptions) {
    this.owner = owner;
    optionsObject<TrackOptions>('options', options, FORMAT_OPTIONS);
    const format = pcmFormat(options, { frameSizeMs: 20, bufferMs: 30_000 });
    const { sampleRate, channels, frameSizeMs, bufferMs } = format;
    this.sampleRate = sampleRate;
    this.numChannels = channels;
    this.frameSizeMs = frameSizeMs;
    this.samplesPerChannel = format.samplesPerChannel;
    this.bufferMs = bufferMs;
    if (bufferMs < frameSizeMs) throw invalid('bufferMs', bufferMs, `at least a frame, ${frameSizeMs} ms`);
    const capacity = Math.ceil((sampleRate * bufferMs) / 1000) * channels;
    refuseTooLong(format, capacity);
    this.native = fromNative(
      () => new native.NativeAudioTrack(sampleRate, channels, frameSizeMs, capacity, audioDoorbell),
    );
    this.token = this.native.token;
  }

  /** How long samples of all channels take, in ms. */
  ms(samples: number): number {
    return (samples / this.numChannels / this.sampleRate) * 1000;
  }

  /** @throws {NarrowcastError} `CLOSED` once it was stopped */
  refuseEnded(): void {
    if (this.ended) throw this.closed();
  }

  /** Why a call fails once it was stopped. */
  closed(): NarrowcastError {
    return new NarrowcastError('CLOSED', 'the track was stopped: make another one');
  }
}
