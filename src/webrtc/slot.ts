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
  /** Those that the other side knows; none until an offer with them was answered. */
  knownStreams: string | undefined;
  readonly kind: string;
  readonly degradationPreference: string | undefined;
  readonly #key: string;
  /** What the sender was left with when it was parked: null, but in libraries that can't unset a track. */
  #left: TrackLike | null | undefined = null;
  /** The session as it was when the streams were given; none while that is not to be told. */
  #session: string | undefined;

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

  /** Notes the ids of the streams that it gets; `session` as for {@link look}. */
  give(streams: string, session: string | undefined): void {
    this.streams = streams;
    this.#session = session;
  }

  /**
   * Notes what both sides know.
   *
   * @param session names what was agreed on last; none unless the connection is stable, for what is being agreed on
   * may say less than is given now
   */
  look(session: string | undefined): void {
    const sending = sends(this.transceiver.currentDirection);
    if (sending) this.hasSent = true;
    if (session === undefined) return;
    // An offer that was made before the release can be set after it.
    this.endIsKnown = !sending && this.state === 'parked';
    this.#session ??= session;
    if (session !== this.#session) this.knownStreams = this.streams;
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
