import { AudioFrame } from './audio-frame.js';
import { lookSoon } from './doorbell.js';
import { fromNative, NarrowcastError } from './errors.js';
import { sampleFormat, type SampleFormat } from './g711.js';
import { PcmArguments, refuseChannels, type Pcm } from './pcm-argument.js';
import { PcmReadable } from './pcm-readable.js';
import { PcmReader, type Cleared } from './pcm-reader.js';
import { PCM_OPTIONS, streamFormat, type PcmOptions } from './stream-format.js';
import { channelCount, optionsObject, rateInHz } from './validate.js';

/** What is written to an {@link AudioStream} alone, without a rate and channels of its own. */
export interface WrittenPcm {
  /** Hz. Default: the stream's. */
  sampleRate?: number;
  /** Channels, interleaved. Default: the stream's. */
  numChannels?: number;
  /** How bytes are read. Default: `'pcm16'`. */
  format?: SampleFormat;
}

/** Options of {@link AudioStream}. */
export interface AudioStreamOptions extends PcmOptions {
  /**
   * What is written, if that is of another kind than what is read: another rate, other channels, G.711. It is resampled at medium
   * quality and low latency, mixed or spread, and cut into frames in one native step. Frames of other kinds may be written, too.
   * Once the resampler's latency has passed, equal pieces in make equal pieces out. Default: what is written is what is read.
   */
  from?: WrittenPcm;
}

/**
 * Bounded PCM from a producer to a consumer that may be blocked for a while: lossless within `bufferMs`, and beyond it
 * the oldest frames are dropped and counted.
 *
 * Here JavaScript is the producer; `narrowcast/livekit` has the stream that LiveKit's engine feeds.
 *
 * @example
 * ```ts
 * const stream = new AudioStream({ sampleRate: 16_000, frameSizeMs: 20 });
 * stream.write(new Int16Array(1600)); // 100 ms
 * stream.close();
 * for await (const frame of stream) console.log(frame.samplesPerChannel); // 320, five times
 * ```
 */
export class AudioStream extends PcmReadable<AudioFrame> {
  readonly #pcm: PcmArguments;
  /** Whether other kinds than the stream's own are converted. */
  readonly #converts: boolean;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: AudioStreamOptions = {}) {
    optionsObject<AudioStreamOptions>('options', options, { ...PCM_OPTIONS, from: true });
    super(
      new PcmReader(
        streamFormat(options),
        (data, sampleRate, channels, samples, userdata) =>
          new AudioFrame(data, sampleRate, channels, samples, userdata),
      ),
    );
    const { native, sampleRate, channels } = this.reader;
    const { from = {} } = options;
    optionsObject<WrittenPcm>('from', from, { sampleRate: true, numChannels: true, format: true });
    const { format = 'pcm16' } = from;
    this.#converts = options.from !== undefined;
    this.#pcm = new PcmArguments(
      rateInHz('from.sampleRate', from.sampleRate ?? sampleRate),
      channelCount('from.numChannels', from.numChannels ?? channels),
      sampleFormat('from.format', format),
    );
    refuseChannels('from.numChannels', this.#pcm.channels, channels);
    // Refuses rates that are too far apart, and makes the resampler now.
    fromNative(() => native.write(new Int16Array(), this.#pcm.sampleRate, this.#pcm.channels));
  }

  /**
   * Names the stream in this process, for native addons: `stream_open` of `include/narrowcast.h` makes one its producer.
   *
   * @throws {NarrowcastError} `CLOSED` once it was cancelled, or its end was read
   */
  get id(): bigint {
    return fromNative(() => this.reader.native.id);
  }

  /**
   * Appends samples, of any number; they are copied. Without the stream's option `from`, a frame must have its rate and channels.
   *
   * @param pcm interleaved samples; or their bytes, cut anywhere: what is left of a sample waits for the next piece; or a frame
   *   of either
   * @param options `format`: how bytes are read. Default: as the option `from` says, or 16-bit little-endian
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`; `LOCKED` while a native addon is the producer
   */
  write(
    pcm: Int16Array | Uint8Array | (Omit<Pcm, 'data'> & { readonly data: Int16Array | Uint8Array }),
    options?: { format?: SampleFormat },
  ): void {
    if (options !== undefined) optionsObject('options', options, { format: true });
    const { channels } = this.reader;
    const read = this.#pcm.readOwn(pcm, options?.format, this.#converts);
    refuseChannels('channels', read.channels, channels);
    const native = this.#open();
    fromNative(() => native.write(read.data, read.sampleRate, read.channels));
    this.#pcm.keep(read);
    lookSoon();
  }

  /**
   * The end of a turn: what waits in the resampler can be read now, and silence fills the last frame. The next turn begins in a
   * frame of its own, with an empty resampler: its first frame is as late as the stream's first was.
   *
   * @throws {NarrowcastError} `CLOSED`; `LOCKED` while a native addon is the producer
   */
  flush(): void {
    this.#pcm.forget();
    const native = this.#open();
    fromNative(() => native.flush());
    lookSoon();
  }

  /**
   * An interruption: as {@link clear}, and gives up what waits in the resampler, too. The next turn begins in a frame of its own,
   * and no sample in it depends on what was written before. After {@link clear}, in contrast, the same audio goes on.
   *
   * Where a native addon is the producer, what waits in its resampler is given up, too, and is not in what this returns. A write
   * that the addon has under way meanwhile goes on.
   */
  discard(): Cleared {
    this.#pcm.forget();
    return this.giveUp(true);
  }

  /** Ends the stream. What is buffered, and what waits in the resampler, stays readable, then reading gives `done`. */
  override close(): void {
    const { native } = this.reader;
    if (!native.ended) fromNative(() => native.finish());
    super.close();
  }

  #open(): PcmReader<AudioFrame>['native'] {
    const { native } = this.reader;
    if (native.ended) throw new NarrowcastError('CLOSED', 'the stream is closed: write to an open one');
    return native;
  }
}
