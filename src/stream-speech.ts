import type { EventEmitter } from 'node:events';
import { startWaiting, stopWaiting, type Waiting } from './doorbell.js';
import type { Native } from './native.js';
import { SpeechEmitter } from './speech.js';

/** What a stream's {@link StreamSpeech} has of the stream's reader, which it keeps alive while it has listeners. */
export interface Heard {
  readonly sampleRate: number;
  readonly keepsAlive: boolean;
}

/** A stream's speech: heard natively, and told only while there are listeners. */
export class StreamSpeech extends SpeechEmitter implements Waiting {
  readonly #stream: Heard;
  readonly #ear: Native.NativeEar;
  #waiting = false;

  constructor(stream: Heard, ear: Native.NativeEar) {
    super();
    this.#stream = stream;
    this.#ear = ear;
    followListeners(
      this,
      (name) => this.#follow(name),
      () => this.listenerCount('speechstart') + this.listenerCount('speechend') === 0 && this.#stop(),
    );
  }

  override get speaking(): boolean {
    return this.#ear.speaking;
  }

  get keepsAlive(): boolean {
    return this.#stream.keepsAlive;
  }

  /** Events that were lost because too many waited. */
  get dropped(): number {
    return this.#ear.eventsDropped;
  }

  ready(): void {
    this.tell(this.#ear.take(), this.#stream.sampleRate);
    // Taken to the last, unless more came meanwhile: then it rings again.
    if (this.#ear.ended && this.#waiting) {
      this.tell(this.#ear.take(), this.#stream.sampleRate);
      this.#stop();
    }
  }

  #follow(name: string | symbol): void {
    if (this.#waiting || (name !== 'speechstart' && name !== 'speechend')) return;
    this.#waiting = true;
    this.#ear.want(true);
    startWaiting(this.#ear.token, this);
    // Rings from now on. What was told to earlier listeners, and not taken, is dropped.
    this.#ear.take();
    if (this.#ear.ended) this.#stop();
  }

  #stop(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#ear.want(false);
    stopWaiting(this.#ear.token);
  }
}

/** Typed as any emitter: its own events are not among those that a {@link SpeechEmitter} names. */
function followListeners(emitter: EventEmitter, added: (name: string | symbol) => void, removed: () => void): void {
  const follow = () => {
    emitter.on('newListener', added);
    emitter.on('removeListener', removed);
  };
  follow();
  // Without names, it takes these two away as well.
  const removeAll = emitter.removeAllListeners.bind(emitter);
  emitter.removeAllListeners = (...names) => {
    removeAll(...names);
    if (names.length === 0) follow();
    removed();
    return emitter;
  };
}
