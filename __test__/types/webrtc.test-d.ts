// What a user's compiler sees of narrowcast/webrtc without the DOM's types. Never run: `tsc` is the test.
import {
  TransceiverPool,
  TransceiverPoolError,
  type PeerConnectionLike,
  type Released,
  type TransceiverPoolErrorCode,
  type TransceiverPoolOptions,
  type TransceiverPoolStats,
} from 'narrowcast/webrtc';
import type { MediaStreamTrack, RTCPeerConnection, RTCRtpTransceiver } from 'werift';
import { a, same, takes } from './support.js';

// Any connection will do; what it gives is what comes out.
takes<PeerConnectionLike>(a<RTCPeerConnection>());
const pool = new TransceiverPool(a<RTCPeerConnection>(), { free: 'stop', settleMs: 1000 });
const lease = await pool.acquire(a<MediaStreamTrack>());
same<typeof lease.transceiver, RTCRtpTransceiver>();
takes<boolean[]>([lease.reused, lease.needsNegotiation]);
same<Awaited<ReturnType<typeof pool.release>>, Released>();
await pool.release(a<RTCRtpTransceiver>());
same<ReturnType<typeof pool.stats>, TransceiverPoolStats>();
same<ReturnType<typeof pool.dispose>, void>();

// @ts-expect-error no connection
new TransceiverPool();
// @ts-expect-error not a connection
new TransceiverPool({});
// @ts-expect-error no such way
takes<TransceiverPoolOptions>({ free: 'nothing' });
// @ts-expect-error not a track
await pool.acquire({});
// @ts-expect-error not a transceiver
await pool.release(lease);

const { code } = a<TransceiverPoolError>();
same<typeof code, TransceiverPoolErrorCode>();
// @ts-expect-error no such code
takes<TransceiverPoolErrorCode>('CLOSED');
