import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The package.json above a file, of the package `name` if it is given. */
export function manifestOf(file: string, name?: string): Manifest | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
      if (name === undefined ? manifest.version : manifest.name === name) return manifest;
    } catch {
      // No package.json in this folder.
    }
  }
  return undefined;
}
