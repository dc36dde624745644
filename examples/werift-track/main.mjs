// What an agent says, over WebRTC without LiveKit: PCM is written in one burst, an AudioStreamTrack paces it, and each of
// its frames becomes an RTP packet of a werift track. The other side is in this process, too; everything is on loopback.
//
//   npm install && npm start
import { AudioStreamTrack } from 'narrowcast';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { loopbackStun } from './loopback-stun.mjs';
import { decode, encode } from './mu-law.mjs';

const PCMU = new RTCRtpCodecParameters({ mimeType: 'audio/PCMU', clockRate: 8000, channels: 1, payloadType: 0 });
const stun = await loopbackStun();
const connect = () =>
  new RTCPeerConnection({
    codecs: { audio: [PCMU] },
    // Nothing but loopback; leave these out to talk to others.
    iceServers: [{ urls: stun }],
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceUseTcp: false,
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceInterfaceAddresses: { udp4: '127.0.0.1' },
  });

// ── the agent ────────────────────────────────────────────────────────────────────────────────────────────────────

const agent = connect();
const outgoing = new MediaStreamTrack({ kind: 'audio' });
agent.addTransceiver(outgoing, { direction: 'sendonly' });

const track = new AudioStreamTrack({ sampleRate: 8000 }); // frames of 20 ms, as PCMU has them

/** Sends every frame when it is due, silence where nothing is said, until the track is stopped. */
async function send() {
  for (let sequenceNumber = 0; ; sequenceNumber = (sequenceNumber + 1) & 0xffff) {
    const { data, pts } = await track.recv();
    const header = new RtpHeader({ payloadType: 0, sequenceNumber, timestamp: pts, ssrc: 1 });
    outgoing.writeRtp(new RtpPacket(header, encode(data)));
  }
}

// ── the other side ───────────────────────────────────────────────────────────────────────────────────────────────

const listener = connect();
const heard = { packets: 0, samples: 0, loud: 0, first: 0, last: 0 };
listener.onTrack.subscribe((incoming) => {
  incoming.onReceiveRtp.subscribe(({ payload }) => {
    const samples = decode(payload);
    const now = performance.now();
    heard.first ||= now;
    heard.last = now;
    heard.packets++;
    heard.samples += samples.length;
    heard.loud += samples.filter((sample) => Math.abs(sample) > 100).length;
  });
});

const connected = new Promise((resolve) => {
  agent.connectionStateChange.subscribe((state) => state === 'connected' && resolve());
});
await agent.setLocalDescription(await agent.createOffer());
await listener.setRemoteDescription(agent.localDescription);
await listener.setLocalDescription(await listener.createAnswer());
await agent.setRemoteDescription(listener.localDescription);
await connected;

// ── it speaks ────────────────────────────────────────────────────────────────────────────────────────────────────

const sending = send().catch((error) => {
  if (error.code !== 'CLOSED') throw error;
});
// Two seconds of a tone, as a speech synthesis gives it: all at once, in floating point, at a rate of its own.
const speech = Float32Array.from({ length: 48_000 }, (_, i) => 0.5 * Math.sin((i * 440 * 2 * Math.PI) / 24_000));
track.write({ data: speech, sampleRate: 24_000, channels: 1 }, { final: true });
await track.waitForPlayout();
track.stop();
await sending;

const ms = heard.last - heard.first;
console.log(`sent:     ${JSON.stringify(track.stats())}`);
console.log(`received: ${heard.packets} packets, ${heard.samples} samples, in ${ms.toFixed(0)} ms`);
console.log(`          ${((100 * heard.loud) / heard.samples).toFixed(1)} % of them are no silence`);
await Promise.all([agent.close(), listener.close()]);
