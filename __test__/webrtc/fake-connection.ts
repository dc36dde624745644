// A scripted RTCPeerConnection: as the standard says in what the pool relies on, and a test decides how calls end.

import type { EncodingLike, InitLike } from '../../src/webrtc/index.js';

export class FakeTrack {
  readyState = 'live';
  constructor(readonly kind: 'audio' | 'video' = 'video') {}

  stop(): void {
    this.readyState = 'ended';
  }
}

/** A call to a sender that is not over. */
export interface Call {
  readonly name: 'replaceTrack' | 'setParameters';
  readonly sender: FakeSender;
  /** Carries it out. */
  succeed(): void;
  /** Ends it with an error, and changes nothing. */
  fail(error?: Error): void;
}

interface Parameters {
  transactionId: string;
  encodings: (EncodingLike & Record<string, unknown>)[];
  degradationPreference?: string;
}

const error = (name: string, message = name): Error => Object.assign(new Error(message), { name });

export class FakeSender {
  track: FakeTrack | null;
  encodings: Parameters['encodings'];
  degradationPreference: string | undefined;
  /** Ids that it was last given. */
  streams: string[] = [];
  /** Encodings of every setParameters that was carried out. */
  readonly set: Parameters['encodings'][] = [];
  /** Tracks of every replaceTrack that was carried out. */
  readonly replaced: (FakeTrack | null)[] = [];
  #transaction = 0;

  constructor(
    readonly connection: FakeConnection,
    track: FakeTrack,
    sendEncodings: readonly EncodingLike[],
  ) {
    this.track = track;
    const count = sendEncodings.length;
    const halved = !sendEncodings.some((each) => each.scaleResolutionDownBy !== undefined);
    this.encodings = (count === 0 ? [{}] : sendEncodings).map((each, i) => {
      const { rid, ...rest } = each;
      return {
        active: true,
        priority: 'low',
        ...(track.kind === 'video' && { scaleResolutionDownBy: halved && count > 0 ? 2 ** (count - 1 - i) : 1 }),
        ...rest,
        ...(count > 1 && { rid: rid! }), // a single encoding has no name
      };
    });
  }

  get transceiver(): FakeTransceiver {
    return this.connection.transceivers.find((each) => each.sender === this)!;
  }

  getParameters(): Parameters {
    this.#transaction++;
    return structuredClone({
      transactionId: String(this.#transaction),
      encodings: this.encodings,
      ...(this.degradationPreference !== undefined && { degradationPreference: this.degradationPreference }),
    });
  }

  setParameters(parameters: Parameters): Promise<void> {
    const rids = (encodings: EncodingLike[]) => JSON.stringify(encodings.map(({ rid }) => rid));
    const fits = () => rids(parameters.encodings) === rids(this.encodings);
    if (this.transceiver.stopped) return Promise.reject(error('InvalidStateError'));
    if (parameters.transactionId !== String(this.#transaction)) return Promise.reject(error('InvalidStateError'));
    if (!fits()) return Promise.reject(error('InvalidModificationError'));
    return this.connection.call('setParameters', this, () => {
      if (!fits()) throw error('InvalidModificationError'); // an answer came first
      this.encodings = structuredClone(parameters.encodings);
      this.degradationPreference = parameters.degradationPreference;
      this.set.push(structuredClone(parameters.encodings));
    });
  }

  replaceTrack(track: FakeTrack | null): Promise<void> {
    if (track && track.kind !== this.transceiver.kind) return Promise.reject(new TypeError('another kind'));
    if (this.transceiver.stopped) return Promise.reject(error('InvalidStateError'));
    return this.connection.call('replaceTrack', this, () => {
      this.track = track;
      this.replaced.push(track);
    });
  }

  setStreams(...streams: { id: string }[]): void {
    if (this.connection.signalingState === 'closed') throw error('InvalidStateError');
    this.streams = streams.map(({ id }) => id);
  }
}

export class FakeTransceiver {
  /** Of its m-line, from the offer on; a rolled back one takes it away again. */
  mid: string | null = null;
  currentDirection: string | null = null;
  /** What the last offer said. */
  offered: string | undefined;
  stopped = false;
  /** Whether the stop was negotiated: only then a connection stops listing it. */
  gone = false;
  hasSent = false;
  /** What the last setCodecPreferences was given. */
  preferred: unknown[] | undefined;
  readonly kind: 'audio' | 'video';
  readonly sender: FakeSender;
  readonly receiver: { readonly track: FakeTrack };
  #direction = 'sendonly';

  constructor(connection: FakeConnection, track: FakeTrack, sendEncodings: readonly EncodingLike[]) {
    this.kind = track.kind;
    this.receiver = { track: new FakeTrack(track.kind) };
    this.sender = new FakeSender(connection, track, sendEncodings);
  }

  get direction(): string {
    return this.stopped ? 'stopped' : this.#direction;
  }

  set direction(direction: string) {
    if (this.stopped) throw error('InvalidStateError');
    this.#direction = direction;
  }

  setCodecPreferences(codecs: unknown[]): void {
    if (this.stopped) throw error('InvalidStateError');
    this.preferred = codecs;
  }

  stop(): void {
    if (this.sender.connection.signalingState === 'closed') throw error('InvalidStateError');
    this.stopped = true;
    if (this.mid === null) this.currentDirection = 'stopped'; // nothing to negotiate
  }
}

/** An m-line. */
interface Section {
  readonly mid: string;
  /** None: of a data channel. */
  readonly transceiver: FakeTransceiver | undefined;
  /** Whether both sides have agreed that it is over: only then another transceiver can have it. */
  readonly rejected: boolean;
}

export class FakeConnection extends EventTarget {
  signalingState = 'stable';
  /** With a version, which each negotiation makes another. */
  currentLocalDescription: { sdp: string } | null = null;
  pendingLocalDescription: { sdp: string } | null = null;
  /** As was agreed on last. */
  sections: readonly Section[] = [];
  #offered: readonly Section[] = [];
  #version = 0;
  #mids = 0;
  /** Stopped ones, too. */
  readonly transceivers: FakeTransceiver[] = [];
  /** Calls that wait for {@link Call.succeed}. */
  readonly calls: Call[] = [];
  /** Decides about each call at once; undefined leaves it in {@link calls}. Default: all succeed. */
  decide: (call: Call) => 'succeed' | 'fail' | undefined = () => 'succeed';

  addTransceiver(track: FakeTrack, init: InitLike = {}): FakeTransceiver {
    if (this.signalingState === 'closed') throw error('InvalidStateError');
    const transceiver = new FakeTransceiver(this, track, init.sendEncodings ?? []);
    transceiver.direction = init.direction ?? 'sendrecv';
    transceiver.sender.streams = (init.streams ?? []).map(({ id }) => id);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  /** Has a data channel in the first m-line, so that no transceiver has it. */
  anchor(): this {
    this.sections = [{ mid: String(this.#mids++), transceiver: undefined, rejected: false }];
    return this;
  }

  get localDescription(): { sdp: string } | null {
    return this.pendingLocalDescription ?? this.currentLocalDescription;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers.filter(({ gone }) => !gone);
  }

  /** Those that are not stopped. */
  alive(): FakeTransceiver[] {
    return this.transceivers.filter(({ stopped }) => !stopped);
  }

  /** Takes an unused transceiver that has never sent, as the standard says. */
  addTrack(track: FakeTrack): FakeTransceiver {
    const free = this.alive().find((each) => !each.sender.track && each.kind === track.kind && !each.hasSent);
    if (!free) return this.addTransceiver(track);
    free.sender.track = track;
    free.direction = 'sendrecv';
    return free;
  }

  /** An offer to the other side, and nothing back yet. */
  offer(): void {
    // Or once more, with what came since the pending one.
    const sections = [...(this.pendingLocalDescription ? this.#offered : this.sections)];
    for (const each of this.alive()) {
      each.offered = each.direction;
      if (each.mid !== null) continue;
      each.mid = String(this.#mids++);
      const free = sections.findIndex(({ rejected }) => rejected);
      sections.splice(free === -1 ? sections.length : free, 1, { mid: each.mid, transceiver: each, rejected: false });
    }
    this.#offered = sections;
    const live = sections.filter(({ transceiver }) => !transceiver?.stopped).map(({ mid }) => mid);
    this.pendingLocalDescription = {
      sdp: `v=0\r\no=- 1 ${++this.#version} IN IP4 127.0.0.1\r\na=group:BUNDLE ${live.join(' ')}\r\n`,
    };
    this.#become('have-local-offer');
  }

  /** Its answer. `layers`: how many it takes of each simulcast. */
  answer({ layers = Infinity }: { layers?: number } = {}): void {
    // What was stopped since the offer was not in it.
    const stopped = (each: FakeTransceiver) => each.stopped && this.#rejects(each);
    for (const each of this.transceivers) {
      if (!stopped(each)) continue;
      each.gone = true;
      each.currentDirection = 'stopped';
    }
    this.sections = this.#offered.map((each) => ({
      ...each,
      rejected: each.rejected || (!!each.transceiver && stopped(each.transceiver)),
    }));
    for (const each of this.transceivers) {
      if (each.offered === undefined || each.gone) continue;
      each.currentDirection = each.offered;
      if (/send/.test(each.offered)) each.hasSent = true;
      const { encodings } = each.sender;
      if (encodings.length <= layers) continue;
      each.sender.encodings = encodings.slice(0, layers);
      if (layers === 1) delete each.sender.encodings[0]!.rid;
    }
    this.currentLocalDescription = this.pendingLocalDescription;
    this.pendingLocalDescription = null;
    this.#become('stable');
  }

  /** Whether the pending offer says that it is over, or never had it. */
  #rejects({ mid }: FakeTransceiver): boolean {
    return (
      mid === null ||
      !this.pendingLocalDescription!.sdp.match(/BUNDLE (.*)/)![1]!
        .split(' ')
        .includes(mid)
    );
  }

  /** The offer is taken back, for the other side's came first. */
  rollback(): void {
    const agreed = new Set(this.sections.map(({ mid }) => mid));
    for (const each of this.transceivers) {
      each.offered = undefined;
      if (each.mid !== null && !agreed.has(each.mid)) each.mid = null;
    }
    this.pendingLocalDescription = null;
    this.#become('stable');
  }

  negotiate(options?: { layers?: number }): void {
    this.offer();
    this.answer(options);
  }

  /** From here on no call settles, and there is no event of it. */
  close(): void {
    for (const each of this.transceivers) each.stopped = true;
    this.signalingState = 'closed';
    this.calls.length = 0;
  }

  call(name: Call['name'], sender: FakeSender, carryOut: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => void (this.calls.includes(call) && this.calls.splice(this.calls.indexOf(call), 1));
      const call: Call = {
        name,
        sender,
        succeed: () => {
          end();
          if (sender.transceiver.stopped) return reject(error('InvalidStateError'));
          try {
            carryOut();
          } catch (thrown) {
            return reject(thrown as Error);
          }
          resolve();
        },
        fail: (reason = error('OperationError', `${name} failed`)) => {
          end();
          reject(reason);
        },
      };
      if (this.signalingState === 'closed') return; // never settles
      const decision = this.decide(call);
      if (decision) queueMicrotask(() => this.signalingState !== 'closed' && call[decision]());
      else this.calls.push(call);
    });
  }

  #become(state: string): void {
    if (this.signalingState === 'closed') return;
    this.signalingState = state;
    this.dispatchEvent(new Event('signalingstatechange'));
  }
}
