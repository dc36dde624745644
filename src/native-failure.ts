import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NarrowcastError } from './errors.js';

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

/**
 * What to throw where no addon could be loaded: why, what is supported, and what to do.
 *
 * @param cause the loader's error; its causes are what it tried, one behind the other
 * @param resolve finds packages from where narrowcast is
 * @internal
 */
export function addonFailure(cause: unknown, resolve: (name: string) => string): NarrowcastError {
  return new NarrowcastError(
    'UNSUPPORTED_PLATFORM',
    `narrowcast has no native addon that loads on ${process.platform} ${process.arch}, Node ${process.version}: ` +
      `${reason(cause, resolve)}. Prebuilt ones exist for ${SUPPORTED}. ${FROM_SOURCE}`,
    { cause },
  );
}

function reason(cause: unknown, resolve: (name: string) => string): string {
  const messages: string[] = [];
  for (let error = cause; error instanceof Error; error = error.cause) messages.push(error.message);
  // The loader's own message suspects npm, whatever happened; what it tried is behind it.
  const tried = messages.length > 1 ? messages.slice(1) : messages;
  const failed = tried.find((message) => !/^Cannot find (module|package)|^Failed to load native/.test(message));
  if (failed !== undefined) return `one is there, and does not load: ${failed.split('\n', 1)[0]}`;

  // Not only the one for this system: the loader tries WebAssembly, too.
  const wanted = PLATFORM_PACKAGES.find((name) => tried.some((message) => message.includes(`'${name}'`)));
  const others = installedPackages(resolve);
  if (others.length > 0) {
    return (
      `installed is ${others.join(', ')}, for another system: node_modules was made there and copied here; ` +
      'install again on this one'
    );
  }
  if (wanted === undefined) return 'none is installed';
  return `its package ${wanted} is not installed; install again, without omitting optional dependencies`;
}

function installedPackages(
  resolve: (name: string) => string,
  candidates: readonly string[] = PLATFORM_PACKAGES,
): string[] {
  return candidates.filter((name) => {
    try {
      return resolve(`${name}/package.json`);
    } catch {
      return false;
    }
  });
}

/**
 * Throws if the platform package's addon is not as long as it was packed: of a file that ends too early, the system's loader
 * does not say so, but ends the process.
 *
 * @param resolve as above
 * @internal
 */
export function requireWholeAddon(resolve: (name: string) => string): void {
  const own = PLATFORM_PACKAGES.filter((name) => name.startsWith(`narrowcast-${process.platform}-${process.arch}`));
  for (const name of installedPackages(resolve, own)) {
    const manifest = resolve(`${name}/package.json`);
    const { main, addonBytes } = JSON.parse(readFileSync(manifest, 'utf8')) as { main: string; addonBytes: number };
    const file = join(dirname(manifest), main);
    const bytes = statSync(file, { throwIfNoEntry: false })?.size;
    // One that is missing is the loader's to report.
    if (bytes === undefined || bytes === addonBytes) continue;
    throw new Error(`${file} has ${bytes} bytes, and should have ${addonBytes}; install again`);
  }
}
