import type { Room } from 'livekit-client';
import { TransceiverPool, type TransceiverPoolOptions } from 'narrowcast/webrtc';

// What is used of livekit-client 2.23.0 and is not in its types.

interface Engine {
  readonly pcManager?: { readonly publisher: { readonly pc: RTCPeerConnection } };
  createTransceiverRTCRtpSender(
    track: Track,
    options: unknown,
    encodings?: RTCRtpEncodingParameters[],
  ): Promise<RTCRtpSender>;
  createSimulcastTransceiverSender(
    track: Track,
    simulcastTrack: { mediaStreamTrack: MediaStreamTrack },
    options: { videoCodec?: string },
    encodings?: RTCRtpEncodingParameters[],
  ): Promise<RTCRtpSender | undefined>;
  removeTrack(sender: RTCRtpSender): boolean;
  negotiate(): Promise<void>;
}

interface Track {
  readonly kind: string;
  readonly mediaStreamTrack: MediaStreamTrack;
  readonly mediaStream?: MediaStream;
  codec?: string;
  setSimulcastTrackSender(codec: string, sender: RTCRtpSender): unknown;
}

/** What a room publishes from now on is sent by transceivers of a pool. */
export function publishThroughPool(room: Room, options?: TransceiverPoolOptions): void {
  // All rooms have one class of engine, and a room gets a new engine when it connects again.
  const engine = Object.getPrototypeOf(room.engine) as Engine & { poolOf?: typeof poolOf };
  if (engine.poolOf) return;

  /** A reconnect may make another connection; its transceivers are its own. */
  const pools = new WeakMap<RTCPeerConnection, TransceiverPool<RTCPeerConnection>>();
  const releasing = new WeakMap<RTCPeerConnection, Set<Promise<unknown>>>();
  function poolOf(pc: RTCPeerConnection): TransceiverPool<RTCPeerConnection> {
    let pool = pools.get(pc);
    if (!pool) pools.set(pc, (pool = new TransceiverPool(pc, options)));
    return pool;
  }
  engine.poolOf = poolOf;

  /** `kind` keeps primary senders, and senders of a second codec, apart: their codecs are preferred differently. */
  async function acquire(
    { pcManager }: Engine,
    track: MediaStreamTrack,
    streams: MediaStream[],
    sendEncodings: RTCRtpEncodingParameters[] | undefined,
    profile: string,
  ): Promise<RTCRtpSender> {
    if (!pcManager) throw new Error('the room is not connected');
    const request = { streams, profile, ...(sendEncodings && { sendEncodings }) };
    const { transceiver } = await poolOf(pcManager.publisher.pc).acquire(track, request);
    return transceiver.sender;
  }

  engine.createTransceiverRTCRtpSender = function (track, options, encodings) {
    const { videoCodec } = options as { videoCodec?: string };
    if (track.kind === 'video' && videoCodec !== undefined) track.codec = videoCodec;
    const streams = track.mediaStream ? [track.mediaStream] : [];
    return acquire(
      this,
      track.mediaStreamTrack,
      streams,
      encodings,
      `primary ${track.kind === 'video' ? videoCodec : ''}`,
    );
  };

  engine.createSimulcastTransceiverSender = async function (track, { mediaStreamTrack }, { videoCodec }, encodings) {
    const sender = await acquire(this, mediaStreamTrack, [], encodings, `second ${videoCodec}`);
    if (videoCodec === undefined) return undefined;
    await track.setSimulcastTrackSender(videoCodec, sender);
    return sender;
  };

  const { removeTrack, negotiate } = engine;
  engine.removeTrack = function (sender) {
    const removed = removeTrack.call(this, sender);
    const pc = this.pcManager?.publisher.pc;
    const transceiver = pc?.getTransceivers().find((each) => each.sender === sender);
    if (pc && transceiver) {
      // It fails for what was published before the pool was there, and that is removed already.
      const released = poolOf(pc)
        .release(transceiver)
        .catch(() => {});
      const all = releasing.get(pc) ?? new Set();
      releasing.set(pc, all.add(released));
      void released.finally(() => all.delete(released));
    }
    return removed;
  };

  // The offer that says so comes after the release, which needs the encoders as they were negotiated.
  engine.negotiate = async function () {
    const pc = this.pcManager?.publisher.pc;
    if (pc) await Promise.all(releasing.get(pc) ?? []);
    return negotiate.call(this);
  };
}
