// What a program leaves behind, asked in its end.
import { FfiHandle } from '@livekit/rtc-ffi-bindings';
import { AudioSource } from '@livekit/rtc-node';
import { sleep, trace } from './trace.mjs';

const say = trace('leftovers');

/** The engine counts its handles in one sequence: this is the first of the program's. */
const first = new AudioSource(48_000, 1, 0).ffiHandle;

/** How many listen to every event of the engine. */
export const listeners = () => globalThis._ffiClientInstance?.listenerCount('ffi_event') ?? 0;

/** Says what is left. Afterwards the engine can't be used any more: the handles that it still had are gone. */
export async function sayLeftovers() {
  for (let turn = 0; turn < 5; turn++) {
    gc();
    await sleep(2); // finalizers run
  }
  // rtc-node's stay where the server ended a room, and at its streams, which then wait for ever.
  say.atMost('listeners', listeners(), 0);
  // rtc-node loses those of frames that arrive while a stream is cancelled. narrowcast has a track of its own, and its
  // source, to ask the engine about; and whether a room hears of another's end before its own is a matter of chance.
  say.atMost('handles', handles(), 3);
}

/** How many handles the engine has. Asking for one drops it. */
function handles() {
  const last = new AudioSource(48_000, 1, 0).ffiHandle;
  let left = 0;
  for (let id = first.handle + 1n; id < last.handle; id++) {
    try {
      new FfiHandle(id).dispose();
      left++;
    } catch {
      // It is gone.
    }
  }
  last.dispose();
  first.dispose();
  return left;
}
