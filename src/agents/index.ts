import { NarrowcastError } from '../errors.js';
import { invalid } from '../validate.js';
import {
  STEP_MS,
  Utterances,
  vadOptions,
  type EventTypes,
  type Frame,
  type VadEvent,
  type VadOptions,
} from './utterances.js';

export type { EventTypes, VadOptions } from './utterances.js';

/** What of the module `@livekit/agents` is used: its classes `VAD` and `VADStream`, and the kinds of their events. */
export interface AgentsModule {
  /** agents' abstract `VAD`. */
  readonly VAD: abstract new (capabilities: { updateInterval: number }) => object;
  /** agents' abstract `VADStream`. */
  readonly VADStream: abstract new (vad: never) => object;
  /** agents' enum of the kinds of events. */
  readonly VADEventType: EventTypes;
}

/** What {@link createVad} returns: a `VAD` of the agents that it was given, whose options can be changed. */
export type Vad<A extends AgentsModule> = InstanceType<A['VAD']> & {
  /** Changes options, also of streams that are open. @throws {NarrowcastError} `INVALID_ARGUMENT` */
  updateOptions(options: VadOptions): void;
};

/** What is used of agents' own VAD and VADStream. */
interface BaseVad {
  emit(name: 'metrics_collected', metrics: object): boolean;
}
interface BaseStream {
  readonly logger?: { warn(message: string): void };
  close(): void;
}
type VadClass = new (options: Required<VadOptions>) => object;

/** The classes that were made for a copy of agents. */
const classes = new WeakMap<AgentsModule['VAD'], VadClass>();

/**
 * A VAD for `@livekit/agents`: narrowcast's detector with the events and the options of agents' own, in its place.
 *
 * It detects in 16 ms steps on the thread that runs the agent, some 10 µs each, without a promise or a web stream for a frame.
 *
 * @param agents the module `@livekit/agents`, version 1: whichever copy of it the agent uses
 * @throws {NarrowcastError} `INVALID_ARGUMENT`, also if that is no agents module, or has other classes than version 1
 * @example
 * ```ts
 * import * as agents from '@livekit/agents';
 * import { createVad } from 'narrowcast/agents';
 *
 * const session = new agents.voice.AgentSession({ vad: createVad(agents), stt, llm, tts });
 * ```
 */
export function createVad<A extends AgentsModule>(agents: A, options: VadOptions = {}): Vad<A> {
  requireAgents(agents);
  let Class = classes.get(agents.VAD);
  if (!Class) classes.set(agents.VAD, (Class = makeClass(agents)));
  return new Class(vadOptions(options)) as Vad<A>;
}

/** The methods of a VADStream that are replaced. */
const METHODS = ['updateInputStream', 'detachInputStream', 'pushFrame', 'flush', 'endInput', 'next', 'close'];

function requireAgents(agents: AgentsModule): void {
  if ((typeof agents !== 'object' && typeof agents !== 'function') || agents === null) {
    throw invalid('agents', agents, "the module '@livekit/agents': import * as agents from '@livekit/agents'");
  }
  const { VAD, VADStream, VADEventType } = agents;
  const prototype = (VADStream as { prototype?: Record<string, unknown> } | undefined)?.prototype;
  const missing = [
    ...(typeof VAD === 'function' ? [] : ['VAD']),
    ...METHODS.filter((name) => typeof prototype?.[name] !== 'function').map((name) => `VADStream.${name}`),
    ...(['START_OF_SPEECH', 'INFERENCE_DONE', 'END_OF_SPEECH'] as const)
      .filter((name) => typeof VADEventType?.[name] !== 'number')
      .map((name) => `VADEventType.${name}`),
  ];
  if (missing.length === 0) return;
  throw new NarrowcastError(
    'INVALID_ARGUMENT',
    `agents has no ${missing[0]}: pass the module '@livekit/agents', of version 1, which this is made for`,
  );
}

function makeClass(agents: AgentsModule): VadClass {
  const VadBase = agents.VAD as unknown as new (capabilities: { updateInterval: number }) => BaseVad;
  const StreamBase = agents.VADStream as unknown as new (vad: BaseVad) => BaseStream;
  const types = agents.VADEventType;

  class NarrowcastVad extends VadBase {
    readonly label = 'narrowcast.VAD';
    readonly model = 'earshot';
    readonly provider = 'narrowcast';
    #options: Required<VadOptions>;
    readonly #streams = new Set<WeakRef<NarrowcastVadStream>>();

    constructor(options: Required<VadOptions>) {
      super({ updateInterval: STEP_MS });
      this.#options = options;
    }

    get minSilenceDuration(): number {
      return this.#options.minSilenceDuration;
    }

    updateOptions(options: VadOptions): void {
      this.#options = vadOptions(options, this.#options);
      for (const each of this.#streams) {
        const stream = each.deref();
        if (stream) stream.utterances.options = this.#options;
        else this.#streams.delete(each);
      }
    }

    stream(): object {
      const stream = new NarrowcastVadStream(this, this.#options);
      this.#streams.add(new WeakRef(stream));
      return stream;
    }
  }

  /** agents' stream with another way from frames to events: none of its web streams is used. */
  class NarrowcastVadStream extends StreamBase {
    readonly utterances: Utterances;
    readonly #vad: NarrowcastVad;
    readonly #events: VadEvent[] = [];
    readonly #waiting: ((result: IteratorResult<VadEvent>) => void)[] = [];
    #reader: ReadableStreamDefaultReader<Frame> | undefined;
    #failure: { readonly error: unknown } | undefined;
    #inputEnded = false;
    #closed = false;
    #ended = false;
    /** For metrics: since they were told last. */
    #inferences = { count: 0, ms: 0, at: performance.now() };

    constructor(vad: NarrowcastVad, options: Required<VadOptions>) {
      super(vad);
      this.#vad = vad;
      this.utterances = new Utterances(
        options,
        types,
        (event) => this.#put(event),
        () => this.logger?.warn('maxBufferedSpeech reached, ignoring further data for the current speech input'),
      );
    }

    updateInputStream(source: ReadableStream<Frame>): void {
      if (this.#reader) throw new Error('Stream source already set');
      this.#reader = source.getReader();
      void this.#listen(this.#reader);
    }

    detachInputStream(): void {
      const reader = this.#reader;
      this.#reader = undefined;
      // What is not read yet stays in the source, for its next reader.
      reader?.releaseLock();
    }

    pushFrame(frame: Frame): void {
      this.#requireOpen();
      this.utterances.push(frame);
    }

    flush(): void {
      this.#requireOpen();
      this.utterances.reset();
    }

    endInput(): void {
      this.#requireOpen();
      this.#inputEnded = true;
      this.utterances.end();
      this.#end();
    }

    next(): Promise<IteratorResult<VadEvent>> {
      const value = this.#events.shift();
      if (value) return Promise.resolve({ done: false, value });
      if (this.#failure) return Promise.reject(this.#failure.error);
      if (this.#ended) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => this.#waiting.push(resolve));
    }

    override close(): void {
      if (this.#closed) return;
      this.#closed = true;
      this.detachInputStream();
      this.#inputEnded = true;
      this.#events.length = 0;
      this.utterances.close();
      this.#end();
      super.close();
    }

    [Symbol.asyncIterator](): this {
      return this;
    }

    async #listen(reader: ReadableStreamDefaultReader<Frame>): Promise<void> {
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done || this.#reader !== reader || this.#inputEnded) return;
          this.utterances.push(value);
        }
      } catch (error) {
        // Where it is released, a pending read fails.
        if (this.#reader === reader) this.#fail(error);
      }
    }

    #requireOpen(): void {
      // The words that agents knows them by.
      if (this.#inputEnded) throw new Error(this.#closed ? 'Stream is closed' : 'Input is closed');
    }

    #put(event: VadEvent): void {
      this.#count(event);
      const waiting = this.#waiting.shift();
      if (waiting) return waiting({ done: false, value: event });
      // For a reader that is late, the newest says it all: so what waits is bounded by what was spoken.
      if (event.type === types.INFERENCE_DONE && this.#events.at(-1)?.type === event.type) this.#events.pop();
      this.#events.push(event);
    }

    /** Tells agents what detecting costs, where an utterance starts: once a second at most. */
    #count({ type, inferenceDuration }: VadEvent): void {
      const inferences = this.#inferences;
      if (type === types.INFERENCE_DONE) {
        inferences.count++;
        inferences.ms += inferenceDuration;
      } else if (type === types.START_OF_SPEECH && inferences.count * STEP_MS >= 1000) {
        const now = performance.now();
        this.#vad.emit('metrics_collected', {
          type: 'vad_metrics',
          timestamp: Date.now(),
          idleTimeMs: Math.trunc(now - inferences.at),
          inferenceDurationTotalMs: inferences.ms,
          inferenceCount: inferences.count,
          label: this.#vad.label,
        });
        this.#inferences = { count: 0, ms: 0, at: now };
      }
    }

    #fail(error: unknown): void {
      this.#failure = { error };
      this.#ended = true;
      // A read that waits is made anew, and rejects.
      for (const waiting of this.#waiting.splice(0)) waiting(this.next() as never);
    }

    #end(): void {
      this.#ended = true;
      for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
    }
  }

  return NarrowcastVad;
}
