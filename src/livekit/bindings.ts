import { createRequire } from 'node:module';
import type * as Ffi from '@livekit/rtc-ffi-bindings';
import type * as Rtc from '@livekit/rtc-node';
import { NarrowcastError } from '../errors.js';
import { manifestOf } from '../manifest.js';
import { findRtcNode, loadedEngineOf } from './engine-files.js';
import { secondCopyBeside } from './find-rtc-node.js';
import { loadFailure } from './load-failure.js';
import { claimEngine } from './one-version.js';

/** What of the application's LiveKit packages this thread uses. */
export interface Bindings {
  /** `@livekit/rtc-node`. */
  readonly rtc: typeof Rtc;
  /** `@livekit/rtc-ffi-bindings`, the copy that this rtc-node uses. */
  readonly ffi: typeof Ffi;
  /** The native library that these bindings loaded: the engine. */
  readonly enginePath: string;
  /** Version of rtc-node. */
  readonly rtcVersion: string;
  /** Version of the engine's own package. */
  readonly engineVersion: string;
}

let loaded: Bindings | undefined;

const REGISTERED = Symbol.for('narrowcast.livekit.register');
const IMPORTED = Symbol.for('narrowcast.livekit.imported');
/** Left by `narrowcast/livekit/register`, and by the ES module `narrowcast/livekit` (scripts/build-dist.mjs). */
const shared = globalThis as { [REGISTERED]?: { readonly active: boolean }; [IMPORTED]?: true };

/**
 * Loads the application's own LiveKit packages, see {@link findRtcNode}.
 *
 * @throws {NarrowcastError} `ENGINE_NOT_FOUND`, `ENGINE_INCOMPATIBLE`, `VERSION_MISMATCH`
 */
export function loadBindings(): Bindings {
  if (loaded) return loaded;
  const found = findBindings();
  // To load rtc-node under the flag installs narrowcast, which has loaded the bindings by now.
  return (loaded ??= found);
}

function findBindings(): Bindings {
  claimEngine();
  const rtcPath = findRtcNode();
  const fromRtc = createRequire(rtcPath);
  // First, and not the CommonJS copy: the program would have to load all its files in vain.
  let rtc: typeof Rtc, ffi: typeof Ffi;
  try {
    rtc = copyForImport(rtcPath) ?? (fromRtc(rtcPath) as typeof Rtc);
    ffi = fromRtc('@livekit/rtc-ffi-bindings') as typeof Ffi;
  } catch (cause) {
    throw loadFailure(rtcPath, cause);
  }
  // Another copy of the same library would be a second engine that knows nothing of the first one's handles.
  const enginePath = loadedEngineOf(fromRtc.resolve('@livekit/rtc-ffi-bindings'));
  if (enginePath === undefined) {
    throw new NarrowcastError(
      'ENGINE_INCOMPATIBLE',
      'the native library of @livekit/rtc-ffi-bindings is not among the loaded modules: it is loaded in a way that ' +
        'narrowcast does not know; install @livekit/rtc-node 0.13.25 or newer, unbundled',
    );
  }
  return {
    rtc,
    ffi,
    enginePath,
    rtcVersion: manifestOf(rtcPath, '@livekit/rtc-node')?.version ?? 'unknown',
    engineVersion: manifestOf(enginePath)?.version ?? 'unknown',
  };
}

/**
 * The rtc-node whose classes a program has that imports it: the frames that it gets have to be of these. Looked for only
 * where the program has imported narrowcast, and where rtc-node has two copies that `register` does not make one.
 * Undefined also where Node can't `require` an ES module: before 20.19, frames are then of the other copy's classes.
 */
function copyForImport(rtcPath: string): typeof Rtc | undefined {
  if (shared[REGISTERED]?.active || (!shared[IMPORTED] && import.meta.url.endsWith('.cjs'))) return undefined;
  return requireSecondCopy(rtcPath);
}

/** The second, ES module copy of a rtc-node before 0.13.33, if this Node can `require` it. */
export function requireSecondCopy(rtcPath: string): typeof Rtc | undefined {
  const file = secondCopyBeside(rtcPath);
  try {
    return file === undefined ? undefined : (createRequire(rtcPath)(file) as typeof Rtc);
  } catch {
    return undefined;
  }
}
