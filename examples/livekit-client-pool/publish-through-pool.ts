import type { Room } from 'livekit-client';
import { TransceiverPool, type ReleaseOptions } from 'narrowcast/webrtc';

// What is used of livekit-client and is not in its types.

interface Engine {
  readonly pcManager?: { readonly publisher: Transport };
  createSender(track: Track, ...rest: unknown[]): Promise<RTCRtpSender>;
  createSimulcastSender(track: Track, ...rest: unknown[]): Promise<RTCRtpSender | undefined>;
}

/** A PCTransport: livekit-client's own wrapper of the connection that publishes. */
interface Transport {
  readonly pc: RTCPeerConnection;
  addTransceiver(track: MediaStreamTrack, init: RTCRtpTransceiverInit): RTCRtpTransceiver | Promise<RTCRtpTransceiver>;
  removeTrack(sender: RTCRtpSender): void;
  negotiate(onError?: (error: Error) => void): unknown;
  close(): void;
}

interface Track {
  readonly sender?: RTCRtpSender;
  /** Of video. */
  readonly codec?: string;
  readonly simulcastCodecs?: ReadonlyMap<string, { readonly sender?: RTCRtpSender }>;
}

type Pool = TransceiverPool<RTCPeerConnection>;

/** A reconnect may make another connection, with a pool of its own. */
const pools = new WeakMap<Transport, Pool>();
const patched = new WeakSet<Engine>();

/** What a room publishes from now on is sent by transceivers of a pool. */
export function publishThroughPool(room: Room, options?: ReleaseOptions): void {
  // All rooms have one class of engine, and a room gets a new engine when it connects again.
  const engine = Object.getPrototypeOf(room.engine) as Engine;
  if (patched.has(engine)) return;
  patched.add(engine);
  for (const name of ['createSender', 'createSimulcastSender'] as const) {
    const create = engine[name] as Engine['createSimulcastSender'];
    engine[name] = async function (this: Engine, track: Track, ...rest: unknown[]) {
      const publisher = this.pcManager?.publisher;
      const users = publisher && adopt(publisher, options);
      const sender = await create.call(this, track, ...rest);
      if (!publisher || !sender) return sender;
      users?.set(sender, { track, seen: false });
      // A backup codec's sender is for a track of its own.
      preferCodec(publisher.pc, sender, (name === 'createSender' ? track : (rest[0] as Track)).codec);
      return sender;
    } as Engine['createSender'];
  }
}

/** Most that a publication waits for the end of another, in ms. */
const STOPPED_MS = 1000;

/**
 * Waits until what was unpublished has left the session, which takes a negotiation. Its m-line can be recycled then; otherwise the
 * publication would get another m-line, and two would take turns.
 */
async function stopped(pool: Pool): Promise<void> {
  for (const end = performance.now() + STOPPED_MS; performance.now() < end;) {
    const { releasing, stopping } = pool.stats();
    if (releasing + stopping === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Offers `codec` first. livekit-client leaves the order to the server, which looks for the new m-line behind those that it knows:
 * on a recycled m-line that is not the last of its kind, it would answer with the browser's first codec.
 */
function preferCodec(pc: RTCPeerConnection, sender: RTCRtpSender, codec: string | undefined): void {
  const all = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const mimeType = `video/${codec}`.toLowerCase();
  const wanted = all.filter((each) => each.mimeType.toLowerCase() === mimeType);
  if (wanted.length === 0) return;
  const transceiver = pc.getTransceivers().find((each) => each.sender === sender);
  transceiver?.setCodecPreferences([...wanted, ...all.filter((each) => !wanted.includes(each))]);
}

/** The pool of the connection that a room publishes by now, for statistics and tests. */
export function poolOf(room: Room): Pool | undefined {
  const publisher = (room.engine as unknown as Engine | undefined)?.pcManager?.publisher;
  return publisher && pools.get(publisher);
}

/** Which track a sender was made for, and whether it was seen to be that track's. */
type Users = Map<RTCRtpSender, { readonly track: Track; seen: boolean }>;
const usersOf = new WeakMap<Transport, Users>();

/** Every way in which livekit-client gets a sender, or gives it up, leads through these methods of its transport. */
function adopt(publisher: Transport, options?: ReleaseOptions): Users {
  const known = usersOf.get(publisher);
  if (known) return known;
  const { pc, addTransceiver, removeTrack, negotiate, close } = publisher;
  const pool = new TransceiverPool(pc, options);
  const users: Users = new Map();
  pools.set(publisher, pool);
  usersOf.set(publisher, users);

  const release = async (sender: RTCRtpSender) => {
    users.delete(sender);
    const transceiver = pc.getTransceivers().find((each) => each.sender === sender);
    if (!transceiver) return;
    const { needsNegotiation } = await pool.release(transceiver);
    // livekit-client makes an offer at once, without waiting for this: it may have been too early for the stop.
    if (needsNegotiation) await publisher.negotiate(() => {});
  };
  // It fails for what was published before the pool was there, and where the connection was closed meanwhile.
  const released = (sender: RTCRtpSender) => void release(sender).catch(() => {});
  // livekit-client waits for it, for React Native's is asynchronous.
  publisher.addTransceiver = async (track, init) => {
    // Placeholders of what it will receive are not the pool's.
    if (!(track instanceof MediaStreamTrack)) return addTransceiver.call(publisher, track, init);
    await stopped(pool);
    const { streams = [], sendEncodings } = init;
    const { transceiver } = await pool.acquire(track, { streams, ...(sendEncodings && { sendEncodings }) });
    return transceiver;
  };
  publisher.removeTrack = (sender) => {
    removeTrack.call(publisher, sender);
    released(sender);
  };
  publisher.negotiate = (onError) => {
    // While a connection has failed, it forgets senders without removing them.
    for (const [sender, user] of users) {
      const { track } = user;
      const owns =
        track.sender === sender || [...(track.simulcastCodecs?.values() ?? [])].some((each) => each.sender === sender);
      if (user.seen && !owns) released(sender);
      user.seen ||= owns;
    }
    return negotiate.call(publisher, onError);
  };
  publisher.close = () => {
    pool.dispose();
    users.clear();
    close.call(publisher);
  };
  return users;
}
