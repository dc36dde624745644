import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './setup.mjs';

/**
 * Where tools that take long to get are kept, for all checkouts: beside the user's other caches, or in the checkout where
 * there is no such place. Undefined if nothing can be written.
 */
export function cacheFolder() {
  const home = os.homedir();
  const caches = {
    win32: process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'),
    darwin: path.join(home, 'Library', 'Caches'),
  };
  const base = process.env.XDG_CACHE_HOME || (caches[process.platform] ?? path.join(home, '.cache'));
  for (const folder of [path.join(base, 'narrowcast'), path.join(root, 'target')]) {
    try {
      fs.mkdirSync(folder, { recursive: true });
      fs.accessSync(folder, fs.constants.W_OK);
      return folder;
    } catch {
      // Not there.
    }
  }
  return undefined;
}
