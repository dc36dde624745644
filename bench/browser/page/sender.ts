// The page that publishes and unpublishes, in a process of its own, so that its memory can be told from the rest.

import { releaseSender, TransceiverPool } from '../../../src/webrtc/index.js';
import type { Released } from '../../../src/webrtc/index.js';
import type { Kind, SenderCalls, Sent, Setup } from '../calls.js';
import { Picture, tone } from './media.js';
import { gathered, onlyThisMachine, Translator } from './sdp.js';

/** The other page's answer to an offer; of stage.ts. */
declare function relayOffer(sdp: string): Promise<string>;

class Sender {
  readonly pc = new RTCPeerConnection();
  readonly pool: TransceiverPool<RTCPeerConnection> | undefined;
  readonly #translator = new Translator();
  readonly #picture: Picture;
  readonly #published = new Map<Kind, { transceiver: RTCRtpTransceiver; track: MediaStreamTrack }>();
  readonly #kept = new Map<Kind, MediaStreamTrack>();
  #publications = 0;

  constructor(readonly setup: Setup) {
    if (setup.way === 'pool') this.pool = new TransceiverPool(this.pc, setup.options);
    this.#picture = new Picture(setup.width, setup.height, setup.framesPerSecond);
  }

  async begin(): Promise<void> {
    if (!this.setup.anchored) return;
    this.pc.createDataChannel('anchor');
    await this.#negotiate();
  }

  async publish(kind: Kind): Promise<boolean> {
    const { setup, pool, pc } = this;
    const track = this.#kept.get(kind) ?? (kind === 'video' ? this.#picture.track() : tone());
    if (setup.keepTracks) this.#kept.set(kind, track);
    const sendEncodings = kind === 'video' ? this.#layers() : [];
    const codecs = kind === 'video' && setup.codec !== undefined ? codecsLike(setup.codec) : undefined;
    const options = {
      streams: [new MediaStream([track])],
      ...(sendEncodings.length > 0 && { sendEncodings }),
      ...(codecs && { codecs }),
    };
    let lease;
    if (pool) lease = await pool.acquire(track, options);
    else {
      const transceiver = pc.addTransceiver(track, { direction: 'sendonly', ...options });
      if (codecs) transceiver.setCodecPreferences(codecs);
      lease = { transceiver, reused: false, needsNegotiation: true };
    }
    this.#published.set(kind, { transceiver: lease.transceiver, track });
    if (lease.needsNegotiation) await this.#negotiate();
    return lease.reused;
  }

  async unpublish(kind: Kind): ReturnType<SenderCalls['unpublish']> {
    const { transceiver, track } = this.#published.get(kind)!;
    this.#published.delete(kind);
    const released = await this.#release(transceiver);
    if (!this.setup.keepTracks) track.stop();
    if (released?.needsNegotiation !== false) await this.#negotiate();
    return released?.freed ?? 'none';
  }

  async sent(kind: Kind): Promise<Sent> {
    const sent: Sent = {};
    const stats = await this.#published.get(kind)?.transceiver.sender.getStats();
    for (const report of stats?.values() ?? []) {
      if (report.type !== 'outbound-rtp') continue;
      const name = String(report.rid ?? '').replace(/\d+$/, '');
      sent[name] = { frames: report.framesEncoded ?? 0, bytes: report.bytesSent };
    }
    return sent;
  }

  async #release(transceiver: RTCRtpTransceiver): Promise<Released | undefined> {
    const { pc, setup } = this;
    if (setup.way === 'pool') return this.pool!.release(transceiver);
    if (setup.way === 'releaseSender') return releaseSender(pc, transceiver.sender, setup.options);
    if (setup.way === 'stop') transceiver.stop();
    else pc.removeTrack(transceiver.sender);
    return undefined;
  }

  counts(): ReturnType<SenderCalls['counts']> {
    const sdp = this.pc.localDescription?.sdp ?? '';
    const sections = sdp.match(/^m=/gm)?.length ?? 0;
    return { transceivers: this.pc.getTransceivers().length, sections, sdpBytes: sdp.length };
  }

  close(): void {
    this.pc.close();
    this.#picture.stop();
    for (const track of this.#kept.values()) track.stop();
  }

  #layers(): RTCRtpEncodingParameters[] {
    const { layers, codec = '', options, sameRids = options?.reuse === 'sender' } = this.setup;
    // Layers of different senders must not be taken for one another.
    const suffix = sameRids ? '' : String(this.#publications++);
    return layers.map((name, i) => ({
      rid: name + suffix,
      scaleResolutionDownBy: 2 ** (layers.length - 1 - i),
      // Without a mode, a browser makes spatial layers of one stream of these.
      ...(/VP9|AV1/.test(codec) && { scalabilityMode: 'L1T1' }),
    }));
  }

  async #negotiate(): Promise<void> {
    const { pc } = this;
    await pc.setLocalDescription();
    await gathered(pc);
    const offer = pc.localDescription!.sdp;
    const answer = await relayOffer(this.#translator.offer(onlyThisMachine(offer)));
    await pc.setRemoteDescription({ type: 'answer', sdp: this.#translator.answer(answer, offer) });
  }
}

/** The codec in all its profiles, and what goes with any codec. */
function codecsLike(codec: string): RTCRtpCodec[] {
  const all = RTCRtpSender.getCapabilities('video')!.codecs;
  return all.filter(({ mimeType }) => mimeType === codec || /\/(rtx|red|ulpfec)$/.test(mimeType));
}

let sender: Sender | undefined;
let weight: Uint8Array | undefined;

export const calls: SenderCalls = {
  open: async (setup) => {
    sender = new Sender(setup);
    await sender.begin();
  },
  publish: (kind) => sender!.publish(kind),
  unpublish: (kind) => sender!.unpublish(kind),
  sent: (kind) => sender!.sent(kind),
  counts: () => sender!.counts(),
  stats: () => sender!.pool?.stats(),
  check: () => sender!.pool?.check() ?? [],
  ufrags: () => sender!.pc.localDescription!.sdp.match(/(?<=^a=ice-ufrag:)\S+/gm) ?? [],
  codecs: (wanted) => {
    const can = new Set(RTCRtpSender.getCapabilities('video')!.codecs.map(({ mimeType }) => mimeType));
    return wanted.filter((codec) => can.has(codec));
  },
  close: () => {
    sender?.close();
    sender = undefined;
  },
  grow: (mb) => {
    // At once, and not when garbage is collected.
    (weight?.buffer as (ArrayBuffer & { transfer(bytes: number): ArrayBuffer }) | undefined)?.transfer(0);
    weight = mb === 0 ? undefined : new Uint8Array(mb * 1e6).fill(1);
  },
};

// `weight` is there, too, to show that it is read.
Object.assign(globalThis, { calls, weighs: () => weight?.length });
