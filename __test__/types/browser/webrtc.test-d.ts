// What the compiler of a page sees of narrowcast/webrtc. Never run: `tsc` is the test.
import { TransceiverPool, type AcquireOptions, type Lease, type TransceiverPoolOptions } from 'narrowcast/webrtc';
import { a, same, takes } from '../support.js';

const pool = new TransceiverPool(new RTCPeerConnection());
const lease = await pool.acquire(a<MediaStreamTrack>(), {
  streams: [new MediaStream()],
  sendEncodings: [{ rid: 'q', maxBitrate: 100_000 }, { rid: 'f' }],
  codecs: RTCRtpSender.getCapabilities('video')!.codecs,
  profile: 'encrypted',
});
same<typeof lease, Lease<RTCPeerConnection>>();
same<typeof lease.transceiver, RTCRtpTransceiver>();
await pool.release(lease.transceiver);
takes<TransceiverPool<RTCPeerConnection>>(pool);

takes<TransceiverPoolOptions>({ blankVideoTrack: () => a<MediaStreamTrack>() });
takes<TransceiverPoolOptions>({ blankVideoTrack: () => Object.assign(a<MediaStreamTrack>(), { paint() {} }) });
// @ts-expect-error not a track
takes<TransceiverPoolOptions>({ blankVideoTrack: () => new MediaStream() });
// @ts-expect-error no such limit
takes<AcquireOptions<RTCPeerConnection>>({ sendEncodings: [{ rid: 'q', maxBitrate: '100' }] });
// @ts-expect-error tracks are no streams
takes<AcquireOptions<RTCPeerConnection>>({ streams: [a<MediaStreamTrack>()] });
// @ts-expect-error a kind is no track
await pool.acquire('video');
// @ts-expect-error a sender is no transceiver
await pool.release(lease.transceiver.sender);
