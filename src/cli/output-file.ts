import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileFailure } from './failure.js';

/** Finds out beforehand whether a file could be written, as far as that is possible without writing it. @throws {Failure} */
export async function checkWritable(path: string): Promise<void> {
  try {
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory()) throw new Error('it is a folder');
    await access(stats ? path : dirname(path), constants.W_OK);
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
