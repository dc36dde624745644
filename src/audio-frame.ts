import { native } from './native.js';
import { channelCount, integer, invalid, rateInHz } from './validate.js';

/**
 * A frame of interleaved 16-bit PCM: the shape of `@livekit/rtc-node`'s AudioFrame, so that either can be passed where
 * the other is expected.
 */
export class AudioFrame {
  /** Samples of all channels, interleaved: `channels * samplesPerChannel` of them. */
  data: Int16Array;
  /** Hz. */
  sampleRate: number;
  /** Channels in `data`. */
  channels: number;
  /** Samples of each channel. */
  samplesPerChannel: number;
  readonly #userdata: Record<string, unknown>;

  /** Takes `data` as it is, without a copy. */
  constructor(
    data: Int16Array,
    sampleRate: number,
    channels: number,
    samplesPerChannel: number,
    userdata: Record<string, unknown> = {},
  ) {
    this.data = data;
    this.sampleRate = sampleRate;
    this.channels = channels;
    this.samplesPerChannel = samplesPerChannel;
    this.#userdata = userdata;
  }

  /** A frame of silence. @throws {NarrowcastError} `INVALID_ARGUMENT` */
  static create(
    sampleRate: number,
    channels: number,
    samplesPerChannel: number,
    userdata: Record<string, unknown> = {},
  ): AudioFrame {
    rateInHz('sampleRate', sampleRate);
    channelCount('channels', channels);
    integer('samplesPerChannel', samplesPerChannel, 0, 2 ** 24);
    const data = new Int16Array(channels * samplesPerChannel);
    return new AudioFrame(data, sampleRate, channels, samplesPerChannel, userdata);
  }

  /** What was attached to the frame. `droppedBefore`: frames of its stream that were lost just before this one. */
  get userdata(): Record<string, unknown> {
    return this.#userdata;
  }

  /** What rtc-node asks of a frame that it captures: where the samples are, and what they are. @internal */
  protoInfo(): { dataPtr: bigint; sampleRate: number; numChannels: number; samplesPerChannel: number } {
    const { data, sampleRate, channels, samplesPerChannel } = this;
    if (!(data instanceof Int16Array)) throw invalid('frame.data', data, 'an Int16Array');
    // rtc-node believes what it is told: it would read on behind the samples.
    if (data.length < channels * samplesPerChannel) {
      throw invalid('frame.data.length', data.length, `the ${channels * samplesPerChannel} samples that the frame has`);
    }
    return { dataPtr: native.addressOf(data), sampleRate, numChannels: channels, samplesPerChannel };
  }
}
