// The page that receives, in a process of its own.

import { onlyLoopback } from './sdp.js';

let pc: RTCPeerConnection | undefined;

/** What Node calls; see ../stage.ts. */
export const calls = {
  open: (): void => {
    pc = new RTCPeerConnection();
  },
  answer: async (offer: string): Promise<string> => {
    const connection = pc!;
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
    }
    return onlyLoopback(connection.localDescription!.sdp);
  },
  /** What has arrived of each section that receives now: frames decoded, or packets of audio, which is not played. */
  received: async (): Promise<Record<string, number>> => {
    const received: Record<string, number> = {};
    for (const transceiver of pc!.getTransceivers()) {
      if (transceiver.currentDirection !== 'recvonly') continue;
      received[transceiver.mid!] = 0;
      for (const report of (await transceiver.receiver.getStats()).values()) {
        if (report.type === 'inbound-rtp') {
          received[transceiver.mid!] = report.kind === 'video' ? report.framesDecoded : report.packetsReceived;
        }
      }
    }
    return received;
  },
  close: (): void => {
    pc?.close();
    pc = undefined;
  },
};

Object.assign(globalThis, { calls });
