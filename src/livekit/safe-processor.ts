import type { AudioFrame, FrameProcessor } from '@livekit/rtc-node';
import { warnOfFailure } from '../report-error.js';
import { invalid } from '../validate.js';
import type { RoomListener } from './track.js';

/**
 * A foreign frame processor, whose faults cost a stream nothing: a frame that could not be processed is better than
 * none, as rtc-node has it. Of a stream's faults the first is a warning.
 */
export class SafeProcessor {
  readonly #processor: FrameProcessor<AudioFrame>;
  #warned = false;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(processor: FrameProcessor<AudioFrame>) {
    for (const method of ['isEnabled', 'process', 'close'] as const) {
      if (typeof processor[method] !== 'function') {
        throw invalid(
          `noiseCancellation.${method}`,
          processor[method],
          "a function, as rtc-node's FrameProcessor has it",
        );
      }
    }
    this.#processor = processor;
  }

  /** What the processor makes of the frame, or else the frame. */
  process(frame: AudioFrame): AudioFrame {
    try {
      if (!this.#processor.isEnabled()) return frame;
      const processed: unknown = this.#processor.process(frame);
      if (isFrame(processed)) return processed;
      this.#warn(new TypeError('it returned no AudioFrame'));
    } catch (error) {
      this.#warn(error);
    }
    return frame;
  }

  /**
   * What rtc-node's Track tells of the room that it is in. `leaving` is called before the processor hears that the track
   * leaves it.
   */
  inRoom(leaving: () => void): RoomListener {
    const processor: Partial<RoomListener> = this.#processor;
    return {
      onStreamInfoUpdated: (info) => processor.onStreamInfoUpdated?.(info),
      onStreamInfoCleared() {
        leaving();
        processor.onStreamInfoCleared?.();
      },
      onCredentialsUpdated: (credentials) => processor.onCredentialsUpdated?.(credentials),
      onCredentialsCleared: () => processor.onCredentialsCleared?.(),
    };
  }

  close(): void {
    try {
      this.#processor.close();
    } catch (error) {
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    warnOfFailure('a frame processor failed, and what it fails on is passed on as it is', error);
  }
}

function isFrame(value: unknown): value is AudioFrame {
  return typeof value === 'object' && value !== null && (value as AudioFrame).data instanceof Int16Array;
}
