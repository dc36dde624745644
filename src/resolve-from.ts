import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { workingFolder } from './working-folder.js';

/** The file that `name` resolves to from a file or its URL. */
export function resolveFrom(base: string | URL, name: string): string | undefined {
  try {
    return createRequire(base).resolve(name);
  } catch {
    return undefined;
  }
}

/** What `name` resolves to from the program's main file, from the working directory, and from narrowcast's own place. */
export function resolveFromProgram(name: string): string[] {
  const [, main] = process.argv;
  const folder = workingFolder();
  const bases = [
    // A relative one is meant from the working folder.
    ...(main && (folder !== undefined || isAbsolute(main)) ? [pathToFileURL(main)] : []),
    ...(folder === undefined ? [] : [pathToFileURL(join(folder, '_'))]),
    import.meta.url,
  ];
  return bases.flatMap((base) => resolveFrom(base, name) ?? []);
}
