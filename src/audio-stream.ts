import { AudioFrame } from './audio-frame.js';
import { lookSoon } from './doorbell.js';
import { NarrowcastError } from './errors.js';
import { samplesOf } from './pcm-format.js';
import { PcmReadable } from './pcm-readable.js';
import { PcmReader } from './pcm-reader.js';
import { PCM_OPTIONS, streamFormat, type PcmOptions } from './stream-format.js';
import { invalid, optionsObject, readable } from './validate.js';

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
   * @param pcm interleaved samples, or a frame of them
   * @throws {NarrowcastError} `CLOSED`; `INVALID_ARGUMENT`
   */
  write(pcm: Int16Array | Pick<AudioFrame, 'data' | 'sampleRate' | 'channels'>): void {
    const { reader } = this;
    const data = readable('pcm', samplesOf(pcm, reader.sampleRate, reader.channels), Int16Array);
    if (data.length % reader.channels !== 0) {
      throw invalid('pcm.length', data.length, `a multiple of the ${reader.channels} channels`);
    }
    if (reader.native.ended) throw new NarrowcastError('CLOSED', 'the stream is closed: write to an open one');
    reader.native.write(data);
    lookSoon();
  }
}
