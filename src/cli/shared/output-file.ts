import { constants } from 'node:fs';
import { access, mkdir, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileFailure } from './failure.js';

/** Finds out beforehand whether a file could be written, and leaves what is there as it is. @throws {Failure} */
export async function checkWritable(path: string): Promise<void> {
  try {
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory()) throw new Error('it is a folder');
    if (stats) return await access(path, constants.W_OK);
    // The rights of its folder don't tell: root has them in /proc, too, where no file can be made.
    await writeFile(path, '', { flag: 'wx' });
    await unlink(path);
  } catch (cause) {
    throw fileFailure('write', path, cause);
  }
}

/** @throws {Failure} the file can't be written */
export function writeJson(path: string, content: object): Promise<void> {
  return writeText(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** @throws {Failure} the file can't be written */
export async function writeText(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (cause) {
    throw fileFailure('write', path, cause);
  }
}

/**
 * Makes a folder, and those that it is in, where they are missing.
 *
 * @returns what was made, the innermost first
 * @throws {Failure} it can't be made
 */
export async function makeFolder(path: string): Promise<string[]> {
  try {
    return await makeWithParents(path);
  } catch (cause) {
    throw fileFailure('make the folder', path, cause);
  }
}

/**
 * As {@link makeFolder}, and finds out whether files can be made in it.
 *
 * @throws {Failure}
 */
export async function makeWritableFolder(path: string): Promise<string[]> {
  const made = await makeFolder(path);
  try {
    await access(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw fileFailure('write to the folder', path, cause);
  }
  return made;
}

/** Takes away folders that were made, the innermost first, up to the first in which there is something. */
export async function removeEmpty(made: readonly string[]): Promise<void> {
  try {
    for (const path of made) await rmdir(path);
  } catch {
    // There is something in it, or it is gone.
  }
}

/** Node's own `recursive` never returns where the system does not let anything be made, such as in /proc on Linux. */
async function makeWithParents(path: string): Promise<string[]> {
  try {
    await mkdir(path);
    return [path];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return [];
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    const made = await makeWithParents(parent);
    await mkdir(path);
    return [path, ...made];
  }
}
