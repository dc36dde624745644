import type { BlankTrack } from './blank-track.js';
import { sleep, Unsettled } from './timeout.js';
import type { ParametersLike, SenderLike } from './standard.js';

/** Frames that a blank track is asked for: the first can come before the encoder looks at its new source. */
const FRAMES = 3;

/**
 * Makes a sender's encoders let go of their memory while the sender stays usable: with all its encodings inactive, and
 * frames of a few pixels, the encoders are built anew, next to nothing. `replaceTrack(null)` alone frees nothing. The
 * sender keeps the blank track, which is over then.
 *
 * @param settle waits for a call to the connection
 * @returns whether it was done; false where the implementation refuses, or no blank track can be made
 * @throws Unsettled as `settle` does
 */
export async function shrink(
  sender: SenderLike,
  blankTrack: () => BlankTrack,
  ms: number,
  settle: <T>(promise: T | PromiseLike<T>) => Promise<T>,
): Promise<boolean> {
  let blank: BlankTrack | undefined;
  try {
    blank = blankTrack();
    const parameters = sender.getParameters() as ParametersLike;
    for (const encoding of parameters.encodings) encoding.active = false;
    await settle(sender.setParameters(parameters));
    await settle(sender.replaceTrack(blank));
    for (let i = 0; i < FRAMES; i++) {
      blank.paint?.();
      await sleep(ms / FRAMES);
    }
    return true;
  } catch (error) {
    if (error instanceof Unsettled) throw error;
    return false;
  } finally {
    blank?.stop?.();
  }
}
