import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type * as Native from '../index.d.ts';
import { NarrowcastError } from './errors.js';
import { addonFailure, nodeTooOld } from './native-failure.js';
import { VERSION } from './version.js';

export type { Native };

/**
 * Loads the addon through `index.cjs`, which is scripts/addon-loader.cjs: the file next to it in a checkout, the platform
 * package's in an installation, or the one that `NAPI_RS_NATIVE_LIBRARY_PATH` names.
 *
 * @param load replaced in tests
 * @throws {NarrowcastError} `UNSUPPORTED_PLATFORM`; its `cause` is the loader's error. `VERSION_MISMATCH` if the addon is
 * that of another version
 * @internal
 */
export function loadNative(load: () => unknown = requireLoader): typeof Native {
  // Before the loader: an old Node may load the addon, and fail later with an error that doesn't say why.
  const tooOld = nodeTooOld(process.versions.node);
  if (tooOld) throw tooOld;
  let addon: typeof Native;
  try {
    addon = load() as typeof Native;
  } catch (cause) {
    throw addonFailure(cause, requireFrom.resolve);
  }
  // A lock file, a bundle or a copied folder can mix two versions up; what then fails would fail anywhere.
  const version = typeof addon.addonVersion === 'function' ? addon.addonVersion() : 'an unknown version';
  if (version !== VERSION) {
    throw new NarrowcastError(
      'VERSION_MISMATCH',
      `this is narrowcast ${VERSION}, and the native addon that it found is that of ${version}: ` +
        `${loadedFrom(addon) ?? 'of an unknown file'}. Install narrowcast again, so that both come together.`,
    );
  }
  return addon;
}

const requireLoader = (): unknown => requireFrom(join(packageFolder(), 'index.cjs'));

// Not named `require`: what is built uses the real one for `import.meta.url`.
const requireFrom = createRequire(import.meta.url);

/**
 * Where this package is: this file runs as src/native.ts, as a chunk anywhere in dist, or in an application's bundle or single
 * executable. A bundler may write the path into it that it had when it was bundled, so the program's own is asked, too.
 *
 * @internal
 */
export function packageFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (packageName(folder) === 'narrowcast') return folder;
    if (folder === dirname(folder)) break;
  }
  for (const from of [import.meta.url, process.argv[1]!, process.execPath]) {
    try {
      return dirname(createRequire(from).resolve('narrowcast/package.json'));
    } catch {
      // Not there.
    }
  }
  throw new Error(
    'this is a bundle, and neither beside it nor beside the program is a node_modules folder with narrowcast',
  );
}

function packageName(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/** The `.node` file among the loaded modules that has the addon's functions. @internal */
export function loadedFrom(addon: Partial<typeof Native>): string | undefined {
  const modules = Object.entries(requireFrom.cache);
  return modules.find(
    ([file, module]) =>
      file.endsWith('.node') && (module?.exports as Partial<typeof Native>)?.addonVersion === addon.addonVersion,
  )?.[0];
}

/**
 * Under this name, copies of narrowcast of one version find the addon that the first of them has loaded. Each addon file has
 * queues and an engine of its own: what one copy opens, the other one could not read.
 */
const SHARED = `narrowcast.addon.${VERSION}`;
const shared = globalThis as { [name: symbol]: typeof Native | undefined };

/** The addon that another copy has loaded, in this thread or in the one that started it, or this copy's own. */
function sharedNative(): typeof Native {
  const addon = shared[Symbol.for(SHARED)] ?? startersAddon() ?? loadNative();
  shared[Symbol.for(SHARED)] = addon;
  // Threads that this one starts get it.
  setEnvironmentData(SHARED, loadedFrom(addon));
  return addon;
}

function startersAddon(): typeof Native | undefined {
  const file = getEnvironmentData(SHARED);
  if (typeof file !== 'string') return undefined;
  try {
    return loadNative(() => requireFrom(file));
  } catch {
    // It was removed meanwhile.
    return undefined;
  }
}

/** The addon. Loaded when this module is, so that a platform without one fails at start-up and not in a call. */
export const native: typeof Native = sharedNative();
