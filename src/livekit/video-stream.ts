import type { NewVideoStreamResponse, OwnedVideoBuffer } from '@livekit/rtc-ffi-bindings';
import type { Track, VideoFrame, VideoFrameEvent } from '@livekit/rtc-node';
import { closed, hide, opened } from '../diagnostics/alive.js';
import { describeVideo } from '../diagnostics/describe.js';
import type { Waiting } from '../doorbell.js';
import { fromNative } from '../errors.js';
import { NativeReadable, type NativeReader } from '../native-readable.js';
import { native, type Native } from '../native.js';
import type { Subscription } from '../subscription.js';
import { integer, invalid } from '../validate.js';
import { END, NOTHING, REFUSED, Waiters, type Consumer, type Source } from '../waiters.js';
import { loadBindings } from './bindings.js';
import { COPY, copyOf, type RtcClasses } from './copies.js';
import { openStream } from './engine-request.js';
import { install, type LiveKitEvent } from './engine.js';
import type { VideoStreamStats } from './stats.js';
import { trackOf, type TrackInternals } from './track.js';

/** Options of {@link VideoStream}. */
export interface VideoStreamOptions {
  /** How many frames may wait to be read. Then the oldest is dropped for each that comes. Default: 1, the newest. */
  bufferFrames?: number;
}

/** A frame goes to the next read of any kind. */
const ANY_CONSUMER: Consumer<LiveKitEvent> = { gone: false };

/** Reads the native queue of one stream's frames. */
class VideoReader implements NativeReader<VideoFrameEvent>, Source<VideoFrameEvent> {
  readonly waiters: Waiters<VideoFrameEvent> = new Waiters(this);
  readonly #track: TrackInternals;
  readonly #frames: Subscription<LiveKitEvent>;
  readonly #native: Native.NativeVideoStream;
  /** Held by the track weakly, by this strongly. */
  readonly #registration = { processor: null, teardown: () => this.close() };
  readonly #copy: RtcClasses;
  #framesOut = 0;
  #ended = false;

  constructor(track: Track, bufferFrames: number, copy: RtcClasses | undefined) {
    this.#track = trackOf(track);
    const trackHandle = this.#track.ffi_handle.handle;
    const ofTrack = copyOf(track);
    this.#copy = copy ?? ofTrack;
    const engine = install();
    this.#frames = engine.videoFrames.subscribe({
      types: ['videoStreamEvent'],
      handles: [], // until the engine says which stream it is
      overflow: 'drop-oldest',
      capacity: bufferFrames,
      own: true,
    });
    hide(this.#frames);
    this.#native = fromNative(() => this.#frames.attach((reader) => new native.NativeVideoStream(reader)));
    try {
      openStream(
        (ask) => this.#native.open(ask),
        () => requestStream(trackHandle),
      );
    } catch (error) {
      this.#native.close();
      void this.#frames.return();
      throw error;
    }
    this.#track.registerAudioStream?.(this.#registration);
    engine.endWithTrack(trackHandle, this, closeReader);
    opened('videoStreams', this, describeVideo);
  }

  poll(many: number, consumer?: unknown): VideoFrameEvent | typeof NOTHING | typeof END {
    const event = this.#frames.events.poll(many, consumer ? ANY_CONSUMER : undefined);
    if (event === END) this.#end();
    // Nothing refuses frames: the queue has no filter, and its consumers no predicate.
    if (event === END || event === NOTHING || event === REFUSED) return event === END ? END : NOTHING;
    return this.#frame(event);
  }

  readable(): boolean {
    return this.#frames.events.readable();
  }

  listen(waiting: Waiting): void {
    this.#frames.events.listen(waiting);
  }

  unlisten(): void {
    this.#frames.events.unlisten();
  }

  notified(): void {
    this.#frames.events.notified();
  }

  get done(): boolean {
    return this.#frames.closed && this.#frames.size === 0;
  }

  close(): void {
    this.#end();
    this.waiters.ended();
  }

  cancel(): void {
    void this.#frames.return();
    this.close();
  }

  stats(): VideoStreamStats {
    const { dropped: framesDropped, size: framesBuffered } = this.#frames;
    const framesOut = this.#framesOut;
    return { framesIn: framesOut + framesDropped + framesBuffered, framesOut, framesDropped, framesBuffered };
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    closed(this);
    this.#track.unregisterAudioStream?.(this.#registration);
    this.#native.close();
    this.#frames.close();
  }

  #frame({ message }: LiveKitEvent): VideoFrameEvent {
    this.#framesOut++;
    const received = message.case === 'videoStreamEvent' ? message.value.message : undefined;
    if (received?.case !== 'frameReceived') throw new Error('the queue of video frames has something else in it');
    const { buffer, timestampUs, rotation } = received.value;
    return { frame: videoFrame(this.#copy, buffer!), timestampUs: timestampUs!, rotation: rotation! };
  }
}

/** Not a closure of the constructor, which would hold the reader. */
function closeReader(reader: VideoReader): void {
  reader.close();
}

/**
 * The pictures of a LiveKit track: rtc-node's `VideoStream`, with the same constructor, but bounded. Frames wait in the
 * engine until they are read, and only then are their pixels copied; by default the newest one waits, and older
 * ones are released natively, without a cost to the JavaScript thread.
 *
 * The stream keeps its track alive, and ends when the track is unsubscribed or ends, when it is cancelled, or with
 * {@link close}. A stream without a pending read that no variable holds is collected.
 */
export class VideoStream extends NativeReadable<VideoFrameEvent> {
  /** @internal */
  static get [COPY](): RtcClasses | undefined {
    return undefined;
  }
  readonly #reader: VideoReader;

  /**
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED` if the engine refuses; see {@link install} for
   * what is thrown where LiveKit is not installed
   */
  constructor(track: Track, options: VideoStreamOptions = {}) {
    if (typeof options !== 'object' || options === null) throw invalid('options', options, 'an object');
    const frames = integer('bufferFrames', options.bufferFrames ?? 1, 1, 1024);
    const reader = new VideoReader(track, frames, new.target[COPY]);
    super(reader);
    this.#reader = reader;
  }

  /** What was counted so far; can be read after the stream has ended, too. */
  stats(): VideoStreamStats {
    return this.#reader.stats();
  }
}

function requestStream(trackHandle: bigint): NewVideoStreamResponse {
  const { ffi } = loadBindings();
  const type = ffi.VideoStreamType.VIDEO_STREAM_NATIVE;
  return install().request('opened no video stream', {
    case: 'newVideoStream',
    value: new ffi.NewVideoStreamRequest({ type, trackHandle }),
  });
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
