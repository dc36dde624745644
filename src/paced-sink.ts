import type { WritableStream } from 'node:stream/web';
import { fromNative, NarrowcastError } from './errors.js';
import { CODINGS, sampleFormat, type SampleFormat } from './g711.js';
import { native, type Native } from './native.js';
import { boolean, integer, invalid, optionalSignal, optionsObject, rateInHz } from './validate.js';

/** How `AudioStreamTrack.pipeTo` plays to a sink of your own. */
export interface SinkOptions<Base64 extends boolean = boolean> {
  /** What frames are made of. Default: `'pcm16'`. */
  format?: SampleFormat;
  /** Hz: converted natively if the track has another rate, better made with this one. Default: 8000 for G.711, otherwise the
   * track's. */
  sampleRate?: number;
  /** Length of a frame, in ms: whole samples. Default: 20. */
  frameMs?: number;
  /**
   * How far frames go ahead of their time, in ms: what the far end has at least while something is said, and so how long
   * JavaScript may be blocked without a gap. It is woken once for each lead, sends that much at once, and so the far end has up
   * to twice as much. Default: 160.
   */
  leadMs?: number;
  /** Whether frames are strings, in Base64. Default: false. */
  base64?: Base64;
  /** Stops playing; the track stays as it is. */
  signal?: AbortSignal;
}

/** A sink that can do more than take frames. */
export interface FrameSink<Frame = Uint8Array | string> {
  /** Takes a whole frame, which is the sink's from then on. While a promise that it returned is pending, no more come. */
  write(frame: Frame): unknown;
  /** The track was interrupted: throws away what was written and is not played yet. Without it, that is all heard. */
  clear?(): void;
  /**
   * The sink is to call `heard` once everything that was written so far was played: what was heard is then known, and otherwise
   * reckoned. Called about once for each lead, and where a program waits for what was heard. After `clear` it need not be called.
   */
  mark?(heard: () => void): void;
  /** Whether nothing more can be taken now: it is asked again a lead later. */
  isFull?(): boolean;
  /** Whether nothing can be taken any more. */
  isClosed?(): boolean;
}

/** A WebSocket, Node's or that of `ws`. */
export interface WebSocketLike<Frame = Uint8Array | string> {
  /** 0 while it connects, 1 while it is open. */
  readonly readyState: number;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  /** Sends a frame as a message. */
  send(data: Frame): void;
}

/** Where `AudioStreamTrack.pipeTo` plays, if that is no source of an engine's: it gets whole frames, ahead of their time. */
export type SinkTarget<Frame = Uint8Array | string> =
  ((frame: Frame) => unknown) | FrameSink<Frame> | WritableStream<Frame> | WebSocketLike<Frame>;

/** How long a sink may take nothing, in ms. */
const STALL_MS = 10_000;

/** A position behind everything that is ever written. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** A sink as the player sees it. */
interface Sink extends FrameSink {
  /** It is played to no more. */
  release?(): void;
}

/** What a player tells. */
interface Listener {
  /** The sink takes more. */
  ready(): void;
  fail(reason: unknown): void;
}

/** The settings of a sink; checked. */
export interface CheckedSink {
  readonly target: SinkTarget;
  readonly settings: Native.NativeSinkSettings;
  readonly signal: AbortSignal | undefined;
}

/** @throws {NarrowcastError} `INVALID_ARGUMENT` */
export function checkSink(target: SinkTarget, options: SinkOptions, trackRate: number): CheckedSink {
  optionsObject<SinkOptions>('options', options, {
    format: true,
    sampleRate: true,
    frameMs: true,
    leadMs: true,
    base64: true,
    signal: true,
  });
  const { base64 = false, signal } = options;
  const format = sampleFormat('format', options.format ?? 'pcm16');
  const sampleRate = rateInHz('sampleRate', options.sampleRate ?? (format === 'pcm16' ? trackRate : 8000));
  const frameMs = integer('frameMs', options.frameMs ?? 20, 1, 1000);
  for (const rate of [sampleRate, trackRate]) {
    if ((rate * frameMs) % 1000 !== 0) throw invalid('frameMs', frameMs, `a length of whole samples at ${rate} Hz`);
  }
  const lead = Math.ceil(integer('leadMs', options.leadMs ?? 160, 1, 10_000) / frameMs);
  boolean('base64', base64);
  optionalSignal(signal);
  const { write, send, getWriter, clear, mark } = Object(target) as Partial<FrameSink & WebSocketLike & WritableStream>;
  if (![target, write, send, getWriter].some((each) => typeof each === 'function')) {
    throw invalid(
      'source',
      target,
      'an AudioSource of @livekit/rtc-node, a function, a WritableStream, a WebSocket, or an object with write()',
    );
  }
  const [clears, confirms] = [typeof clear === 'function', typeof mark === 'function'];
  const settings = { sampleRate, coding: CODINGS[format], base64, frameMs, lead, clears, confirms };
  return { target, settings, signal };
}

/** Plays a track to a sink, when native code says so. */
export class SinkPlayer {
  readonly #token: number;
  readonly #settings: Native.NativeSinkSettings;
  readonly #listener: Listener;
  readonly #sink: Sink;
  readonly #frameBytes: number;
  readonly #bytes: Uint8Array;
  readonly #text: Buffer;
  /** Promises of the sink's that are pending. */
  #pending = 0;
  /** Where what was sent ends. */
  #sent = 0;
  /** Frames that no mark follows. */
  #unmarked = 0;
  /** Changes with each interruption: marks from before it mean nothing any more. */
  #generation = 0;
  #stalledSince: number | undefined;
  /** How often the sink took nothing when it was its turn. */
  stalls = 0;

  constructor(
    { target, settings }: CheckedSink,
    token: number,
    { frameBytes, frames }: Native.NativeSinkRoom,
    listener: Listener,
  ) {
    this.#token = token;
    this.#settings = settings;
    this.#listener = listener;
    this.#frameBytes = frameBytes;
    this.#bytes = new Uint8Array(frameBytes * frames);
    this.#text = Buffer.from(this.#bytes.buffer);
    this.#sink = this.#sinkOf(target);
  }

  /**
   * Sends what is due. To be followed by {@link wait}.
   *
   * @param awaited positions that a program waits for, in order
   * @throws what the sink throws; `CLOSED` if it is; `LAGGED` if it has taken nothing for too long
   */
  play(awaited: readonly { readonly position: number }[]): void {
    const { lead, frameMs } = this.#settings;
    if (this.#sink.isClosed?.())
      throw new NarrowcastError('CLOSED', 'the sink is closed: nothing more is played to it');
    if (this.#pending > 0 || this.#sink.isFull?.()) {
      this.#stall();
      return native.trackSinkPause(this.#token, lead * frameMs);
    }
    this.#stalledSince = undefined;
    for (;;) {
      const mark = awaited.find(({ position }) => position > this.#sent)?.position ?? NEVER;
      const count = fromNative(() => native.trackSinkRead(this.#token, mark, this.#bytes));
      if (count === 0) break;
      const sent = native.trackSinkSent(this.#token);
      this.#sent = Math.abs(sent);
      this.#unmarked += count;
      const generation = this.#generation;
      // A sink may interrupt the track.
      for (let i = 0; i < count && generation === this.#generation; i++) this.#write(i);
      if (this.#sent >= mark || this.#unmarked >= lead || sent < 0) this.#mark();
    }
  }

  /** Has native code ring when something is due, or heard. */
  wait(awaited: readonly { readonly position: number }[]): void {
    // What is waited for may have been sent already.
    if (awaited.length > 0 && awaited[0]!.position <= this.#sent) this.#mark();
    native.trackSinkWait(this.#token);
  }

  /** The track was interrupted. */
  clear(): void {
    this.#generation++;
    this.#unmarked = 0;
    this.#sink.clear?.();
  }

  /** Nothing more is played. */
  release(): void {
    this.#generation++;
    this.#sink.release?.();
  }

  #write(i: number): void {
    const [from, to] = [i * this.#frameBytes, (i + 1) * this.#frameBytes];
    const frame = this.#settings.base64 ? this.#text.toString('latin1', from, to) : this.#bytes.slice(from, to);
    const result = this.#sink.write(frame);
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return;
    this.#pending++;
    (result as PromiseLike<unknown>).then(
      () => {
        if (--this.#pending === 0) this.#listener.ready();
      },
      (reason: unknown) => this.#listener.fail(reason),
    );
  }

  #mark(): void {
    if (!this.#sink.mark || this.#unmarked === 0) return;
    this.#unmarked = 0;
    const [position, generation] = [this.#sent, this.#generation];
    this.#sink.mark(() => {
      if (generation === this.#generation) native.trackSinkConfirm(this.#token, position);
    });
  }

  #stall(): void {
    const now = performance.now();
    if (this.#stalledSince === undefined) {
      this.#stalledSince = now;
      this.stalls++;
    } else if (now - this.#stalledSince > STALL_MS) {
      throw new NarrowcastError('LAGGED', `the sink has taken nothing for ${STALL_MS / 1000} s: it is given up`);
    }
  }

  #sinkOf(target: SinkTarget): Sink {
    if (typeof target === 'function') return { write: target };
    if ('getWriter' in target) return this.#sinkOfStream(target);
    if ('send' in target) {
      // A second of it: a socket that is so far behind has stalled.
      const most = (1000 / this.#settings.frameMs) * this.#frameBytes;
      return {
        write: (frame) => void target.send(frame),
        isFull: () => target.readyState === 0 || target.bufferedAmount > most,
        isClosed: () => target.readyState > 1,
      };
    }
    return target;
  }

  #sinkOfStream(target: WritableStream<Uint8Array | string>): Sink {
    const writer = target.getWriter();
    const { ready, fail } = this.#listener;
    const closed = () =>
      fail(new NarrowcastError('CLOSED', 'the WritableStream is closed: nothing more is played to it'));
    let released = false;
    writer.closed.then(
      () => released || closed(),
      (reason: unknown) => released || fail(reason),
    );
    return {
      write(frame) {
        writer.write(frame).catch(() => {});
      },
      isFull() {
        const isFull = (writer.desiredSize ?? 0) <= 0;
        if (isFull) writer.ready.then(ready, () => {});
        return isFull;
      },
      release() {
        released = true;
        writer.releaseLock();
      },
    };
  }
}
