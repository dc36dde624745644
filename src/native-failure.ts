import { NarrowcastError } from './errors.js';
import { messageOf } from './report-error.js';

/** The oldest major version of Node that narrowcast runs on: package.json's `engines`. */
const OLDEST_NODE = 20;

/** The platform packages, each for one of package.json's `napi.targets`; the names are napi-rs' own. @internal */
export const PLATFORM_PACKAGES = [
  'narrowcast-linux-x64-gnu',
  'narrowcast-linux-arm64-gnu',
  'narrowcast-linux-x64-musl',
  'narrowcast-linux-arm64-musl',
  'narrowcast-darwin-x64',
  'narrowcast-darwin-arm64',
  'narrowcast-win32-x64-msvc',
  'narrowcast-win32-arm64-msvc',
] as const;

/** glibc: what Node 20 and LiveKit's engine need themselves. */
const SUPPORTED =
  'Linux x64 and arm64 (glibc 2.28 or newer, or musl), macOS x64 and arm64, Windows x64 and arm64; ' +
  `Node ${OLDEST_NODE} or newer`;

const FROM_SOURCE =
  'Elsewhere, build it from source: `npm run build` in a clone of the repository of narrowcast, with Rust and a C ' +
  'compiler, and then `npm install` that folder.';

/** What to throw where Node is older than narrowcast can do with, else undefined. @internal */
export function nodeTooOld(version: string): NarrowcastError | undefined {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return undefined;
  return new NarrowcastError(
    'UNSUPPORTED_PLATFORM',
    `narrowcast needs Node ${OLDEST_NODE} or newer, and this is ${version}. It runs on ${SUPPORTED}.`,
  );
}

/** An addon that the loader tried: a file or a package, and why it was not loaded; `error`: that of one that is there. */
export interface Tried {
  readonly candidate: string;
  readonly why: string;
  readonly error?: Error & { code?: string };
}

/**
 * What to throw where no addon could be loaded: why, what was tried, what is supported, and what to do.
 *
 * @param cause the error of index.cjs, which has what it tried
 * @param resolve finds packages from where narrowcast is
 * @internal
 */
export function addonFailure(cause: unknown, resolve: (name: string) => string): NarrowcastError {
  const tried = (cause as { tried?: readonly Tried[] }).tried ?? [];
  if (tried.some(({ error }) => error?.code === 'ERR_DLOPEN_DISABLED'))
    return new NarrowcastError('UNSUPPORTED_PLATFORM', DISABLED, { cause });
  const list = tried.map(({ candidate, why }) => `${candidate} (${why})`).join(', ');
  return new NarrowcastError(
    'UNSUPPORTED_PLATFORM',
    `narrowcast has no native addon that loads on ${process.platform} ${process.arch}, Node ${process.version}: ` +
      `${tried.length === 0 ? messageOf(cause).split(/\r?\n/, 1)[0]! : reason(tried, resolve)}.${list && ` Tried: ${list}.`} Prebuilt ones exist for ${SUPPORTED}. ${FROM_SOURCE}`,
    { cause },
  );
}

const DISABLED =
  'narrowcast is a native addon, and this Node may load none: start it without `--no-addons`, or with `--allow-addons` ' +
  'beside `--permission`.';

function reason(tried: readonly Tried[], resolve: (name: string) => string): string {
  const failed = tried.find(({ error }) => error !== undefined);
  if (failed !== undefined) return `one is there, and does not load: ${failed.why}`;
  const [first] = tried;
  if (tried.length === 1 && first!.why === 'not there') {
    return `NAPI_RS_NATIVE_LIBRARY_PATH names ${first!.candidate}, which is not there`;
  }
  const others = installedPackages(resolve);
  if (others.length > 0) {
    return (
      `installed is ${others.join(', ')}, for another system: node_modules was made there and copied here; ` +
      'install again on this one'
    );
  }
  const wanted = PLATFORM_PACKAGES.find((name) => tried.some(({ candidate }) => candidate === name));
  if (wanted === undefined) return 'none is installed';
  return `its package ${wanted} is not installed; install again, without omitting optional dependencies`;
}

function installedPackages(resolve: (name: string) => string): string[] {
  return PLATFORM_PACKAGES.filter((name) => {
    try {
      return resolve(`${name}/package.json`);
    } catch {
      return false;
    }
  });
}
