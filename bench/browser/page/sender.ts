// The page that publishes and unpublishes, in a process of its own, so that its memory can be told from the rest.

import { TransceiverPool, type TransceiverPoolOptions } from '../../../src/webrtc/index.js';
import { loudTrack, Picture } from './media.js';
import { onlyLoopback, Translator } from './sdp.js';

declare function relayOffer(sdp: string): Promise<string>;

export type Kind = 'audio' | 'video';

export interface Setup {
  /** With a pool, or by `addTransceiver` each time. */
  pool: boolean;
  kind: Kind;
  width: number;
  height: number;
  framesPerSecond: number;
  /** Names of simulcast layers; none: no simulcast. */
  layers: string[];
  /** As in `video/VP8`; the browser's choice without. */
  codec?: string;
  /** Whether one track is published again and again, or each is stopped at unpublish. */
  keepTrack: boolean;
  options?: TransceiverPoolOptions;
}

/** What is sent of each layer, by its name. */
export type Sent = Record<string, { frames: number; bytes: number; width: number }>;

class Sender {
  readonly pc = new RTCPeerConnection();
  readonly translator = new Translator();
  readonly pool: TransceiverPool<RTCPeerConnection> | undefined;
  readonly picture: Picture | undefined;
  #published: { transceiver: RTCRtpTransceiver; track: MediaStreamTrack } | undefined;
  #kept: MediaStreamTrack | undefined;
  #cycle = 0;

  constructor(readonly setup: Setup) {
    if (setup.pool) this.pool = new TransceiverPool(this.pc, setup.options);
    if (setup.kind === 'video') this.picture = new Picture(setup.width, setup.height, setup.framesPerSecond);
  }

  /** Publishes a track, and negotiates if that is needed. */
  async publish(): Promise<{ reused: boolean; needsNegotiation: boolean }> {
    const { setup, pool, pc } = this;
    const track = this.#kept ?? this.picture?.track() ?? loudTrack();
    if (setup.keepTrack) this.#kept = track;
    // Without a pool, layers of different publications must not be taken for one another.
    const suffix = pool ? '' : String(this.#cycle++);
    const sendEncodings = setup.layers.map((rid, i) => ({
      rid: rid + suffix,
      scaleResolutionDownBy: 2 ** (setup.layers.length - 1 - i),
      // Without a mode, a browser makes spatial layers of one stream of these.
      ...(/VP9|AV1/.test(setup.codec ?? '') && { scalabilityMode: 'L1T1' }),
    }));
    const options = {
      streams: [new MediaStream([track])],
      ...(sendEncodings.length > 0 && { sendEncodings }),
      ...(setup.codec !== undefined && { codecs: codecsLike(setup.kind, setup.codec) }),
    };
    let lease;
    if (pool) lease = await pool.acquire(track, options);
    else {
      const transceiver = pc.addTransceiver(track, { direction: 'sendonly', ...options });
      if (options.codecs) transceiver.setCodecPreferences(options.codecs);
      lease = { transceiver, reused: false, needsNegotiation: true };
    }
    this.#published = { transceiver: lease.transceiver, track };
    if (lease.needsNegotiation) await this.negotiate();
    return { reused: lease.reused, needsNegotiation: lease.needsNegotiation };
  }

  async unpublish(): Promise<string> {
    const { transceiver, track } = this.#published!;
    this.#published = undefined;
    let freed = 'none';
    if (this.pool) ({ freed } = await this.pool.release(transceiver));
    else this.pc.removeTrack(transceiver.sender);
    if (!this.setup.keepTrack) track.stop();
    await this.negotiate();
    return freed;
  }

  async negotiate(): Promise<void> {
    const { pc, translator } = this;
    await pc.setLocalDescription();
    await gathered(pc);
    const offer = pc.localDescription!.sdp;
    const answer = await relayOffer(translator.offer(onlyLoopback(offer)));
    await pc.setRemoteDescription({ type: 'answer', sdp: translator.answer(answer, offer) });
  }

  /** What the published track has sent so far. */
  async sent(): Promise<Sent> {
    const sent: Sent = {};
    if (!this.#published) return sent;
    for (const report of (await this.#published.transceiver.sender.getStats()).values()) {
      if (report.type !== 'outbound-rtp') continue;
      const name = (report.rid ?? '').replace(/\d+$/, '');
      sent[name] = { frames: report.framesEncoded ?? 0, bytes: report.bytesSent, width: report.frameWidth ?? 0 };
    }
    return sent;
  }

  counts(): { transceivers: number; sections: number; sdpBytes: number } {
    const sdp = this.pc.localDescription?.sdp ?? '';
    return {
      transceivers: this.pc.getTransceivers().length,
      sections: sdp.match(/^m=/gm)?.length ?? 0,
      sdpBytes: sdp.length,
    };
  }
}

/** As `getCapabilities` lists them: the codec in all its profiles, and what goes with any codec. */
function codecsLike(kind: Kind, codec: string): RTCRtpCodec[] {
  const all = RTCRtpSender.getCapabilities(kind)!.codecs;
  return all.filter(({ mimeType }) => mimeType === codec || /\/(rtx|red|ulpfec)$/.test(mimeType));
}

async function gathered(pc: RTCPeerConnection): Promise<void> {
  while (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
}

let sender: Sender | undefined;

/** What Node calls; see ../stage.ts. */
export const calls = {
  open: (setup: Setup): void => {
    sender = new Sender(setup);
  },
  /** Sends something else from another connection for a moment: what a browser sets up once is there then. */
  publish: () => sender!.publish(),
  unpublish: () => sender!.unpublish(),
  sent: () => sender!.sent(),
  counts: () => sender!.counts(),
  stats: () => sender!.pool?.stats(),
  /** Which of these the browser can encode. */
  codecs: (wanted: string[]): string[] => {
    const can = new Set(RTCRtpSender.getCapabilities('video')!.codecs.map(({ mimeType }) => mimeType));
    return wanted.filter((codec) => can.has(codec));
  },
  close: (): void => {
    sender?.pc.close();
    sender?.picture?.stop();
    sender = undefined;
  },
  /** Keeps a processor busy for so long, in ms: that is how the page's process is found among the browser's. */
  burn: (ms: number): void => {
    for (const end = performance.now() + ms; performance.now() < end;);
  },
};

Object.assign(globalThis, { calls });
