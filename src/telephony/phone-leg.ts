import { EventEmitter } from 'node:events';
import { AudioStream, type AudioStreamOptions } from '../audio-stream.js';
import { AudioStreamTrack, type AudioStreamTrackOptions } from '../audio-stream-track.js';
import { lookSoon } from '../doorbell.js';
import { NarrowcastError } from '../errors.js';
import type { SampleFormat } from '../g711.js';
import type { FrameSink } from '../paced-sink.js';
import { invalid, optionsObject } from '../validate.js';

/** A WebSocket that a provider has opened to your server: one of `ws`, or Node's own. It stays yours to close. */
export interface PhoneSocket {
  /** 0 while it connects, 1 while it is open. */
  readonly readyState: number;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  /** Sends a message. */
  send(data: string): void;
  /** Adds a listener, as an `EventTarget` does. */
  addEventListener(type: 'message' | 'close' | 'error', listener: (event: any) => void): void;
  /** Takes it away again. */
  removeEventListener(type: 'message' | 'close' | 'error', listener: (event: any) => void): void;
}

/** Options of a leg. */
export interface PhoneLegOptions {
  /** What `audio` is read as. Default: 16 kHz, in frames of 20 ms. */
  audio?: Omit<AudioStreamOptions, 'from'>;
  /** Options of `track`. Default: 8 kHz, the phone's own rate: what is written at another one is converted as it is written. */
  track?: AudioStreamTrackOptions;
  /** How far what the agent says goes ahead of its time, in ms: see `AudioStreamTrack.pipeTo`. Default: 160. */
  leadMs?: number;
  /** Length of the frames that the provider gets, in ms. Default: 20. */
  frameMs?: number;
}

/** What a provider says when the audio begins. */
export interface PhoneStart {
  /** The provider's name of this stream: Twilio's `streamSid`, Telnyx's `stream_id`. */
  readonly streamId: string;
  /** The provider's name of the call: Twilio's `callSid`, Telnyx's `call_control_id`. */
  readonly callId: string;
  /** What your server gave the stream: Twilio's `customParameters`, Telnyx's `custom_parameters`. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The message as it came. */
  readonly message: Readonly<Record<string, unknown>>;
}

/** How a leg ended. */
export interface PhoneLegEnd {
  /**
   * `'stop'`: the provider said so; `'closed'`: the socket closed without a word; `'stalled'`: it took nothing for 10 s;
   * `'ended'`: `close()`; `'error'`: see `error`.
   */
  readonly reason: 'stop' | 'closed' | 'stalled' | 'ended' | 'error';
  /** What the socket, or what came over it, failed with. */
  readonly error?: unknown;
  /** What was counted in all. */
  readonly stats: PhoneLegStats;
}

/** What a leg counted. */
export interface PhoneLegStats {
  /** Messages that came, of any kind. */
  messages: number;
  /** Pieces of the caller's audio that were taken. */
  mediaIn: number;
  /** Messages that are missing, by their sequence numbers. */
  lost: number;
  /** Messages whose sequence number had been passed. If they are audio, they are dropped. */
  outOfOrder: number;
  /** Pieces of audio that came before the start, and were dropped. */
  beforeStart: number;
  /** Messages that could not be read, truncated Base64 among them; dropped. */
  malformed: number;
  /** Frames of the agent's that were sent. */
  framesOut: number;
  /** Marks that were sent. */
  marksSent: number;
  /** Marks that the provider has answered. */
  marksAnswered: number;
  /** How often the socket had not sent what it had when more was due. */
  stalls: number;
}

/** Events of a leg. */
export interface PhoneLegEvents {
  /** The caller pressed a key. */
  dtmf: [digit: string];
  /** The provider has answered a mark of your own, which was sent over the socket. */
  mark: [name: string];
}

/** A message of a provider's, in words that all have in common. */
export interface Incoming {
  readonly event: 'start' | 'media' | 'mark' | 'dtmf' | 'stop' | 'error' | 'other';
  readonly sequence?: unknown;
  readonly start?: PhoneStart & {
    readonly encoding: unknown;
    readonly sampleRate: unknown;
    readonly channels: unknown;
  };
  /** Whether it is the caller who is heard. */
  readonly isCaller?: boolean;
  readonly payload?: unknown;
  /** Of a mark, or a key. */
  readonly name?: unknown;
  readonly error?: string;
}

/** What a provider's messages look like. */
export interface Protocol {
  /** How the caller's encodings are called. */
  readonly encodings: Readonly<Record<string, SampleFormat>>;
  /** What the agent's audio is sent as. */
  readonly format: SampleFormat;
  /** @throws anything, for a message that is none */
  read(message: Record<string, unknown>): Incoming;
  media(streamId: string, payload: string): object;
  mark(streamId: string, name: string): object;
  clear(streamId: string): object;
}

/** Reads a message that Twilio and Telnyx have in common: any but the start. @throws anything, for one that is none */
export function readCommon(message: Readonly<Record<string, unknown>>, sequence: unknown): Incoming {
  const of = (name: string) => message[name] as Record<string, unknown>;
  const { event } = message;
  switch (event) {
    case 'media': {
      const { track, payload } = of('media');
      return { event, sequence, payload, isCaller: track === undefined || track === 'inbound' };
    }
    case 'mark':
      return { event, sequence, name: of('mark')['name'] };
    case 'dtmf':
      return { event, sequence, name: of('dtmf')['digit'] };
    case 'stop':
      return { event, sequence };
    default:
      return { event: 'other', sequence };
  }
}

/** Bytes in a socket's own buffer with which it has stalled: some seconds of a phone's audio. */
const MOST_BUFFERED = 64 * 1024;

/** Marks that wait for their answer. */
const MOST_MARKS = 1024;

/** Marks of narrowcast's own begin with this. */
const OWN_MARK = 'narrowcast:';

/**
 * One leg of a phone call, over a WebSocket on which a provider sends the caller's audio and takes the agent's. The same for each
 * provider; see `TwilioLeg` and `TelnyxLeg`.
 *
 * - `audio` is the caller, resampled and cut into frames natively. It ends with the leg.
 * - `track` is the agent: what is written to it goes to the phone, paced by a native clock. `track.interrupt()` empties the
 *   provider's buffer, too, and the provider's answers to marks say what was heard. It is stopped at the end.
 */
export class PhoneLeg extends EventEmitter<PhoneLegEvents> {
  /** What the caller says. */
  readonly audio: AudioStream;
  /** What the agent says. */
  readonly track: AudioStreamTrack;
  /** Resolves when the audio begins. Rejects with `CLOSED` if the leg ends before. */
  readonly started: Promise<PhoneStart>;
  /** Resolves when the leg is over. Never rejects. */
  readonly done: Promise<PhoneLegEnd>;

  readonly #socket: PhoneSocket;
  readonly #protocol: Protocol;
  readonly #options: PhoneLegOptions;
  readonly #listeners;
  readonly #marks = new Map<string, () => void>();
  readonly #counts = { messages: 0, mediaIn: 0, lost: 0, outOfOrder: 0, beforeStart: 0, malformed: 0, framesOut: 0 };
  #marksSent = 0;
  #marksAnswered = 0;
  #sequence = 0;
  #streamId: string | undefined;
  #format: SampleFormat = 'mulaw';
  #begin!: (start: PhoneStart) => void;
  #refuse!: (reason: unknown) => void;
  #end: ((end: PhoneLegEnd) => void) | undefined;

  /** @internal */
  constructor(socket: PhoneSocket, protocol: Protocol, options: PhoneLegOptions) {
    super();
    if (typeof socket?.addEventListener !== 'function' || typeof socket.send !== 'function') {
      throw invalid('socket', socket, "a WebSocket, Node's or that of ws");
    }
    optionsObject<PhoneLegOptions>('options', options, { audio: true, track: true, leadMs: true, frameMs: true });
    this.#socket = socket;
    this.#protocol = protocol;
    this.#options = options;
    this.audio = new AudioStream({
      sampleRate: 16_000,
      ...(options.audio?.samplesPerFrame == null && { frameSizeMs: 20 }),
      ...options.audio,
      from: { sampleRate: 8000, numChannels: 1, format: 'mulaw' },
    });
    this.track = new AudioStreamTrack({ sampleRate: 8000, ...options.track });
    this.started = new Promise((resolve, reject) => ([this.#begin, this.#refuse] = [resolve, reject]));
    this.started.catch(() => {});
    this.done = new Promise((resolve) => (this.#end = resolve));
    this.#listeners = {
      message: ({ data }: { readonly data: unknown }) => this.#take(data),
      close: () => this.#over('closed'),
      error: (event: { readonly error?: unknown }) => this.#over('error', event.error ?? event),
    };
    for (const [type, listener] of Object.entries(this.#listeners)) {
      socket.addEventListener(type as 'message', listener);
    }
  }

  /** What happened so far. */
  stats(): PhoneLegStats {
    const { sinkStalls: stalls = 0 } = this.track.stats();
    return { ...this.#counts, marksSent: this.#marksSent, marksAnswered: this.#marksAnswered, stalls };
  }

  /** Ends the leg: what the agent says is cut off, and what the caller said can still be read. The socket stays open. */
  close(): void {
    this.#over('ended');
  }

  #take(data: unknown): void {
    this.#counts.messages++;
    let incoming: Incoming;
    try {
      const text = typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer).toString();
      const message = JSON.parse(text) as Record<string, unknown>;
      if (typeof message['event'] !== 'string') throw message;
      incoming = this.#protocol.read(message);
    } catch {
      this.#counts.malformed++;
      return;
    }
    const inOrder = this.#follows(incoming.sequence);
    switch (incoming.event) {
      case 'start':
        return this.#start(incoming);
      case 'media':
        return this.#media(incoming, inOrder);
      case 'mark':
        return this.#marked(String(incoming.name));
      case 'dtmf':
        return void this.emit('dtmf', String(incoming.name));
      case 'stop':
        return this.#over('stop');
      case 'error':
        return this.#over('error', new Error(incoming.error));
    }
  }

  /** Whether a message with this number comes behind those before it. */
  #follows(sequence: unknown): boolean {
    const number = Number(sequence);
    if (sequence === undefined || !Number.isSafeInteger(number)) return true;
    const missing = number - this.#sequence - 1;
    if (missing < 0) {
      this.#counts.outOfOrder++;
      return false;
    }
    // Of what was before the first, nothing is known.
    if (this.#sequence > 0) this.#counts.lost += missing;
    this.#sequence = number;
    return true;
  }

  #start({ start }: Incoming): void {
    if (!start || this.#streamId !== undefined) return void this.#counts.malformed++;
    const { encoding, sampleRate, channels, ...told } = start;
    const format = this.#protocol.encodings[String(encoding)];
    if (format === undefined || Number(sampleRate) !== 8000 || Number(channels) !== 1) {
      const what = `${String(encoding)} at ${String(sampleRate)} Hz with ${String(channels)} channels`;
      const known = Object.keys(this.#protocol.encodings).join(' or ');
      const message = `the caller's audio is ${what}: have the provider send ${known} at 8000 Hz with 1 channel`;
      return this.#over('error', new NarrowcastError('INVALID_ARGUMENT', message));
    }
    this.#streamId = told.streamId;
    this.#format = format;
    this.#play(told.streamId);
    this.#begin(told);
  }

  #media({ payload, isCaller }: Incoming, inOrder: boolean): void {
    if (this.#streamId === undefined) return void this.#counts.beforeStart++;
    if (!isCaller || !inOrder) return;
    const bytes = readBase64(payload);
    if (!bytes) return void this.#counts.malformed++;
    this.#counts.mediaIn++;
    this.audio.write(bytes, { format: this.#format });
  }

  /** Marks are answered in order, so an answer is one to those before it. */
  #marked(name: string): void {
    if (!name.startsWith(OWN_MARK)) return void this.emit('mark', name);
    const heard = this.#marks.get(name);
    // The answer to a mark that was cleared.
    if (!heard) return;
    for (const earlier of this.#marks.keys()) {
      this.#marks.delete(earlier);
      this.#marksAnswered++;
      if (earlier === name) break;
    }
    heard();
    lookSoon();
  }

  #play(streamId: string): void {
    const [socket, protocol] = [this.#socket, this.#protocol];
    const send = (message: object) => socket.readyState === 1 && socket.send(JSON.stringify(message));
    const sink: FrameSink<string> = {
      write: (payload) => {
        this.#counts.framesOut++;
        send(protocol.media(streamId, payload));
      },
      clear: () => {
        this.#marks.clear();
        send(protocol.clear(streamId));
      },
      mark: (heard) => {
        const name = `${OWN_MARK}${++this.#marksSent}`;
        this.#marks.set(name, heard);
        if (this.#marks.size > MOST_MARKS) this.#marks.delete(this.#marks.keys().next().value!);
        send(protocol.mark(streamId, name));
      },
      isFull: () => socket.bufferedAmount > MOST_BUFFERED,
      isClosed: () => socket.readyState > 1,
    };
    const { leadMs, frameMs } = this.#options;
    const options = {
      format: protocol.format,
      base64: true,
      ...(leadMs && { leadMs }),
      ...(frameMs && { frameMs }),
    } as const;
    this.track.pipeTo(sink, options).catch((error: { code?: unknown }) => {
      this.#over(error.code === 'CLOSED' ? 'closed' : error.code === 'LAGGED' ? 'stalled' : 'error', error);
    });
  }

  #over(reason: PhoneLegEnd['reason'], error?: unknown): void {
    const end = this.#end;
    if (!end) return;
    this.#end = undefined;
    for (const [type, listener] of Object.entries(this.#listeners)) {
      this.#socket.removeEventListener(type as 'message', listener);
    }
    this.#marks.clear();
    const stats = this.stats();
    this.track.stop();
    this.audio.close();
    this.#refuse(new NarrowcastError('CLOSED', 'the leg ended before its audio began'));
    end({ reason, ...(error !== undefined && { error }), stats });
  }
}

/** Strictly, unlike Buffer's reading: what was cut off is no audio. */
function readBase64(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : undefined;
}
