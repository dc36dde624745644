import { canvasTrack, type BlankTrack } from './blank-track.js';
import { renew } from './encodings.js';
import { TransceiverPoolError } from './errors.js';
import {
  checkAcquire,
  ended,
  invalid,
  settings,
  type AcquireOptions,
  type Lease,
  type Released,
  type Settings,
  type TransceiverPoolOptions,
  type TransceiverPoolStats,
} from './options.js';
import { Unsettled, within } from './patience.js';
import { shrink } from './shrink.js';
import { keyWanted, Slot } from './slot.js';
import {
  isStopped,
  sends,
  setSending,
  type PeerConnectionLike,
  type TrackLike,
  type TrackOf,
  type TransceiverLike,
  type TransceiverOf,
} from './standard.js';

/**
 * Transceivers of one connection, lent to tracks that come and go: publishing again uses a transceiver again, so
 * neither the session description nor memory grows, and unpublishing gives the encoders' memory back.
 *
 * The pool never negotiates: when `needsNegotiation` says so, make an offer as you always do. It touches no
 * transceiver that it did not make. It can't see an offer that is made but not set: call it before `createOffer`, or
 * after `setLocalDescription`.
 *
 * @example
 * ```ts
 * const pool = new TransceiverPool(connection);
 * const { transceiver, needsNegotiation } = await pool.acquire(track, { streams: [stream] });
 * if (needsNegotiation) await negotiate();
 * // later
 * if ((await pool.release(transceiver)).needsNegotiation) await negotiate();
 * ```
 */
export class TransceiverPool<PC extends PeerConnectionLike = PeerConnectionLike> {
  readonly #pc: PeerConnectionLike & Partial<EventTarget>;
  readonly #settings: Settings;
  readonly #blankTrack: () => BlankTrack;
  /** All that are not dead. */
  readonly #slots = new Set<Slot>();
  /** Those that are dead, too, so that a second release is told from a foreign transceiver. */
  readonly #slotOf = new WeakMap<TransceiverLike, Slot>();
  /** Tracks on their way to a sender: reserved before the first await. */
  readonly #coming = new Set<TrackLike>();
  readonly #counts = { created: 0, reused: 0, shrunk: 0, stopped: 0, failed: 0, lost: 0 };
  #disposed = false;

  /** @throws {TransceiverPoolError} `invalid-argument` */
  constructor(pc: PC, options: TransceiverPoolOptions = {}) {
    if (typeof (pc as Partial<PC> | null)?.addTransceiver !== 'function')
      throw invalid('pc', pc, 'an RTCPeerConnection');
    this.#pc = pc;
    this.#settings = settings(options);
    this.#blankTrack = options.blankVideoTrack ?? canvasTrack;
    this.#pc.addEventListener?.('signalingstatechange', this.#look);
  }

  /**
   * Lends a transceiver that sends `track`: one that was released and has the same kind, codecs, layers and profile,
   * or a new one. One that can't be prepared is given up, and the next is tried. Those that refuse what is asked for,
   * as `setParameters` does with a bad limit, are kept if a new one is refused, too; or else the first is given up.
   *
   * @throws {TransceiverPoolError} `invalid-argument`, `closed`, `disposed`, `track-ended`, `track-in-use`, `refused`;
   * nothing was changed for the track then
   */
  async acquire(track: TrackOf<PC>, options: AcquireOptions<PC> = {}): Promise<Lease<PC>> {
    checkAcquire(track, options);
    this.#look();
    this.#refuse(track);
    if (this.#coming.has(track)) throw inUse();
    this.#coming.add(track);
    try {
      // Two senders must not have it, not even for a moment.
      for (const holder of this.#holders(track)) await settled(this.#slotOf.get(holder)!.done);
      return (await this.#lend(track, options)) as Lease<PC>;
    } finally {
      this.#coming.delete(track);
    }
  }

  /**
   * Takes a transceiver back, at once; then it stops sending, gives its memory back, and is kept for the next track. The
   * track is not stopped: it is the caller's. With werift stop it, too: werift can't take a track from a sender, which
   * goes on with its packets, kept or stopped, until it gets another or the connection closes.
   *
   * @throws {TransceiverPoolError} `foreign`, `not-leased`, `closed`, `disposed`
   */
  async release(transceiver: TransceiverOf<PC>): Promise<Released> {
    const slot = this.#slotOf.get(transceiver);
    if (!slot) throw new TransceiverPoolError('foreign', 'the transceiver is not of this pool: stop it yourself');
    if (!slot.lent) {
      throw new TransceiverPoolError('not-leased', 'nobody has this transceiver: release what was acquired, once');
    }
    this.#refuse();
    this.#look();
    slot.lent = false;
    if (slot.state === 'dead') return { needsNegotiation: this.#isUnknown(slot, false), freed: 'stopped' };
    slot.state = 'releasing';
    const released = this.#free(slot);
    slot.done = released;
    return released;
  }

  /** What the pool has now, and has done so far. Can be read after {@link dispose}, too. */
  stats(): TransceiverPoolStats {
    const states = { acquiring: 0, leased: 0, releasing: 0, parked: 0 };
    this.#look();
    for (const { state } of this.#slots) if (state !== 'dead') states[state]++;
    return { ...states, ...this.#counts };
  }

  /**
   * Stops the transceivers that are kept for later. Those that are lent stay as they are, and are their owners' from
   * now on. What is being acquired or released ends with a stop. Twice: no-op.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#look();
    this.#disposed = true;
    this.#pc.removeEventListener?.('signalingstatechange', this.#look);
    for (const slot of this.#slots) {
      if (slot.state === 'parked') this.#stop(slot);
      else if (slot.state === 'leased') this.#forget(slot);
    }
  }

  async #lend(track: TrackLike, options: AcquireOptions): Promise<Lease> {
    const key = keyWanted(track.kind, options);
    const refusing: Slot[] = [];
    let lease: Lease | undefined;
    try {
      while (!lease) {
        this.#refuse(track);
        const slot = this.#find(key);
        lease = slot ? await this.#reuse(slot, key, track, options, refusing) : this.#add(track, options);
      }
      return lease;
    } finally {
      for (const slot of refusing) if (slot.state === 'acquiring') slot.state = 'parked';
      this.#look(); // somebody may have taken one meanwhile
      // One at most: what was asked for may be as much to blame.
      if (lease && refusing[0]) this.#giveUp(refusing[0]);
      if (this.#disposed) for (const slot of refusing) this.#stop(slot);
    }
  }

  /** One that will do: parked, or about to be. */
  #find(key: string): Slot | undefined {
    this.#look();
    const immediate = this.#settings.reuse === 'immediate';
    const free = [...this.#slots].filter((slot) => slot.isFree() && slot.key() === key);
    return (
      free.find(({ state, endIsKnown }) => state === 'parked' && (immediate || endIsKnown)) ??
      free.find(() => immediate)
    );
  }

  /**
   * Makes a free transceiver send the track; none if it can't be prepared, which is given up then. But one that refuses
   * what is asked for is added to `refusing`, reserved: it sends nothing, and each reuse sets all of it anew.
   */
  async #reuse(
    slot: Slot,
    key: string,
    track: TrackLike,
    options: AcquireOptions,
    refusing: Slot[],
  ): Promise<Lease | undefined> {
    const { streams = [], sendEncodings, codecs } = options;
    const { transceiver } = slot;
    const { sender } = transceiver;
    if (slot.state === 'releasing') await settled(slot.done);
    // Somebody else may have waited for it, too, or an answer have taken layers away.
    if (slot.state !== 'parked' || slot.key() !== key) return undefined;
    // Reserved: nothing was awaited since it was seen to be free.
    slot.state = 'acquiring';
    let asking = true;
    try {
      const parameters = slot.parameters();
      const different = renew(parameters, slot.kind, sendEncodings, slot.degradationPreference);
      transceiver.setCodecPreferences?.(codecs ?? []);
      sender.setStreams?.(...streams);
      slot.give(idsOf(streams), this.#session());
      if (different) await this.#within(sender.setParameters(parameters));
      asking = false;
      // Somebody may have taken it meanwhile: then it is theirs.
      if (!slot.isIdle()) this.#lose(slot);
      if (!this.#slots.has(slot)) return undefined;
      this.#refuse(track, transceiver);
      await this.#within(sender.replaceTrack(track));
      // Another pool of the connection may have been as fast.
      this.#refuse(track, transceiver);
      if (slot.key() !== key) throw new Error('an answer took layers away meanwhile');
      setSending(transceiver, true);
    } catch (error) {
      const { code } = error as TransceiverPoolError;
      if (code !== 'track-ended' && code !== 'track-in-use') {
        if (asking && !(error instanceof Unsettled)) refusing.push(slot);
        else this.#giveUp(slot);
        return undefined;
      }
      // The transceiver is as good as before.
      slot.state = 'releasing';
      slot.done = this.#free(slot);
      await settled(slot.done);
      throw error;
    }
    slot.state = 'leased';
    slot.lent = true;
    this.#counts.reused++;
    this.#look();
    const needsNegotiation = this.#isUnknown(slot, true) || slot.streams !== slot.knownStreams;
    return { transceiver, reused: true, needsNegotiation };
  }

  #add(track: TrackLike, options: AcquireOptions): Lease {
    const { streams = [], sendEncodings, codecs } = options;
    let transceiver: TransceiverLike | undefined;
    try {
      transceiver = this.#pc.addTransceiver(track, {
        direction: 'sendonly',
        streams,
        ...(sendEncodings && { sendEncodings }),
      });
      if (codecs) transceiver.setCodecPreferences!(codecs);
      const slot = new Slot(transceiver, track, options);
      slot.give(idsOf(streams), this.#session());
      this.#slots.add(slot);
      this.#slotOf.set(transceiver, slot);
    } catch (cause) {
      if (transceiver) stop(transceiver);
      throw new TransceiverPoolError('refused', `the connection made no such transceiver: ${String(cause)}`, { cause });
    }
    this.#counts.created++;
    return { transceiver, reused: false, needsNegotiation: true };
  }

  async #free(slot: Slot): Promise<Released> {
    const { maxParkedPerKey, free, shrinkMs } = this.#settings;
    const { transceiver, kind } = slot;
    const { sender } = transceiver;
    const key = slot.key();
    const kept = [...this.#slots].filter((each) => each !== slot && each.isFree() && each.key() === key);
    let freed: Released['freed'] = 'none';
    if (free === 'stop' || kept.length >= maxParkedPerKey || !slot.hasSent) {
      this.#stop(slot);
    } else {
      try {
        if (kind === 'video' && (await shrink(sender, this.#blankTrack, shrinkMs, this.#within))) freed = 'shrunk';
        await this.#within(sender.replaceTrack(null));
        setSending(transceiver, false);
        slot.park();
        this.#look();
        if (this.#disposed) this.#stop(slot);
      } catch {
        this.#giveUp(slot);
      }
    }
    this.#refuse();
    if (!this.#slots.has(slot)) freed = 'stopped';
    if (freed === 'shrunk') this.#counts.shrunk++;
    return { needsNegotiation: this.#isUnknown(slot, false), freed };
  }

  /** Whether the other side does not know yet that a transceiver sends, or doesn't. */
  #isUnknown({ transceiver }: Slot, sending: boolean): boolean {
    // Until a pending offer is answered, what was negotiated before is all that is known.
    return this.#pc.signalingState !== 'stable' || sends(transceiver.currentDirection) !== sending;
  }

  readonly #within = <T>(promise: T | PromiseLike<T>): Promise<T> =>
    within(this.#settings.settleMs, () => this.#isClosed(), promise);

  #isClosed(): boolean {
    return this.#pc.signalingState === 'closed';
  }

  /** @throws TransceiverPoolError if there is no sense in going on */
  #refuse(track?: TrackLike, own?: TransceiverLike): void {
    if (this.#disposed) throw new TransceiverPoolError('disposed', 'the pool is disposed: make another');
    if (this.#isClosed()) throw new TransceiverPoolError('closed', 'the connection is closed: nothing sends any more');
    if (track?.readyState === 'ended') throw ended();
    if (track && this.#holders(track).some((each) => each !== own && !this.#slotOf.get(each)?.isFree())) throw inUse();
  }

  #holders(track: TrackLike): TransceiverLike[] {
    return this.#pc.getTransceivers().filter((each) => each.sender.track === track && !isStopped(each));
  }

  /** Names what was agreed on last, while nothing else is being agreed on; an offer taken back leaves it as it was. */
  #session(): string | undefined {
    const { signalingState, currentLocalDescription } = this.#pc;
    if (signalingState !== 'stable') return undefined;
    // Candidates are added to it, but its origin, with a version, stays.
    return /^o=.*/m.exec(currentLocalDescription?.sdp ?? '')?.[0] ?? '';
  }

  /** Sees what others have done to the transceivers. */
  readonly #look = (): void => {
    const session = this.#session();
    for (const slot of this.#slots) {
      if (this.#isClosed()) this.#forget(slot);
      else if (slot.isLost()) this.#lose(slot);
      else slot.look(session);
    }
  };

  #lose(slot: Slot): void {
    this.#counts.lost++;
    this.#forget(slot);
  }

  /** After a failure; but of a connection that was closed, or a transceiver stopped meanwhile, nothing else comes. */
  #giveUp(slot: Slot): void {
    this.#look();
    if (this.#slots.has(slot) && !this.#disposed) this.#counts.failed++;
    this.#stop(slot);
  }

  #stop(slot: Slot): void {
    if (!this.#slots.has(slot)) return;
    this.#counts.stopped++;
    this.#forget(slot);
    stop(slot.transceiver);
  }

  #forget(slot: Slot): void {
    slot.state = 'dead';
    this.#slots.delete(slot);
  }
}

const inUse = (): TransceiverPoolError =>
  new TransceiverPoolError(
    'track-in-use',
    'a transceiver of this connection has the track: release that one, or publish a clone',
  );

/** Once it has ended, however. */
const settled = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => {});

const idsOf = (streams: readonly { readonly id: string }[]): string => streams.map(({ id }) => id).join(' ');

function stop(transceiver: TransceiverLike): void {
  try {
    transceiver.stop();
  } catch {
    // Of a closed connection: stopped already.
  }
}
