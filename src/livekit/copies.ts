import type * as Rtc from '@livekit/rtc-node';
import { loadBindings, requireSecondCopy } from './bindings.js';
import { engineOfHandle, secondEngine } from './engine-files.js';
import { loadedModules, loadedRtcNodes, resolveRtcNodes } from './find-rtc-node.js';
import { trackOf } from './track.js';

/** The classes of one copy of rtc-node that narrowcast makes frames of. */
export type RtcClasses = Pick<typeof Rtc, 'AudioFrame' | 'Track' | 'VideoFrame'>;

/** Under this name, a class of narrowcast's has the copy of rtc-node that it stands in for; none: see {@link copyOf}. */
export const COPY: unique symbol = Symbol('narrowcast.rtc-node');

/** The copies that tracks of this thread were of so far. */
const seen: RtcClasses[] = [];

/**
 * The copy of rtc-node that a track is of: its user gets frames of that copy's classes. An application may have several
 * copies, one for itself and one in a package that asks for another version.
 *
 * @throws {NarrowcastError} `ENGINE_INCOMPATIBLE` if that copy has another engine than the one at work
 */
export function copyOf(track: Rtc.Track): RtcClasses {
  const known = seen.find(({ Track }) => track instanceof Track);
  if (known) return known;
  // One of no copy that is known here gets the usual frames: a stand-in for a track, in a test.
  const found = copyWith(track) ?? loadBindings().rtc;
  if (track instanceof found.Track) seen.push(found);
  return found;
}

function copyWith(track: object): RtcClasses | undefined {
  const { rtc, enginePath } = loadBindings();
  const engine = engineOfHandle(trackOf(track as Rtc.Track).ffi_handle);
  if (engine !== undefined && engine !== enginePath) throw secondEngine(enginePath, engine);
  const isOf = (copy: Partial<RtcClasses> | undefined) =>
    typeof copy?.Track === 'function' && track instanceof copy.Track;
  const loaded = loadedRtcNodes();
  return (
    [rtc, ...loaded.map((file) => loadedModules[file]?.exports as RtcClasses | undefined)].find(isOf) ??
    // Before 0.13.33, an ES module that was imported is another copy beside a CommonJS one.
    [...loaded, ...resolveRtcNodes()].map(requireSecondCopy).find(isOf)
  );
}
