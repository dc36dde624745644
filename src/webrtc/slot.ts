import { keyOf, ridsOf } from './encodings.js';
import type { AcquireOptions } from './options.js';
import {
  isStopped,
  sends,
  type ParametersLike,
  type PeerConnectionLike,
  type TrackLike,
  type TransceiverLike,
} from './standard.js';

/**
 * acquiring → leased → releasing → stopping, with `reuse: 'sender'` parked instead, and parked → acquiring; any → dead.
 * `anchor`: released, and kept for good because other m-lines use its transport.
 */
export type State = 'acquiring' | 'leased' | 'releasing' | 'parked' | 'anchor' | 'stopping' | 'dead';

/** A transceiver of the pool, and what the pool knows of it. */
export class Slot {
  state: State = 'leased';
  /** Whether a caller has it and owes a release, even if it was stopped meanwhile. */
  lent = true;
  /** Whether another caller took it: what it does now is not the pool's business. */
  lost = false;
  /** The release that is going on, or the last one. */
  done: Promise<unknown> = Promise.resolve();
  /** Whether it has ever sent. `addTrack` takes an unused transceiver that has not, also one of the pool. */
  hasSent = false;
  /** Whether the other side has heard of the end of the last publication. */
  endIsKnown = false;
  readonly kind: string;
  readonly degradationPreference: string | undefined;
  readonly #key: string;
  /** What the sender was left with when it was parked: null, but in libraries that can't unset a track. */
  #left: TrackLike | null | undefined = null;

  constructor(
    readonly pc: PeerConnectionLike,
    readonly transceiver: TransceiverLike,
    { kind }: TrackLike,
    { codecs, profile }: AcquireOptions,
  ) {
    this.kind = kind;
    this.#key = keyOf(kind, codecs, profile);
    this.degradationPreference = this.parameters().degradationPreference;
  }

  parameters(): ParametersLike {
    return this.transceiver.sender.getParameters() as ParametersLike;
  }

  /** What a request must have, too, to get it. Read anew each time: an answer may have taken layers away. */
  key(): string {
    return this.#key + ridsOf(this.parameters().encodings);
  }

  /** Whether no caller has it: it is kept, or about to be. */
  isFree(): boolean {
    return this.state === 'anchor' || this.isSpare();
  }

  /** Whether it is kept for the next track, or about to be. */
  isSpare(): boolean {
    return this.state === 'parked' || this.state === 'releasing';
  }

  park(): void {
    this.state = 'parked';
    this.endIsKnown = false;
    this.#left = this.transceiver.sender.track;
  }

  /** Notes what the other side knows. */
  look(): void {
    const sending = sends(this.transceiver.currentDirection);
    if (sending) this.hasSent = true;
    // An offer that was made before the release can be set after it.
    if (this.pc.signalingState === 'stable') this.endIsKnown = !sending && this.state === 'parked';
  }

  /** Whether another caller stopped it, or, as it is left when parked, uses it. */
  isLost(): boolean {
    const { state, transceiver } = this;
    if (state === 'stopping') return false;
    if (isStopped(transceiver) || (state === 'parked' && !this.isIdle())) return true;
    // `addTrack` takes one that has never sent.
    return state === 'anchor' && sends(transceiver.direction);
  }

  /** Whether it is as it was left when parked. */
  isIdle(): boolean {
    const { sender, direction } = this.transceiver;
    return sender.track === this.#left && !sends(direction);
  }

  /** Whether it was stopped, and its m-line waits for a negotiation until another transceiver can get it. */
  isStopping(): boolean {
    const { currentDirection, mid } = this.transceiver;
    // Until then the connection lists it.
    return (
      this.state === 'stopping' &&
      mid !== null &&
      currentDirection !== 'stopped' &&
      this.pc.getTransceivers().includes(this.transceiver)
    );
  }
}

/** The key of the slots that would do for a request. */
export function keyWanted(kind: string, { codecs, profile, sendEncodings }: AcquireOptions): string {
  return keyOf(kind, codecs, profile) + ridsOf(sendEncodings);
}
