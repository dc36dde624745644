import { isAnchor } from './anchor.js';
import type { BlankTrack } from './blank-track.js';
import { shrink } from './shrink.js';
import { isStopped, sends, setSending, type PeerConnectionLike, type TransceiverLike } from './standard.js';

/** How to free. */
export interface Freeing {
  readonly shrinkMs: number;
  readonly blankVideoTrack: () => BlankTrack;
  /** Waits for a call to the connection. */
  readonly within: <T>(promise: T | PromiseLike<T>) => Promise<T>;
}

/** Whether a transceiver must be silenced before its {@link end}, which takes time. What can't be stopped is in any case. */
export function needsSilence(
  pc: PeerConnectionLike,
  transceiver: TransceiverLike,
  kind: string | undefined,
  free: 'shrink' | 'stop',
): boolean {
  // Without an m-line there are no encoders; of a stopped transceiver nothing can be set.
  if (transceiver.mid === null || isStopped(transceiver)) return false;
  return (kind === 'video' && free === 'shrink') || isAnchor(pc, transceiver);
}

/** Makes the encoders tiny of a transceiver that sends no more; the anchor's sender lets go of its track. */
export async function silence(
  pc: PeerConnectionLike,
  transceiver: TransceiverLike,
  kind: string | undefined,
  { shrinkMs, blankVideoTrack, within }: Freeing,
): Promise<'shrunk' | 'silent' | 'failed'> {
  const { sender } = transceiver;
  try {
    // An offer that is made meanwhile says the truth.
    setSending(transceiver, false);
    const shrunk = kind === 'video' && (await shrink(sender, blankVideoTrack, shrinkMs, within));
    if (isAnchor(pc, transceiver)) await within(sender.replaceTrack(null));
    return shrunk ? 'shrunk' : 'silent';
  } catch {
    return 'failed';
  }
}

/** Stops a transceiver, or silences it if it is the anchor. Waits for nothing. @returns whether it is stopped */
export function end(pc: PeerConnectionLike, transceiver: TransceiverLike): boolean {
  if (isStopped(transceiver)) return true;
  if (!isAnchor(pc, transceiver)) {
    stop(transceiver);
    return true;
  }
  try {
    setSending(transceiver, false);
    // After a failure it may never settle, as a call before it.
    if (transceiver.sender.track) transceiver.sender.replaceTrack(null).catch(() => {});
  } catch {
    // Of a closed connection, which sends nothing.
  }
  return false;
}

export function stop(transceiver: TransceiverLike): void {
  try {
    transceiver.stop();
  } catch {
    // Of a closed connection: stopped already.
  }
}

/**
 * Whether the other side does not know yet that a transceiver sends no more, or still has the m-line of a stopped one.
 */
export function endIsUnknown({ signalingState }: PeerConnectionLike, transceiver: TransceiverLike): boolean {
  const { mid, currentDirection } = transceiver;
  if (isStopped(transceiver) && mid !== undefined) return mid !== null && currentDirection !== 'stopped';
  // Until a pending offer is answered, what was negotiated before is all that is known.
  return signalingState !== 'stable' || sends(currentDirection);
}
