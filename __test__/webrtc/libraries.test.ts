import wrtc from '@roamhq/wrtc';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import * as werift from 'werift';
import { TransceiverPool, type TransceiverPoolOptions } from '../../src/webrtc/index.js';

// Descriptions are exchanged without candidates: nothing leaves this process.
const withoutCandidates = (sdp: string) => sdp.replaceAll(/^a=(candidate|end-of-candidates).*\r\n/gm, '');
const sections = (sdp: string | undefined) => sdp?.match(/^m=/gm)?.length;

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
const opened = <T extends { close(): unknown }>(connection: T): T => {
  open.push(connection);
  return connection;
};

/** A server that tells its clients an address, on this machine's loopback; its port. RFC 8489. */
async function stunServer(): Promise<number> {
  const socket = opened(createSocket('udp4'));
  socket.on('message', (request, { port }) => {
    const response = Buffer.alloc(32);
    request.copy(response, 4, 4, 20); // cookie and transaction
    response.writeUInt16BE(0x0101, 0); // success
    response.writeUInt16BE(12, 2);
    response.writeUInt16BE(0x0020, 20); // XOR-MAPPED-ADDRESS
    response.writeUInt16BE(8, 22);
    response.writeUInt16BE(1, 24); // IPv4
    response.writeUInt16BE(port ^ 0x2112, 26);
    response.writeUInt32BE((0x7f000001 ^ 0x2112a442) >>> 0, 28);
    socket.send(response, port, '127.0.0.1');
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

describe('@roamhq/wrtc', () => {
  const setUp = (options?: TransceiverPoolOptions) => {
    const [pc, other] = [opened(new wrtc.RTCPeerConnection()), opened(new wrtc.RTCPeerConnection())];
    const pool = new TransceiverPool(pc, options);
    const negotiate = async () => {
      const offer = await pc.createOffer();
      await pc.setLocalDescription(offer);
      await other.setRemoteDescription({ type: 'offer', sdp: withoutCandidates(offer.sdp!) });
      const answer = await other.createAnswer();
      await other.setLocalDescription(answer);
      await pc.setRemoteDescription({ type: 'answer', sdp: withoutCandidates(answer.sdp!) });
    };
    return { pc, pool, negotiate };
  };
  const videoTrack = () => new wrtc.nonstandard.RTCVideoSource().createTrack();
  const audioTrack = () => new wrtc.nonstandard.RTCAudioSource().createTrack();

  it.each([
    ['audio', audioTrack],
    ['video', videoTrack],
  ] as const)('uses the transceiver of %s again', async (_, track) => {
    const { pc, pool, negotiate } = setUp({ reuse: 'sender' });
    for (let cycle = 0; cycle < 5; cycle++) {
      const mine = track();
      const { transceiver, reused } = await pool.acquire(mine);
      expect([reused, transceiver.sender.track]).toEqual([cycle > 0, mine]);
      await negotiate();
      expect(transceiver.currentDirection).toBe('sendonly');
      // It has no page, and cannot change parameters after a negotiation.
      expect(await pool.release(transceiver)).toEqual({ needsNegotiation: true, freed: 'none' });
      await negotiate();
      expect(transceiver.currentDirection).toBe('inactive');
      mine.stop();
    }
    expect([pc.getTransceivers().length, sections(pc.localDescription?.sdp)]).toEqual([1, 1]);
  });

  it('gets a new sender each time, on the m-line of the last, behind an m-line of another', async () => {
    const { pc, pool, negotiate } = setUp();
    pc.createDataChannel('first');
    await negotiate();
    for (let cycle = 0; cycle < 3; cycle++) {
      const { transceiver, reused } = await pool.acquire(videoTrack());
      expect(reused).toBe(false);
      await negotiate();
      expect(await pool.release(transceiver)).toEqual({ needsNegotiation: true, freed: 'stopped' });
      await negotiate();
    }
    expect(sections(pc.localDescription?.sdp)).toBe(2);
    expect(pool.stats()).toMatchObject({ created: 3, stopping: 0, anchors: 0 });
  });

  it('keeps the first m-line, and does not stop it', async () => {
    const { pc, pool, negotiate } = setUp();
    const { transceiver } = await pool.acquire(audioTrack());
    await negotiate();
    expect(await pool.release(transceiver)).toEqual({ needsNegotiation: true, freed: 'none' });
    await negotiate();
    expect([transceiver.currentDirection, pool.stats().anchors, pool.check()]).toEqual(['inactive', 1, []]);
    expect(pc.getTransceivers()).toHaveLength(1);
  });

  it('says so when it is closed', async () => {
    const { pc, pool } = setUp();
    const { transceiver } = await pool.acquire(audioTrack());
    pc.close();
    await expect(pool.acquire(audioTrack())).rejects.toMatchObject({ code: 'closed' });
    await expect(pool.release(transceiver)).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('werift', () => {
  it('uses a transceiver again', async () => {
    const configuration = {
      // Without one, it would ask Google's.
      iceServers: [{ urls: `stun:127.0.0.1:${await stunServer()}` }],
      iceUseIpv6: false,
      iceInterfaceAddresses: { udp4: '127.0.0.1' },
    };
    const pc = opened(new werift.RTCPeerConnection(configuration));
    const other = opened(new werift.RTCPeerConnection(configuration));
    const pool = new TransceiverPool(pc, { reuse: 'sender' });
    const negotiate = async () => {
      await pc.setLocalDescription(await pc.createOffer());
      await other.setRemoteDescription({ type: 'offer', sdp: withoutCandidates(pc.localDescription!.sdp) });
      await other.setLocalDescription(await other.createAnswer());
      await pc.setRemoteDescription({ type: 'answer', sdp: withoutCandidates(other.localDescription!.sdp) });
    };
    for (let cycle = 0; cycle < 3; cycle++) {
      const track = new werift.MediaStreamTrack({ kind: 'audio' });
      const { transceiver, reused } = await pool.acquire(track);
      expect([reused, transceiver.direction]).toEqual([cycle > 0, 'sendonly']);
      await negotiate();
      expect(await pool.release(transceiver)).toMatchObject({ freed: 'none' });
      expect(transceiver.direction).toBe('inactive');
      await negotiate();
    }
    expect([pc.getTransceivers().length, sections(pc.localDescription?.sdp)]).toEqual([1, 1]);
  });
});
