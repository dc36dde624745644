import { AudioFrame } from './audio-frame.js';
import { lookSoon } from './doorbell.js';
import { NarrowcastError } from './errors.js';
import { PcmArguments, type Pcm } from './pcm-argument.js';
import { PcmReadable } from './pcm-readable.js';
import { PcmReader } from './pcm-reader.js';
import { PCM_OPTIONS, streamFormat, type PcmOptions } from './stream-format.js';
import { optionsObject } from './validate.js';

/** Options of {@link AudioStream}. */
export interface AudioStreamOptions extends PcmOptions {}

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
  readonly #pcm = new PcmArguments(this.reader.sampleRate, this.reader.channels);

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: AudioStreamOptions = {}) {
    optionsObject<AudioStreamOptions>('options', options, PCM_OPTIONS);
    super(
      new PcmReader(
        streamFormat(options),
        (data, sampleRate, channels, samples, userdata) =>
          new AudioFrame(data, sampleRate, channels, samples, userdata),
      ),
    );
  }

  /**
   * Appends samples, of any number; they are copied. A frame must have the stream's rate and channels.
   *
   * @param pcm interleaved samples; or their bytes, little-endian, cut anywhere: what is left of a sample waits for the next
   *   piece; or a frame of either
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`
   */
  write(pcm: Int16Array | Uint8Array | (Omit<Pcm, 'data'> & { readonly data: Int16Array | Uint8Array })): void {
    const { native } = this.reader;
    const read = this.#pcm.readOwn(pcm);
    if (native.ended) throw new NarrowcastError('CLOSED', 'the stream is closed: write to an open one');
    native.write(read.data);
    this.#pcm.keep(read);
    lookSoon();
  }
}
