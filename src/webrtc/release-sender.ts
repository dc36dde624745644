import { canvasTrack } from './blank-track.js';
import { closed, TransceiverPoolError } from './errors.js';
import { invalid, settings, type Released, type ReleaseOptions } from './options.js';
import { within } from './timeout.js';
import { end, endIsUnknown, needsSilence, silence } from './retire.js';
import type { PeerConnectionLike, TransceiverOf } from './standard.js';

/**
 * Gives a sender's memory back at unpublish, without a pool: its transceiver is stopped, and a later one of the connection
 * gets its m-line. The first m-line of the BUNDLE group is never stopped, for others use its transport: that transceiver is
 * made tiny and inactive. The track goes on: it is the caller's. It never negotiates.
 *
 * @throws {TransceiverPoolError} `invalid-argument`; `foreign`: no transceiver of this connection has the sender; `closed`
 */
export async function releaseSender<PC extends PeerConnectionLike>(
  pc: PC,
  sender: TransceiverOf<PC>['sender'],
  options: ReleaseOptions = {},
): Promise<Released> {
  if (typeof (pc as Partial<PC> | null)?.getTransceivers !== 'function') {
    throw invalid('pc', pc, 'an RTCPeerConnection');
  }
  const { free, shrinkMs, settleMs } = settings(options);
  const isClosed = () => pc.signalingState === 'closed';
  if (isClosed()) throw closed();
  const transceiver = pc.getTransceivers().find((each) => each.sender === sender);
  if (!transceiver) {
    throw new TransceiverPoolError('foreign', 'no transceiver of this connection has the sender: pass one of its own');
  }
  const kind = transceiver.receiver?.track?.kind ?? sender.track?.kind;
  let shrunk = false;
  if (needsSilence(pc, transceiver, kind, free)) {
    const blankVideoTrack = options.blankVideoTrack ?? canvasTrack;
    const wait = <T>(promise: T | PromiseLike<T>) => within(settleMs, isClosed, promise);
    shrunk = (await silence(pc, transceiver, kind, { shrinkMs, blankVideoTrack, within: wait })) === 'shrunk';
    if (isClosed()) throw closed();
  }
  const stopped = end(pc, transceiver);
  const freed = shrunk ? 'shrunk' : stopped ? 'stopped' : 'none';
  return { needsNegotiation: endIsUnknown(pc, transceiver), freed };
}
