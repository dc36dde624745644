/**
 * What went wrong, for programs.
 *
 * - `invalid-argument`: an argument has the wrong type or a value out of range.
 * - `closed`: the connection is closed, or was closed meanwhile.
 * - `disposed`: the pool is disposed, or was disposed meanwhile.
 * - `pool-exists`: the connection has a pool already.
 * - `track-ended`: the track is over, or ended meanwhile; it would never send anything.
 * - `track-in-use`: a sender of this connection has the track already, or is about to get it.
 * - `foreign`: the transceiver does not come from this pool, or the sender not from this connection.
 * - `not-leased`: the transceiver is the pool's, but no caller has it now: released already, or not handed out yet.
 * - `refused`: the connection refused to make a transceiver of this kind; `cause` is its own error.
 */
export type TransceiverPoolErrorCode =
  | 'invalid-argument'
  | 'closed'
  | 'disposed'
  | 'pool-exists'
  | 'track-ended'
  | 'track-in-use'
  | 'foreign'
  | 'not-leased'
  | 'refused';

/** Every error that a pool rejects with. Compare `code`, not the message. */
export class TransceiverPoolError extends Error {
  override readonly name = 'TransceiverPoolError';
  /** What went wrong, for programs. */
  readonly code: TransceiverPoolErrorCode;

  /** @param options `cause`: the error that led to this one. */
  constructor(code: TransceiverPoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const closed = (): TransceiverPoolError =>
  new TransceiverPoolError('closed', 'the connection is closed: nothing sends any more');
