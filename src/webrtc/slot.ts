import { keyOf, ridsOf } from './encodings.js';
import type { AcquireOptions } from './options.js';
import { isStopped, sends, type ParametersLike, type TrackLike, type TransceiverLike } from './standard.js';

/** acquiring → leased → releasing → parked → acquiring, any → dead */
export type State = 'acquiring' | 'leased' | 'releasing' | 'parked' | 'dead';

/** A transceiver of the pool, and what the pool knows of it. */
export class Slot {
  state: State = 'leased';
  /** Whether somebody has it and owes a release, even if it died meanwhile. */
  lent = true;
  /** The release that is going on, or the last one. */
  done: Promise<unknown> = Promise.resolve();
  /** Whether it has ever sent. `addTrack` takes an unused transceiver that has not, whoever made it. */
  hasSent = false;
  /** Whether the other side has heard of the end of the last publication. */
  endIsKnown = false;
  /** Ids of the streams that it was last given. */
  streams = '';
  readonly kind: string;
  readonly degradationPreference: string | undefined;
  readonly #key: string;
  /** What the sender was left with when it was parked: null, but in libraries that can't unset a track. */
  #left: TrackLike | null | undefined = null;

  constructor(
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

  /** Whether nobody has it: it is kept for later, or about to be. */
  isFree(): boolean {
    return this.state === 'parked' || this.state === 'releasing';
  }

  park(): void {
    this.state = 'parked';
    this.endIsKnown = false;
    this.#left = this.transceiver.sender.track;
  }

  /** To be called while the connection is stable: what it does then is what both sides know. */
  look(): void {
    if (sends(this.transceiver.currentDirection)) this.hasSent = true;
    else if (this.state === 'parked') this.endIsKnown = true;
  }

  /** Whether somebody stopped it, or, as it is left when parked, uses it. */
  isLost(): boolean {
    const { state, transceiver } = this;
    return isStopped(transceiver) || (state === 'parked' && !this.isIdle());
  }

  /** Whether it is as it was left when parked. */
  isIdle(): boolean {
    const { sender, direction } = this.transceiver;
    return sender.track === this.#left && !sends(direction);
  }
}

/** The key of the slots that would do for a request. */
export function keyWanted(kind: string, { codecs, profile, sendEncodings }: AcquireOptions): string {
  return keyOf(kind, codecs, profile) + ridsOf(sendEncodings);
}
