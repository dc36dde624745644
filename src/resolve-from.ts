import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

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
  const main = process.argv[1];
  const bases = [...(main ? [pathToFileURL(main)] : []), pathToFileURL(join(process.cwd(), '_')), import.meta.url];
  return bases.flatMap((base) => resolveFrom(base, name) ?? []);
}
