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
  currentDirection: string | null = null;
  /** What the last offer said. */
  offered: string | undefined;
  offeredStreams: string | undefined;
  /** What the other side believes to get the track in. */
  knownStreams: string | undefined;
  stopped = false;
  /** Whether the stop was negotiated: only then a connection stops listing it. */
  gone = false;
  hasSent = false;
  /** What the last setCodecPreferences was given. */
  preferred: unknown[] | undefined;
  readonly kind: 'audio' | 'video';
  readonly sender: FakeSender;
  #direction = 'sendonly';

  constructor(connection: FakeConnection, track: FakeTrack, sendEncodings: readonly EncodingLike[]) {
    this.kind = track.kind;
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
  }
}

export class FakeConnection extends EventTarget {
  signalingState = 'stable';
  /** With a version, which each negotiation makes another. */
  currentLocalDescription: { sdp: string } | null = null;
  #version = 0;
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
    for (const each of this.alive()) {
      each.offered = each.direction;
      each.offeredStreams = each.sender.streams.join();
    }
    this.#become('have-local-offer');
  }

  /** Its answer. `layers`: how many it takes of each simulcast. */
  answer({ layers = Infinity }: { layers?: number } = {}): void {
    for (const each of this.transceivers) each.gone ||= each.stopped;
    for (const each of this.alive()) {
      if (each.offered === undefined) continue;
      each.currentDirection = each.offered;
      each.knownStreams = each.offeredStreams;
      if (/send/.test(each.offered)) each.hasSent = true;
      const { encodings } = each.sender;
      if (encodings.length <= layers) continue;
      each.sender.encodings = encodings.slice(0, layers);
      if (layers === 1) delete each.sender.encodings[0]!.rid;
    }
    this.currentLocalDescription = { sdp: `v=0\r\no=- 1 ${++this.#version} IN IP4 127.0.0.1\r\n` };
    this.#become('stable');
  }

  /** The offer is taken back, for the other side's came first. */
  rollback(): void {
    for (const each of this.transceivers) each.offered = undefined;
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
