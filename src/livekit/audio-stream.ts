import type { NewAudioStreamResponse } from '@livekit/rtc-ffi-bindings';
import type { AudioFrame, NoiseCancellationOptions, Track, FrameProcessor } from '@livekit/rtc-node';
import { NarrowcastError } from '../errors.js';
import { PcmReadable } from '../pcm-readable.js';
import { PcmReader, type MakeFrame } from '../pcm-reader.js';
import { messageOf } from '../report-error.js';
import { streamFormat, type PcmOptions } from '../stream-format.js';
import { handle, invalid } from '../validate.js';
import { loadBindings, type Bindings } from './bindings.js';
import { COPY, copyOf, type RtcClasses } from './copies.js';
import { openStream, requestEngine } from './engine-request.js';
import { install, type Engine } from './engine.js';
import { frameBudget } from './frame-budget.js';
import { ProcessedReader } from './processed-reader.js';
import { SafeProcessor } from './safe-processor.js';
import { trackOf, type StreamOnTrack, type TrackInternals } from './track.js';

/** Options of {@link AudioStream}: rtc-node's, and how much may be buffered. */
export interface AudioStreamOptions extends PcmOptions {
  /**
   * A plug-in of the engine, or a processor that each frame passes through when it is read. What is buffered when the stream
   * ends is processed then, before the processor is closed; a stream with a processor is not collected before its end.
   */
  noiseCancellation?: NoiseCancellationOptions | FrameProcessor<AudioFrame>;
  /** Whether the frame processor is closed with the stream. Default: true. */
  autoCloseNoiseCancellation?: boolean;
  /**
   * Who converts to `sampleRate`, where that is not 48,000 Hz.
   *
   * - `'soxr'`: the engine delivers 48,000 Hz, and narrowcast converts them natively, where they arrive. Nothing above the
   *   new Nyquist frequency is left to alias, and the passband is flat nearly up to it; frames come 7.5 ms later (to 8,000
   *   Hz: 15), and each takes some 7 µs more of a native thread.
   * - `'engine'`: the engine's own converter, at once; what lies just above the new Nyquist frequency comes back as other
   *   tones.
   *
   * `npm run bench -- engine-rate` compares them.
   *
   * Default: `'soxr'`, since remote tracks are decoded at 48,000 Hz; `'engine'` for local tracks, which may have this very
   * rate, and with a plug-in of the engine, which works at the rate that is asked for.
   */
  resampler?: 'soxr' | 'engine';
}

/** Hz, of what the engine decodes. */
const DECODED_RATE = 48_000;

/**
 * The audio of a LiveKit track: rtc-node's `AudioStream`, with the same constructors, but bounded, and without a cost to
 * the JavaScript thread for frames that are not read.
 *
 * Frames wait natively until they are read; up to `bufferMs` nothing is lost while JavaScript is blocked. The stream
 * keeps its track alive, and ends when the track does, when it is cancelled, or with {@link close}. A stream that
 * the program neither holds nor waits for is collected, with everything native that belonged to it.
 */
export class AudioStream extends PcmReadable<AudioFrame> {
  /** @internal */
  static get [COPY](): RtcClasses | undefined {
    return undefined;
  }

  constructor(track: Track);
  constructor(track: Track, sampleRate: number, numChannels?: number);
  constructor(track: Track, options: AudioStreamOptions);
  /**
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_REQUEST_FAILED` if the engine refuses; see {@link install} for
   * what is thrown where LiveKit is not installed
   */
  constructor(track: Track, rateOrOptions?: number | AudioStreamOptions, numChannels?: number) {
    const engine = install();
    const options = typeof rateOrOptions === 'object' ? rateOrOptions : withRate(rateOrOptions, numChannels);
    const internals = trackOf(track);
    const ofTrack = copyOf(track);
    const reader = openReader(internals.ffi_handle.handle, options, new.target[COPY] ?? ofTrack, internals, engine);
    engine.endWithTrack(internals.ffi_handle.handle, reader, closeReader);
    super(reader);
  }

  /**
   * The audio of a track that another thread holds: a Track can't be posted to a worker, its handle
   * (`track.ffi_handle.handle`) can. Listening costs that other thread nothing. It has called {@link install}, and keeps
   * the track; rtc-node itself is not to be used in this thread, where the streams end with the thread.
   *
   * What it converts by default is a remote track's audio: see {@link AudioStreamOptions.resampler}.
   *
   * @throws {NarrowcastError} `INVALID_ARGUMENT`; `ENGINE_NOT_INSTALLED` if no thread of this process called `install`;
   * `ENGINE_REQUEST_FAILED`
   */
  static fromHandle(trackHandle: bigint, options: AudioStreamOptions = {}): PcmReadable<AudioFrame> {
    return new PcmReadable(openReader(handle('trackHandle', trackHandle), options, this?.[COPY] ?? loadBindings().rtc));
  }
}

/** Not a closure of the constructor, which would hold the reader. */
function closeReader(reader: PcmReader<AudioFrame>): void {
  reader.close();
}

function withRate(sampleRate: number | undefined, numChannels: number | undefined): AudioStreamOptions {
  return { ...(sampleRate !== undefined && { sampleRate }), ...(numChannels !== undefined && { numChannels }) };
}

function openReader(
  trackHandle: bigint,
  options: AudioStreamOptions,
  { AudioFrame }: Pick<RtcClasses, 'AudioFrame'>,
  track?: TrackInternals,
  engine?: Engine,
): PcmReader<AudioFrame> {
  const bindings = loadBindings();
  const cancellation = options.noiseCancellation;
  const processor = isProcessor(cancellation) ? new SafeProcessor(cancellation) : undefined;
  const plugin = cancellation && !isProcessor(cancellation) ? cancellation : undefined;
  const resampler = options.resampler ?? (plugin || track?.info?.remote === false ? 'engine' : 'soxr');
  if (resampler !== 'soxr' && resampler !== 'engine') throw invalid('resampler', resampler, "'soxr' or 'engine'");

  // What rtc-node's Track holds of this stream, weakly; the reader's end holds it, and with it the track.
  const registration: StreamOnTrack = {
    // What has come by then is processed while the processor still has the room, as with rtc-node.
    processor: processor?.inRoom(() => (reader as ProcessedReader).processBuffered()) ?? null,
    teardown: () => reader.close(),
  };
  const makeFrame: MakeFrame<AudioFrame> = (...samples) => new AudioFrame(...samples);
  let forgetEnd = () => {};
  const ended = () => {
    forgetEnd();
    track?.unregisterAudioStream?.(registration);
    if (options.autoCloseNoiseCancellation ?? true) processor?.close();
  };
  const format = streamFormat(options, frameBudget());
  const reader = processor
    ? new ProcessedReader({ ...format, joins: false }, makeFrame, processor, ended)
    : new PcmReader(format, makeFrame, ended);
  const engineRate = resampler === 'soxr' ? DECODED_RATE : reader.sampleRate;
  let stream: bigint;
  try {
    stream = openStream(
      (ask) => reader.native.openEngineStream(engineRate, ask),
      () => requestStream(bindings, trackHandle, engineRate, reader.channels, plugin),
    );
  } catch (error) {
    reader.native.close();
    throw error;
  }
  // In a worker that only listens, nothing else may do so.
  reader.keepsAlive = true;
  // As rtc-node's, a processor is told of the end in its place among the events of the room, and also if the stream is not
  // read: until then, the stream is held.
  if (reader instanceof ProcessedReader && engine) {
    forgetEnd = engine.atStreamEnd(stream, () => reader.close());
    reader.awaitEnd();
  }
  track?.registerAudioStream?.(registration);
  return reader;
}

function requestStream(
  bindings: Bindings,
  trackHandle: bigint,
  sampleRate: number,
  numChannels: number,
  plugin: NoiseCancellationOptions | undefined,
): NewAudioStreamResponse {
  const { ffi } = bindings;
  // Frames of another length than the engine's own are cut from the ring: the engine would lose the rest at the end.
  const value = new ffi.NewAudioStreamRequest({
    type: ffi.AudioStreamType.AUDIO_STREAM_NATIVE,
    trackHandle,
    sampleRate,
    numChannels,
    // No queue of the engine's own, which is short and drops what it has no room for, uncounted. The ring is the bound.
    queueSizeFrames: 0,
    ...(plugin && { audioFilterModuleId: plugin.moduleId, audioFilterOptions: JSON.stringify(plugin.options) }),
  });
  try {
    return requestEngine(bindings, { case: 'newAudioStream', value });
  } catch (cause) {
    const reason = messageOf(cause);
    throw new NarrowcastError('ENGINE_REQUEST_FAILED', `the engine opened no audio stream: ${reason}`, { cause });
  }
}

/** rtc-node's processors say what they are by a symbol that is registered for all copies of the package. */
const PROCESSOR = Symbol.for('lk.frame-processor');

function isProcessor(value: AudioStreamOptions['noiseCancellation']): value is FrameProcessor<AudioFrame> {
  return typeof value === 'object' && value !== null && (value as { symbol?: unknown }).symbol === PROCESSOR;
}
