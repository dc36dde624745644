import type { PeerConnectionLike, TransceiverLike } from './standard.js';

/**
 * Whether a transceiver has the first m-line of the BUNDLE group, the anchor. All m-lines of the group use its
 * transport: stopping it makes the browser start ICE and DTLS anew for every other one, so it must never be stopped.
 */
export function isAnchor(pc: PeerConnectionLike, { mid }: TransceiverLike): boolean {
  if (mid === null || mid === undefined) return false;
  // A pending offer can be the first one; the current description has what was agreed on.
  return [pc.localDescription, pc.currentLocalDescription].some(
    (description) => /^a=group:BUNDLE (\S+)/m.exec(description?.sdp ?? '')?.[1] === mid,
  );
}
