// narrowcast on another engine: the audio of a werift track into an AudioStream, and an AudioStreamTrack into a werift track. Opus is
// opusscript's: libopus as WebAssembly, within its npm package (MIT; libopus is BSD-3-Clause).
import { createRequire } from 'node:module';
import { AudioStream } from 'narrowcast';
import { RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { loopbackStun } from './loopback-stun.mjs';

const OpusScript = createRequire(import.meta.url)('opusscript');

/** RTP's clock for Opus, whatever the sample rate is, in Hz. */
const CLOCK = 48_000;
const PAYLOAD_TYPE = 111;
/** A longer gap is no loss: the other side had sent nothing. In RTP's clock. */
const LONGEST_LOSS = CLOCK / 2;

const OPUS = new RTCRtpCodecParameters({
  mimeType: 'audio/opus',
  clockRate: CLOCK,
  channels: 2, // always, says RFC 7587
  payloadType: PAYLOAD_TYPE,
});

/** A connection within this machine: name a STUN server of yours, and leave out the lines after it, to talk to others. */
export async function connect() {
  return new RTCPeerConnection({
    codecs: { audio: [OPUS] },
    iceServers: [{ urls: await loopbackStun() }],
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceInterfaceAddresses: { udp4: '127.0.0.1' },
  });
}

/**
 * What comes in on a werift track, as an AudioStream. Lost packets are silence of their length, so that positions stay true;
 * a packet that comes too late is left out, and counted.
 *
 * @param {import('werift').MediaStreamTrack} incoming
 * @param {{ sampleRate?: 8000 | 12000 | 16000 | 24000 | 48000 } & import('narrowcast').AudioStreamOptions} [options] the rate at which Opus
 *   decodes: nothing is resampled
 */
export function listenTo(incoming, { sampleRate = 16_000, ...options } = {}) {
  const decoder = new OpusScript(sampleRate, 1);
  const stream = new AudioStream({ ...options, sampleRate, numChannels: 1 });
  const counts = { packets: 0, late: 0, lostMs: 0 };
  /** The timestamp that follows. */
  let next;
  const { unSubscribe } = incoming.onReceiveRtp.subscribe(({ header, payload }) => {
    if (payload.length === 0) return;
    counts.packets++;
    const ahead = next === undefined ? 0 : (header.timestamp - next) | 0; // it wraps around at 2^32
    if (ahead < 0) {
      counts.late++;
      return;
    }
    if (ahead > 0 && ahead <= LONGEST_LOSS) {
      counts.lostMs += (1000 * ahead) / CLOCK;
      stream.write(new Int16Array(Math.round((ahead * sampleRate) / CLOCK)));
    }
    const pcm = decoder.decode(payload); // a Buffer of 16-bit samples
    stream.write(pcm);
    next = (header.timestamp + (pcm.length / 2) * (CLOCK / sampleRate)) >>> 0;
  });
  const end = () => {
    unSubscribe();
    if (!decoder.deleted) decoder.delete();
    decoder.deleted = true;
    stream.close();
  };
  return { stream, counts, end };
}

/**
 * Sends what an AudioStreamTrack of 48 kHz and 20 ms says, each frame when it is due and silence in between, until the track is
 * stopped.
 *
 * @param {import('narrowcast').AudioStreamTrack} track
 * @param {import('werift').MediaStreamTrack} outgoing
 */
export async function send(track, outgoing) {
  const encoder = new OpusScript(CLOCK, 1, OpusScript.Application.VOIP);
  const ssrc = 1 + Math.floor(Math.random() * 0xffff_fffe);
  try {
    for (let sequenceNumber = 0; ; sequenceNumber = (sequenceNumber + 1) & 0xffff) {
      const { data, pts } = await track.recv();
      const payload = encoder.encode(Buffer.from(data.buffer, data.byteOffset, data.byteLength), data.length);
      const header = new RtpHeader({ payloadType: PAYLOAD_TYPE, sequenceNumber, timestamp: pts >>> 0, ssrc });
      outgoing.writeRtp(new RtpPacket(header, payload));
    }
  } catch (error) {
    if (error.code !== 'CLOSED') throw error;
  } finally {
    encoder.delete();
  }
}
