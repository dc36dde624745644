import type { AudioFrame } from '@livekit/rtc-node';
import { PcmReader, type AudioStreamStats, type MakeFrame, type PcmOptions, type ReadReport } from '../pcm-reader.js';
import { writable } from '../validate.js';
import { END, NOTHING, type Consumer } from '../waiters.js';
import type { SafeProcessor } from './safe-processor.js';

/**
 * Reads frames through a frame processor, when they are read. What is still buffered at the end is processed then, before
 * the processor is closed: it is never used after that.
 */
export class ProcessedReader extends PcmReader<AudioFrame> {
  /** Frames that were processed, and not read yet: those of the end, or the rest of one that was copied in part. */
  readonly #processed: AudioFrame[] = [];
  #ending = false;
  /** Whether the engine's own word of the end is waited for: it has its place among the events of the room. */
  #awaitsEnd = false;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(options: PcmOptions, makeFrame: MakeFrame<AudioFrame>, processor: SafeProcessor, onEnd: () => void) {
    super(
      options,
      (...samples) => {
        const frame = makeFrame(...samples);
        const processed = processor.process(frame);
        // A processor makes a frame of its own, which is to tell of a gap, too.
        if (frame.userdata['droppedBefore'] !== undefined) Object.assign(processed.userdata ?? {}, frame.userdata);
        return processed;
      },
      onEnd,
    );
  }

  /** From now on the end is not seen before the stream is closed, whoever finds that no more samples come. */
  awaitEnd(): void {
    this.#awaitsEnd = true;
  }

  override poll(many: number, consumer?: Consumer<AudioFrame>): AudioFrame | typeof NOTHING | typeof END {
    return this.#processed.shift() ?? super.poll(many, consumer);
  }

  override readable(): boolean {
    if (this.#processed.length > 0) return true;
    // Native code has the end, which is not seen yet.
    if (this.#awaitsEnd && this.native.ended && this.native.buffered === 0) return false;
    return super.readable();
  }

  /** Frame by frame, for that is what the processor takes; what has no room in `target` is left for the next read. */
  override readInto(target: Int16Array, report?: ReadReport): number | typeof END {
    writable('target', target);
    let [at, droppedBefore] = [0, 0];
    while (at < target.length) {
      const frame = this.waiters.read(1);
      if (typeof frame === 'symbol') {
        if (frame === END && at === 0) return END;
        break;
      }
      const dropped = Number(frame.userdata?.['droppedBefore'] ?? 0);
      // A gap is before what is returned, and not in the midst of it.
      const room = at > 0 && dropped > 0 ? 0 : wholeGroups(target.length - at, frame.channels);
      const samples = frame.data.subarray(0, room);
      if (samples.length > 0) {
        target.set(samples, at);
        at += samples.length;
        droppedBefore += dropped;
      }
      if (samples.length < frame.data.length) {
        this.#processed.unshift(samples.length === 0 ? frame : restOf(frame, samples.length));
        break;
      }
    }
    if (report) report.droppedBefore = droppedBefore;
    return at;
  }

  override get done(): boolean {
    return this.#processed.length === 0 && super.done;
  }

  override stats(): AudioStreamStats {
    const { bufferedMs, framesOut, ...counts } = super.stats();
    const processedMs =
      this.#processed.reduce((sum, frame) => sum + frame.samplesPerChannel / frame.sampleRate, 0) * 1000;
    return { ...counts, framesOut: framesOut - this.#processed.length, bufferedMs: bufferedMs + processedMs };
  }

  override close(): void {
    this.#awaitsEnd = false;
    // Nothing more comes, and what has come is processed while the processor is open: the last poll closes it.
    this.native.close();
    this.#processRest();
    super.close();
  }

  override cancel(): void {
    super.cancel();
    this.#processed.length = 0;
  }

  /** Processes what is buffered now, and keeps it for the next reads. */
  processBuffered(): void {
    for (let frame = super.poll(1); typeof frame !== 'symbol'; frame = super.poll(1)) this.#processed.push(frame);
  }

  protected override finish(): typeof END | typeof NOTHING {
    return this.#awaitsEnd ? NOTHING : super.finish();
  }

  #processRest(): void {
    // The processor itself may close the stream.
    if (this.#ending) return;
    this.#ending = true;
    this.processBuffered();
  }
}

function wholeGroups(samples: number, channels: number): number {
  return samples - (samples % channels);
}

/** A frame of the same class, without its first samples. */
function restOf(frame: AudioFrame, samples: number): AudioFrame {
  const { constructor: Frame } = frame as unknown as { constructor: typeof AudioFrame };
  const data = frame.data.slice(samples);
  return new Frame(data, frame.sampleRate, frame.channels, data.length / frame.channels);
}
