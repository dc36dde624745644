import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Ffi from '@livekit/rtc-ffi-bindings';
import type * as Rtc from '@livekit/rtc-node';
import { NarrowcastError } from '../errors.js';
import { isSecondCopy } from './rtc-node-files.js';

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
  /** Version of the bindings, and so of the engine. */
  readonly engineVersion: string;
}

let loaded: Bindings | undefined;

const REGISTERED = Symbol.for('narrowcast.livekit.register');
const IMPORTED = Symbol.for('narrowcast.livekit.imported');
/**
 * Where `narrowcast/livekit/register` leaves the file of the rtc-node that the program has loaded, and the ES module
 * `narrowcast/livekit` (scripts/build-dist.mjs) that it was loaded.
 */
const shared = globalThis as { [REGISTERED]?: { rtcNode?: string }; [IMPORTED]?: true };

/**
 * Loads the application's own LiveKit packages. They are the application's choice, so they are looked for from where
 * narrowcast is installed, from the program's main file and from the working directory, in this order.
 *
 * @throws {NarrowcastError} `ENGINE_NOT_FOUND`, `ENGINE_INCOMPATIBLE`
 */
export function loadBindings(): Bindings {
  return (loaded ??= findBindings());
}

function findBindings(): Bindings {
  const registered = shared[REGISTERED]?.rtcNode;
  const rtcPath = registered ?? resolveRtcNode();
  const fromRtc = createRequire(rtcPath);
  // First, and not the CommonJS copy, of which this program would have to load every file for nothing.
  const imported = registered === undefined ? copyForImport(fromRtc, rtcPath) : undefined;
  const rtc = imported ?? importPackage<typeof Rtc>(fromRtc, rtcPath, '@livekit/rtc-node');
  const ffi = importPackage<typeof Ffi>(fromRtc, '@livekit/rtc-ffi-bindings', '@livekit/rtc-ffi-bindings');
  return {
    rtc,
    ffi,
    enginePath: engineFile(fromRtc, ffi),
    rtcVersion: versionOf(rtcPath, '@livekit/rtc-node'),
    engineVersion: versionOf(fromRtc.resolve('@livekit/rtc-ffi-bindings'), '@livekit/rtc-ffi-bindings'),
  };
}

function resolveRtcNode(): string {
  const main = process.argv[1];
  const bases = [import.meta.url, ...(main ? [pathToFileURL(main)] : []), pathToFileURL(join(process.cwd(), '_'))];
  for (const base of bases) {
    try {
      return createRequire(base).resolve('@livekit/rtc-node');
    } catch {
      // Not from here.
    }
  }
  throw new NarrowcastError(
    'ENGINE_NOT_FOUND',
    '@livekit/rtc-node is not installed, and narrowcast/livekit needs it: `npm install @livekit/rtc-node`',
  );
}

/**
 * The rtc-node whose classes a program has that imports it: the frames that it gets have to be of these. Looked for only
 * where narrowcast was imported, for whoever does so is such a program; and only where rtc-node has two copies.
 * Undefined also where Node can't `require` an ES module: before 20.19, frames are then of the other copy's classes.
 */
function copyForImport(fromRtc: NodeJS.Require, rtcPath: string): typeof Rtc | undefined {
  if (!shared[IMPORTED] && import.meta.url.endsWith('.cjs')) return undefined;
  try {
    const file = rtcPath.replace(/\.cjs$/, '.js');
    return isSecondCopy(file, readFileSync(file, 'utf8')) ? (fromRtc(file) as typeof Rtc) : undefined;
  } catch {
    return undefined;
  }
}

function importPackage<T>(from: NodeJS.Require, path: string, name: string): T {
  try {
    return from(path) as T;
  } catch (cause) {
    throw new NarrowcastError(
      'ENGINE_NOT_FOUND',
      `${name} is installed, but does not load on ${process.platform} ${process.arch}: LiveKit ships its engine for ` +
        'Linux x64 and arm64 (glibc), macOS x64 and arm64, and Windows x64; install it there, with its optional ' +
        'dependencies',
      { cause },
    );
  }
}

/**
 * The file that the bindings' functions came from. Another copy of the same library would be a second engine that knows
 * nothing of the first one's handles, so it is recognized by its exports, not by a name.
 */
function engineFile(from: NodeJS.Require, ffi: typeof Ffi): string {
  const { livekitFfiRequest } = ffi;
  for (const [path, module] of Object.entries(from.cache)) {
    const exports = module?.exports as Partial<typeof Ffi> | undefined;
    if (path.endsWith('.node') && livekitFfiRequest && exports?.livekitFfiRequest === livekitFfiRequest) return path;
  }
  throw new NarrowcastError(
    'ENGINE_INCOMPATIBLE',
    'the native library of @livekit/rtc-ffi-bindings is not among the loaded modules: it is loaded in a way that ' +
      'narrowcast does not know; install @livekit/rtc-node 0.13.25 or newer, unbundled',
  );
}

function versionOf(entry: string, name: string): string {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const json = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (json.name === name && json.version) return json.version;
    } catch {
      // No package.json in this folder.
    }
  }
  return 'unknown';
}
