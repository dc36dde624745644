// What a program of this folder runs on, by its first argument: `plain` is rtc-node as it is, `narrowcast` is rtc-node with
// narrowcast installed and its classes in place of rtc-node's own, as `register` does it.
import * as ffi from '@livekit/rtc-ffi-bindings';
import * as rtc from '@livekit/rtc-node';
import * as ours from '../../support/engine-meeting.mjs';
import { turn } from '../../support/wait.mjs';

export { native } from '../../support/engine-meeting.mjs';
export { block, turn, until } from '../../support/wait.mjs';

export const narrowcast = process.argv[2] === 'narrowcast';

/** Every event that JavaScript has decoded: each was a wake, or a part of one, and a call of @bufbuild/protobuf. */
export const decoded = [];
const { fromBinary } = ffi.FfiEvent;
ffi.FfiEvent.fromBinary = (...args) => {
  const event = fromBinary.apply(ffi.FfiEvent, args);
  decoded.push(event.message);
  return event;
};

/** Undefined on the plain side. */
export const engine = narrowcast ? ours.install() : undefined;
export const { AudioResampler, AudioSource, AudioStream } = narrowcast ? ours : rtc;

/** The decoded events of one case. */
export const decodedOf = (name) => decoded.filter((message) => message.case === name);

/** Ids of the frames that JavaScript was handed, and so has to drop. */
export const framesDecoded = () =>
  decodedOf('audioStreamEvent')
    .map(({ value }) => value.message.value.frame?.handle.id)
    .filter((id) => id !== undefined);

/** How many of these handles the engine still knows. Asking drops them. */
export function known(handles) {
  return handles.filter((id) => {
    try {
      new ffi.FfiHandle(id).dispose();
      return true;
    } catch {
      return false;
    }
  }).length;
}

/** How many listen to every event. */
export const listeners = () => globalThis._ffiClientInstance?.listenerCount('ffi_event') ?? 0;

/** A track of the engine's own in this process, whose frames are played at once. */
export function openTrack() {
  const source = new AudioSource(16_000, 1, 0);
  return { source, track: rtc.LocalAudioTrack.createAudioTrack('track', source) };
}

/** 10 ms for such a track. */
export const frame = () => rtc.AudioFrame.create(16_000, 1, 160);

/** How many of these `WeakRef`s still have their object when nothing more is collected, or no more than `enough` have. */
export async function notCollected(refs, enough = 0) {
  let left = Infinity;
  for (let turns = 0; turns < 200 && left > enough; turns++) {
    // What a WeakRef gave stays until the turn ends.
    await turn();
    gc();
    left = refs.filter((ref) => ref.deref()).length;
  }
  return left;
}

/** Tells the test what was found, and ends. */
export function report(found) {
  process.stdout.write(JSON.stringify(found), () => process.exit());
}
