import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Native from '../index.d.ts';
import { NarrowcastError } from './errors.js';

export type { Native };

const SUPPORTED = 'Linux x64 and arm64 (glibc), macOS x64 and arm64, Windows x64';

/**
 * Loads the addon through `index.cjs`, the loader that `napi build` generates: the file next to it in a checkout,
 * the platform package's in an installation, or the one that `NAPI_RS_NATIVE_LIBRARY_PATH` names.
 *
 * @param load replaced in tests
 * @throws {NarrowcastError} `UNSUPPORTED_PLATFORM`; its `cause` is the loader's error
 * @internal
 */
export function loadNative(load: () => unknown = requireLoader): typeof Native {
  try {
    return load() as typeof Native;
  } catch (cause) {
    throw new NarrowcastError(
      'UNSUPPORTED_PLATFORM',
      `narrowcast has no native addon that loads on ${process.platform} ${process.arch}, Node ${process.version}. ` +
        `Prebuilt ones exist for ${SUPPORTED}: on one of these, install again without omitting optional ` +
        'dependencies. Elsewhere, or in a checkout, build it from source with Rust and a C compiler: ' +
        '`npm run build:native`.',
      { cause },
    );
  }
}

function requireLoader(): unknown {
  // Not named `require`: the CommonJS build uses the real one for `import.meta.url`.
  const requireFrom = createRequire(import.meta.url);
  // This file runs as src/native.ts, as a chunk anywhere in dist, or inside an application's own bundle.
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (packageName(folder) === 'narrowcast') return requireFrom(join(folder, 'index.cjs'));
    if (folder === dirname(folder)) break;
  }
  return requireFrom(join(dirname(requireFrom.resolve('narrowcast/package.json')), 'index.cjs'));
}

function packageName(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/** The addon. Loaded when this module is, so that a platform without one fails at start-up and not in a call. */
export const native: typeof Native = loadNative();
