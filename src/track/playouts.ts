import { native } from '../native.js';

/** A position in what is played, and who waits for it. */
interface Playout {
  /** Where what it waits for ends. */
  readonly position: number;
  /** Called with whether it was heard, and not thrown away. */
  readonly resolve: (heard: boolean) => void;
  readonly reject: (reason: unknown) => void;
}

/** The positions of one track that callers wait for, in order: each until what comes before it was heard, or is gone. */
export class Playouts {
  readonly #token: number;
  readonly #waiting: Playout[] = [];

  /** @param token names the track to native code */
  constructor(token: number) {
    this.#token = token;
  }

  /** The positions that are waited for, the first one first. */
  get positions(): readonly { readonly position: number }[] {
    return this.#waiting;
  }

  /** Whether none is waited for. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Calls one of them once. Returns whether it has to wait. */
  wait(position: number, resolve: Playout['resolve'], reject: Playout['reject']): boolean {
    if (native.trackHasPlayed(this.#token, position)) {
      resolve(true);
      return false;
    }
    const after = this.#waiting.findIndex((playout) => playout.position > position);
    this.#waiting.splice(after === -1 ? this.#waiting.length : after, 0, { position, resolve, reject });
    return true;
  }

  /** Resolves those that wait for what was played by now. */
  settle(): void {
    while (this.#waiting.length > 0 && native.trackHasPlayed(this.#token, this.#waiting[0]!.position)) {
      this.#waiting.shift()!.resolve(true);
    }
  }

  /** Resolves all: what they wait for was thrown away. */
  drop(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(false);
  }

  /** Rejects all: what they wait for was refused. */
  fail(reason: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}
