import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import type { NewVideoStreamResponse, OwnedVideoBuffer } from '@livekit/rtc-ffi-bindings';
import type { Track, VideoFrame, VideoFrameEvent } from '@livekit/rtc-node';
import { fromNative, NarrowcastError } from '../errors.js';
import { native, type Native } from '../native.js';
import type { Subscription } from '../subscription.js';
import { integer, invalid } from '../validate.js';
import { loadBindings } from './bindings.js';
import { COPY, copyOf, type RtcClasses } from './copies.js';
import { install, type LiveKitEvent } from './engine.js';
import { register, trackOf, unregister } from './track.js';

/** Options of {@link VideoStream}. */
export interface VideoStreamOptions {
  /** How many frames may wait to be read. Then the oldest is dropped for each that comes. Default: 1, the newest. */
  bufferFrames?: number;
}

/** What {@link VideoStream.stats} counts. */
export interface VideoStreamStats {
  /** Frames that came in. */
  framesIn: number;
  /** Frames that were read. */
  framesOut: number;
  /** Frames that nobody read in time, or before the stream was closed: released natively. */
  framesDropped: number;
  /** Frames that wait to be read. */
  framesBuffered: number;
}

/** Reads the native queue of one stream's frames. */
class Source {
  controller!: ReadableStreamDefaultController<VideoFrameEvent>;
  readonly #track: Track;
  readonly #frames: Subscription<LiveKitEvent>;
  readonly #native: Native.NativeVideoStream;
  /** Held by the track weakly, by this strongly. */
  readonly #registration = { processor: null, teardown: () => this.end() };
  readonly #copy: RtcClasses;
  #framesOut = 0;
  #ended = false;

  constructor(track: Track, bufferFrames: number, copy: RtcClasses | undefined) {
    const { ffi_handle } = trackOf(track);
    this.#track = track;
    const ofTrack = copyOf(track);
    this.#copy = copy ?? ofTrack;
    const engine = install();
    this.#frames = engine.videoFrames.subscribe({
      types: ['videoStreamEvent'],
      handles: [], // until the engine says which stream it is
      overflow: 'drop-oldest',
      capacity: bufferFrames,
    });
    this.#native = fromNative(() => this.#frames.attach((reader) => new native.NativeVideoStream(reader)));
    this.#open(() => requestStream(ffi_handle.handle));
    register(track, this.#registration);
    engine.endWithTrack(ffi_handle.handle, this, endSource);
  }

  start(controller: ReadableStreamDefaultController<VideoFrameEvent>): void {
    this.controller = controller;
  }

  async pull(): Promise<void> {
    const { done, value } = await this.#frames.next();
    if (!done) return this.controller.enqueue(this.#frame(value));
    this.end();
    this.closeController();
  }

  cancel(): void {
    void this.#frames.return();
    this.end();
  }

  /** The next frame, or null if none waits. */
  read(): VideoFrameEvent | null {
    const event = this.#frames.tryNext();
    return event ? this.#frame(event) : null;
  }

  /** Whether the stream has ended and all was read. */
  get done(): boolean {
    return this.#frames.closed && this.#frames.size === 0;
  }

  /** What waits stays readable. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    unregister(this.#track, this.#registration);
    this.#native.close();
    this.#frames.close();
  }

  closeController(): void {
    try {
      this.controller.close();
    } catch {
      // Closed, or cancelled, already.
    }
  }

  stats(): VideoStreamStats {
    const { dropped: framesDropped, size: framesBuffered } = this.#frames;
    const framesOut = this.#framesOut;
    return { framesIn: framesOut + framesDropped + framesBuffered, framesOut, framesDropped, framesBuffered };
  }

  #open(request: () => bigint): void {
    let failure: { error: unknown } | undefined;
    try {
      fromNative(() =>
        this.#native.open(() => {
          try {
            return request();
          } catch (error) {
            // Errors don't pass through native code whole. Handle 0 is no stream.
            failure = { error };
            return 0n;
          }
        }),
      );
      if (failure) throw failure.error;
    } catch (error) {
      this.#native.close();
      void this.#frames.return();
      throw error;
    }
  }

  #frame({ message }: LiveKitEvent): VideoFrameEvent {
    this.#framesOut++;
    const received = message.case === 'videoStreamEvent' ? message.value.message : undefined;
    if (received?.case !== 'frameReceived') throw new Error('the queue of video frames has something else in it');
    const { buffer, timestampUs, rotation } = received.value;
    return { frame: videoFrame(this.#copy, buffer!), timestampUs: timestampUs!, rotation: rotation! };
  }
}

/** Not a closure of the constructor, which would hold the source. */
function endSource(source: Source): void {
  source.end();
}

/**
 * The pictures of a LiveKit track: rtc-node's `VideoStream`, with the same constructor, but bounded. Frames wait in the
 * engine until they are read, and only then are their pixels copied; by default the newest one waits, and those that
 * nobody read in time are released natively, without a cost to the JavaScript thread.
 *
 * The stream keeps its track alive, and ends when the track is unsubscribed or ends, when it is cancelled, or with
 * {@link close}. A stream that nobody holds and nobody waits for is collected.
 */
export class VideoStream extends ReadableStream<VideoFrameEvent> {
  /** @internal */
  static get [COPY](): RtcClasses | undefined {
    return undefined;
  }
  readonly #source: Source;

  /**
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED` if the engine refuses; see {@link install} for
   * what is thrown where LiveKit is not installed
   */
  constructor(track: Track, options: VideoStreamOptions = {}) {
    if (typeof options !== 'object' || options === null) throw invalid('options', options, 'an object');
    const source = new Source(track, integer('bufferFrames', options.bufferFrames ?? 1, 1, 1024), new.target[COPY]);
    super(source, { highWaterMark: 0 });
    this.#source = source;
  }

  /**
   * The next frame, or null if none is there (or ever will be). Costs no promise.
   *
   * @throws {NarrowcastError} `LOCKED` while a reader is attached
   */
  tryRead(): VideoFrameEvent | null {
    if (this.locked) {
      throw new NarrowcastError('LOCKED', 'somebody reads this stream: release it before reading without promises');
    }
    const frame = this.#source.read();
    if (!frame && this.#source.done) this.#source.closeController();
    return frame;
  }

  /** What was counted so far; can be read after the stream has ended, too. */
  stats(): VideoStreamStats {
    return this.#source.stats();
  }

  /** Ends the stream. What waits stays readable, then reading gives `done`. */
  close(): void {
    this.#source.end();
    if (this.#source.done) this.#source.closeController();
  }
}

function requestStream(trackHandle: bigint): bigint {
  const { ffi } = loadBindings();
  const { stream } = install().request<NewVideoStreamResponse>('opened no video stream', {
    case: 'newVideoStream',
    value: new ffi.NewVideoStreamRequest({
      type: ffi.VideoStreamType.VIDEO_STREAM_NATIVE,
      trackHandle,
    }),
  });
  const id = stream?.handle?.id;
  if (id === undefined) throw new NarrowcastError('ENGINE_REQUEST_FAILED', 'the engine answered without a stream');
  return id;
}

/** What rtc-node makes of a buffer: a copy of its pixels. Drops the buffer's handle. */
function videoFrame(copy: RtcClasses, owned: OwnedVideoBuffer): VideoFrame {
  const { fromOwnedInfo } = copy.VideoFrame as unknown as { fromOwnedInfo(owned: OwnedVideoBuffer): VideoFrame };
  try {
    return fromOwnedInfo.call(copy.VideoFrame, owned);
  } catch (error) {
    const { ffi } = loadBindings();
    new ffi.FfiHandle(owned.handle!.id!).dispose();
    throw error;
  }
}
