import type { AudioFrame } from '@livekit/rtc-node';
import { PcmReader, type AudioStreamStats, type MakeFrame, type ReadReport } from '../pcm-reader.js';
import type { StreamFormat } from '../stream-format.js';
import { writable } from '../validate.js';
import { END, NOTHING, type Consumer } from '../waiters.js';
import type { SafeProcessor } from './safe-processor.js';

/**
 * Reads frames through a frame processor, when they are read. What is still buffered at the end is processed then, before
 * the processor is closed: it is never used after that.
 *
 * The processor gets frames of the length that rtc-node gives it. Longer ones are joined of what it returns.
 */
export class ProcessedReader extends PcmReader<AudioFrame> {
  readonly #makeFrame: MakeFrame<AudioFrame>;
  readonly #processor: SafeProcessor;
  /** What is left of a frame whose first pieces were processed: the processor may close the stream meanwhile. */
  readonly #pieces: AudioFrame[] = [];
  /** Frames that were processed, and not read yet: those of the end, or the rest of one that was copied in part. */
  readonly #processed: AudioFrame[] = [];
  /** Of these, those that {@link clear} gave up so far, in frames of the stream's length. */
  #cleared = 0;
  #ending = false;
  /** Whether the engine's own word of the end is waited for: it has its place among the events of the room. */
  #awaitsEnd = false;

  /** @throws {NarrowcastError} `INVALID_ARGUMENT` */
  constructor(format: StreamFormat, makeFrame: MakeFrame<AudioFrame>, processor: SafeProcessor, onEnd: () => void) {
    super(format, makeFrame, onEnd);
    this.#makeFrame = makeFrame;
    this.#processor = processor;
  }

  /** From now on the end is not seen before the stream is closed, even once a read finds that no more samples come. */
  awaitEnd(): void {
    this.#awaitsEnd = true;
  }

  override poll(many: number, consumer?: Consumer<AudioFrame>): AudioFrame | typeof NOTHING | typeof END {
    if (this.#processed.length === 0) {
      const frame = super.poll(many, consumer);
      if (typeof frame === 'symbol') return frame;
      this.#keep(frame);
    }
    return this.#processed.shift()!;
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
    let [at, droppedBefore, behind] = [0, 0, 0];
    while (at < target.length) {
      const frame = this.waiters.read(1);
      if (typeof frame === 'symbol') {
        if (frame === END && at === 0) return END;
        break;
      }
      const dropped = Number(frame.userdata?.['droppedBefore'] ?? 0);
      const position = Number(frame.userdata?.['position'] ?? behind);
      // A gap, or what was withheld, is before what is returned, and not in the midst of it.
      const room =
        at > 0 && (dropped > 0 || position > behind + 1) ? 0 : wholeGroups(target.length - at, frame.channels);
      behind = position + (frame.samplesPerChannel * this.sampleRate) / frame.sampleRate;
      const samples = frame.data.subarray(0, room);
      if (samples.length > 0) {
        if (report && at === 0) report.position = frame.userdata?.['position'] as number;
        target.set(samples, at);
        at += samples.length;
        droppedBefore += dropped;
      }
      if (samples.length < frame.data.length) {
        this.#processed.unshift(samples.length === 0 ? frame : this.#restOf(frame, samples.length));
        break;
      }
    }
    if (report) report.droppedBefore = droppedBefore;
    return at;
  }

  override get done(): boolean {
    return !this.#awaitsEnd && this.#processed.length === 0 && super.done;
  }

  override stats(): AudioStreamStats {
    const { bufferedMs, framesOut, framesCleared, ...counts } = super.stats();
    const { frames, samples } = this.#unread();
    return {
      ...counts,
      framesOut: framesOut - frames - this.#cleared,
      framesCleared: framesCleared + this.#cleared,
      bufferedMs: bufferedMs + (samples / this.sampleRate) * 1000,
    };
  }

  override clear(): number {
    const { frames, samples } = this.#unread();
    this.#processed.length = 0;
    this.#cleared += frames;
    return samples + super.clear();
  }

  override close(): void {
    // The processor itself may close the stream, also while this has it process the rest.
    if (this.#ending) return;
    this.#ending = true;
    this.#awaitsEnd = false;
    // Nothing more comes, and what has come is processed while the processor is open: the last poll closes it.
    this.native.close();
    this.processBuffered();
    super.close();
  }

  override cancel(): void {
    this.#pieces.length = 0;
    super.cancel();
    this.#processed.length = 0;
  }

  /** Processes what is buffered now, and keeps it for the next reads. */
  processBuffered(): void {
    this.#processed.push(...this.#processPieces());
    for (let frame = super.poll(1); typeof frame !== 'symbol'; frame = super.poll(1)) this.#keep(frame);
  }

  protected override finish(): typeof END | typeof NOTHING {
    return this.#awaitsEnd ? NOTHING : super.finish();
  }

  /** Processes a frame, and keeps it for the next read, before what its processor has had processed meanwhile. */
  #keep(frame: AudioFrame): void {
    const at = this.#processed.length;
    this.#pieces.push(...this.#cut(frame));
    this.#processed.splice(at, 0, ...this.#processPieces());
  }

  /** A frame in the lengths that the processor takes. */
  #cut(frame: AudioFrame): AudioFrame[] {
    const { pieceSamples } = this.format;
    if (frame.data.length <= pieceSamples) return [frame];
    const pieces = Array.from({ length: Math.ceil(frame.data.length / pieceSamples) }, (_, n) => n * pieceSamples);
    return pieces.map((from) => this.#restOf(frame, from, from + pieceSamples));
  }

  /** Processes what was cut, and joins what the processor returns, if that can be joined. */
  #processPieces(): AudioFrame[] {
    const frames: AudioFrame[] = [];
    for (let piece = this.#pieces.shift(); piece; piece = this.#pieces.shift()) {
      const processed = this.#processor.process(piece);
      // A processor makes a frame of its own, which is to tell of a gap, too.
      if (processed !== piece) Object.assign(processed.userdata ?? {}, piece.userdata);
      frames.push(processed);
    }
    const [first] = frames;
    if (frames.length < 2 || !frames.every((frame) => hasFormatOf(frame, first!))) return frames;
    const data = new Int16Array(frames.reduce((sum, frame) => sum + frame.data.length, 0));
    let at = 0;
    for (const frame of frames) {
      data.set(frame.data, at);
      at += frame.data.length;
    }
    const { sampleRate, channels } = first!;
    // The first one's position and gap are those of all.
    const userdata = Object.assign({}, ...frames.map((frame) => frame.userdata).toReversed()) as AudioFrame['userdata'];
    return [this.#makeFrame(data, sampleRate, channels, data.length / channels, userdata)];
  }

  /** A part of a frame, as a frame. */
  #restOf({ data, sampleRate, channels, userdata }: AudioFrame, from: number, to = data.length): AudioFrame {
    const part = data.slice(from, to);
    // A processor may return something like a frame, without userdata.
    const { position = 0, speech } = (userdata ?? {}) as { position?: number; speech?: boolean };
    const at = position + ((from / channels) * this.sampleRate) / sampleRate;
    const ofPart = from === 0 ? userdata : { position: at, ...(speech !== undefined && { speech }) };
    return this.#makeFrame(part, sampleRate, channels, part.length / channels, ofPart);
  }

  /** What was processed, and not read yet: in frames of the stream's length, and in samples of each channel at its rate. */
  #unread(): { frames: number; samples: number } {
    const lengths = this.#processed.map((frame) => (frame.samplesPerChannel * this.sampleRate) / frame.sampleRate);
    const frameLength = this.format.frameSamples / this.channels;
    return {
      frames: lengths.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / frameLength)), 0),
      samples: lengths.reduce((sum, length) => sum + length, 0),
    };
  }
}

function wholeGroups(samples: number, channels: number): number {
  return samples - (samples % channels);
}

function hasFormatOf(frame: AudioFrame, other: AudioFrame): boolean {
  return frame.sampleRate === other.sampleRate && frame.channels === other.channels;
}
