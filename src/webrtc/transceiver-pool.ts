import { canvasTrack, type BlankTrack } from './blank-track.js';
import { differences } from './check.js';
import { renew } from './encodings.js';
import { closed, TransceiverPoolError } from './errors.js';
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
import { Unsettled, within } from './timeout.js';
import { end, endIsUnknown, needsSilence, silence, stop } from './retire.js';
import { shrink } from './shrink.js';
import { keyWanted, Slot } from './slot.js';
import {
  isStopped,
  setSending,
  type PeerConnectionLike,
  type TrackLike,
  type TrackOf,
  type TransceiverLike,
  type TransceiverOf,
} from './standard.js';

/** Connections that have a pool; of all copies of this module in a page. */
const owned = ((globalThis as Record<symbol, unknown>)[Symbol.for('narrowcast.transceiver-pools')] ??=
  new WeakSet()) as WeakSet<object>;

/**
 * Transceivers of one connection, lent to tracks that come and go: unpublishing gives the encoders' memory back, and
 * publishing again uses the m-line again, so neither memory nor the session description grows.
 *
 * The pool never negotiates: when `needsNegotiation` says so, make an offer as you always do. It touches no
 * transceiver that it did not make. It can't see an offer that is made but not set: call it before `createOffer`, or
 * after `setLocalDescription`. A connection has one pool at a time.
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
  /** Undefined once disposed: the pool keeps nothing then. */
  #pc: (PeerConnectionLike & Partial<EventTarget>) | undefined;
  readonly #settings: Settings;
  readonly #blankTrack: () => BlankTrack;
  /** All that are not dead. */
  readonly #slots = new Set<Slot>();
  /** Those that are dead, too, so that a second release is told from a foreign transceiver. */
  readonly #slotOf = new WeakMap<TransceiverLike, Slot>();
  /** Tracks on their way to a sender: reserved before the first await. */
  readonly #coming = new Set<TrackLike>();
  readonly #counts = { created: 0, reused: 0, shrunk: 0, stopped: 0, failed: 0, lost: 0, lostNegotiations: 0 };
  /** The session when this side's pending offer was set; undefined without one. */
  #offeredAt: string | undefined;
  #disposed = false;

  /** @throws {TransceiverPoolError} `invalid-argument`, `pool-exists` */
  constructor(pc: PC, options: TransceiverPoolOptions = {}) {
    if (typeof (pc as Partial<PC> | null)?.addTransceiver !== 'function')
      throw invalid('pc', pc, 'an RTCPeerConnection');
    this.#settings = settings(options);
    this.#blankTrack = options.blankVideoTrack ?? canvasTrack;
    if (owned.has(pc)) {
      throw new TransceiverPoolError('pool-exists', 'the connection has a pool: use that one, or dispose() it first');
    }
    owned.add(pc);
    this.#pc = pc;
    this.#pc.addEventListener?.('signalingstatechange', this.#onSignaling);
  }

  /**
   * Lends a transceiver that sends `track`: a new one, or with `reuse: 'sender'` one that was released and has the same
   * kind, codecs, layers and profile. A sender that can't be prepared is given up, and the next is tried. Those that refuse
   * what is asked for, as `setParameters` does with a bad limit, are kept if a new one is refused, too; or else the first
   * is given up.
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
   * Takes a transceiver back, at once; then it stops sending, gives its memory back, and is stopped, or with
   * `reuse: 'sender'` kept for the next track. The first m-line of the BUNDLE group is never stopped, for others use its
   * transport. The track goes on: it is the caller's. With werift stop it, too: werift can't take a track from a sender,
   * which goes on with its packets, kept or stopped, until it gets another or the connection closes.
   *
   * @throws {TransceiverPoolError} `foreign`, `not-leased`, `closed`, `disposed`
   */
  async release(transceiver: TransceiverOf<PC>): Promise<Released> {
    const slot = this.#slotOf.get(transceiver);
    if (!slot) throw new TransceiverPoolError('foreign', 'the transceiver is not of this pool: stop it yourself');
    if (!slot.lent) {
      throw new TransceiverPoolError('not-leased', 'the transceiver is not lent: release what was acquired, once');
    }
    this.#refuse();
    this.#look();
    slot.lent = false;
    // Another caller stopped it.
    if (slot.state !== 'leased') return { needsNegotiation: endIsUnknown(slot.pc, transceiver), freed: 'stopped' };
    slot.state = 'releasing';
    const released = this.#free(slot);
    slot.done = released;
    return released;
  }

  /** What the pool has now, and has done so far. Can be read after {@link dispose}, too. */
  stats(): TransceiverPoolStats {
    const states = { acquiring: 0, leased: 0, releasing: 0, parked: 0, anchor: 0, stopping: 0, dead: 0 };
    this.#look();
    for (const { state } of this.#slots) states[state]++;
    const { anchor: anchors, dead: _, ...rest } = states;
    return { ...rest, anchors, ...this.#counts };
  }

  /**
   * Compares the connection with what the pool believes, for tests and bug reports: each difference as a sentence, such as
   * a transceiver that was lent, and was stopped or has no track any more, but was not released. Changes nothing.
   */
  check(): string[] {
    if (!this.#pc || this.#isClosed()) return [];
    const listed = this.#pc.getTransceivers();
    const known = listed.flatMap((each) => this.#slotOf.get(each) ?? []);
    return differences(new Set([...this.#slots, ...known]), new Set(listed));
  }

  /**
   * Stops the transceivers that are kept for later. Those that are lent stay as they are, and are their owners' from
   * now on. What is being acquired or released ends with a stop. The pool keeps no reference to the connection, which
   * can have another pool. Twice: no-op.
   */
  dispose(): void {
    const pc = this.#pc;
    if (!pc) return;
    this.#look();
    this.#disposed = true;
    this.#pc = undefined;
    owned.delete(pc);
    pc.removeEventListener?.('signalingstatechange', this.#onSignaling);
    for (const slot of this.#slots) {
      if (slot.state === 'parked') this.#end(slot);
      else if (slot.state !== 'acquiring' && slot.state !== 'releasing') this.#forget(slot);
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
      this.#look(); // another caller may have taken one meanwhile
      // One at most: what was asked for may be as much to blame.
      if (lease && refusing[0]) this.#giveUp(refusing[0]);
      if (this.#disposed) for (const slot of refusing) this.#end(slot);
    }
  }

  /** One that will do. Those that are parked only because they must not be stopped are none. */
  #find(key: string): Slot | undefined {
    this.#look();
    return [...this.#slots].find((slot) => slot.state === 'parked' && slot.endIsKnown && slot.key() === key);
  }

  /**
   * Makes a parked transceiver send the track; undefined if it can't be prepared, which is given up then. But one that
   * refuses what is asked for is added to `refusing`, reserved: it sends nothing, and each reuse sets all of it anew.
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
    // Reserved: nothing was awaited since it was seen to be free.
    slot.state = 'acquiring';
    let asking = true;
    try {
      const parameters = slot.parameters();
      const different = renew(parameters, slot.kind, sendEncodings, slot.degradationPreference);
      transceiver.setCodecPreferences?.(codecs ?? []);
      sender.setStreams?.(...streams);
      if (different) await this.#within(slot, sender.setParameters(parameters));
      asking = false;
      // Another caller may have taken it meanwhile: then it is theirs.
      if (!slot.isIdle()) this.#lose(slot);
      if (slot.state !== 'acquiring') return undefined;
      this.#refuse(track, transceiver);
      await this.#within(slot, sender.replaceTrack(track));
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
    return { transceiver, reused: true, needsNegotiation: true };
  }

  #add(track: TrackLike, options: AcquireOptions): Lease {
    const { streams = [], sendEncodings, codecs } = options;
    const pc = this.#pc!;
    let transceiver: TransceiverLike | undefined;
    try {
      transceiver = pc.addTransceiver(track, {
        direction: 'sendonly',
        streams,
        ...(sendEncodings && { sendEncodings }),
      });
      if (codecs) transceiver.setCodecPreferences!(codecs);
      const slot = new Slot(pc, transceiver, track, options);
      this.#slots.add(slot);
      this.#slotOf.set(transceiver, slot);
    } catch (cause) {
      if (transceiver) stop(transceiver); // it has no m-line yet
      throw new TransceiverPoolError('refused', `the connection made no such transceiver: ${String(cause)}`, { cause });
    }
    this.#counts.created++;
    return { transceiver, reused: false, needsNegotiation: true };
  }

  async #free(slot: Slot): Promise<Released> {
    const { reuse, maxParkedPerKey } = this.#settings;
    const { pc, transceiver } = slot;
    const key = slot.key();
    const kept = () => [...this.#slots].filter((each) => each !== slot && each.isSpare() && each.key() === key).length;
    const keep = reuse === 'sender' && slot.hasSent && kept() < maxParkedPerKey;
    const shrunk = await (keep ? this.#park(slot) : this.#retire(slot));
    this.#refuse();
    if (shrunk) this.#counts.shrunk++;
    // Of one that another caller took, nothing more is known.
    const freed = shrunk ? 'shrunk' : slot.state === 'parked' || slot.state === 'anchor' ? 'none' : 'stopped';
    return { needsNegotiation: endIsUnknown(pc, transceiver), freed };
  }

  /** Ends a transceiver for good. @returns whether it was made tiny */
  async #retire(slot: Slot): Promise<boolean> {
    const { pc, transceiver, kind, hasSent } = slot;
    const { free, shrinkMs } = this.#settings;
    let outcome: Awaited<ReturnType<typeof silence>> | undefined;
    if (needsSilence(pc, transceiver, kind, hasSent ? free : 'stop')) {
      const wait = <T>(promise: T | PromiseLike<T>) => this.#within(slot, promise);
      const how = { shrinkMs, blankVideoTrack: this.#blankTrack, within: wait };
      outcome = await silence(pc, transceiver, kind, how);
      this.#look();
    }
    // Or another caller stopped it meanwhile, or closed the connection.
    if (slot.state === 'releasing') {
      if (outcome === 'failed') this.#giveUp(slot);
      else this.#end(slot);
    }
    return outcome === 'shrunk';
  }

  /** Silences a transceiver, and keeps its sender for the next track. @returns whether it was made tiny */
  async #park(slot: Slot): Promise<boolean> {
    const { transceiver, kind } = slot;
    const { sender } = transceiver;
    const wait = <T>(promise: T | PromiseLike<T>) => this.#within(slot, promise);
    try {
      const { shrinkMs } = this.#settings;
      const shrunk = kind === 'video' && (await shrink(sender, this.#blankTrack, shrinkMs, wait));
      await wait(sender.replaceTrack(null));
      this.#look();
      if (slot.state !== 'releasing') return false;
      setSending(transceiver, false);
      slot.park();
      this.#look();
      if (this.#disposed) this.#end(slot);
      return shrunk;
    } catch {
      this.#giveUp(slot);
      return false;
    }
  }

  readonly #within = <T>({ pc }: Slot, promise: T | PromiseLike<T>): Promise<T> =>
    within(this.#settings.settleMs, () => pc.signalingState === 'closed', promise);

  #isClosed(): boolean {
    return this.#pc?.signalingState === 'closed';
  }

  /** @throws TransceiverPoolError if there is no sense in going on */
  #refuse(track?: TrackLike, own?: TransceiverLike): void {
    if (this.#disposed) throw new TransceiverPoolError('disposed', 'the pool is disposed: make another');
    if (this.#isClosed()) throw closed();
    if (track?.readyState === 'ended') throw ended();
    if (track && this.#holders(track).some((each) => each !== own && !this.#slotOf.get(each)?.isFree())) throw inUse();
  }

  #holders(track: TrackLike): TransceiverLike[] {
    return this.#pc!.getTransceivers().filter((each) => each.sender.track === track && !isStopped(each));
  }

  readonly #onSignaling = (): void => {
    this.#look();
    const { signalingState: state, currentLocalDescription } = this.#pc!;
    // Candidates are added to it, but its origin, with a version, stays until something else is agreed on.
    const session = /^o=.*/m.exec(currentLocalDescription?.sdp ?? '')?.[0] ?? '';
    if (state === 'have-local-offer') this.#offeredAt ??= session;
    else if (state === 'stable' || state === 'have-remote-offer') {
      if (this.#offeredAt === session) this.#counts.lostNegotiations++;
      this.#offeredAt = undefined;
    }
  };

  /** Sees what others have done to the transceivers, and what was agreed on. */
  #look(): void {
    for (const slot of this.#slots) {
      if (slot.pc.signalingState === 'closed') this.#forget(slot);
      else if (slot.isLost()) this.#lose(slot);
      else if (slot.state === 'stopping' && !slot.isStopping()) this.#forget(slot);
      else slot.look();
    }
  }

  #lose(slot: Slot): void {
    this.#counts.lost++;
    slot.lost = true;
    if (isStopped(slot.transceiver)) slot.state = 'stopping';
    else this.#forget(slot);
  }

  /** After a failure; but of a connection that was closed, or a transceiver stopped meanwhile, nothing else comes. */
  #giveUp(slot: Slot): void {
    this.#look();
    if (this.#slots.has(slot) && slot.state !== 'stopping' && !this.#disposed) this.#counts.failed++;
    this.#end(slot);
  }

  #end(slot: Slot): void {
    if (!this.#slots.has(slot) || slot.state === 'stopping') return;
    if (end(slot.pc, slot.transceiver)) {
      this.#counts.stopped++;
      slot.state = 'stopping';
    } else slot.state = 'anchor';
    if (this.#disposed) this.#forget(slot);
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
