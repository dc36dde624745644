// The page that receives, in a process of its own.

import type { ReceiverCalls } from '../calls.js';
import { gathered, onlyThisMachine } from './sdp.js';

let pc: RTCPeerConnection | undefined;

export const calls: ReceiverCalls = {
  open: () => {
    pc = new RTCPeerConnection();
  },
  answer: async (offer) => {
    const connection = pc!;
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await connection.setLocalDescription();
    await gathered(connection);
    return onlyThisMachine(connection.localDescription!.sdp);
  },
  received: async () => {
    const received: Record<string, number> = {};
    for (const { currentDirection, mid, receiver } of pc!.getTransceivers()) {
      if (currentDirection !== 'recvonly') continue;
      received[mid!] = 0;
      for (const report of (await receiver.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue;
        received[mid!] = report.kind === 'video' ? report.framesDecoded : report.packetsReceived;
      }
    }
    return received;
  },
  close: () => {
    pc?.close();
    pc = undefined;
  },
};

Object.assign(globalThis, { calls });
