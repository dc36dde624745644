import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fail, root } from './setup.mjs';

/** Where tools that take long to get may be: beside the user's other caches, for all checkouts, or in this checkout. */
function folders() {
  const home = os.homedir();
  const caches = {
    win32: process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'),
    darwin: path.join(home, 'Library', 'Caches'),
  };
  const base = process.env.XDG_CACHE_HOME || (caches[process.platform] ?? path.join(home, '.cache'));
  return [path.join(base, 'narrowcast'), path.join(root, 'target')];
}

/** The first of them that can be written to; undefined if none can. */
export function cacheFolder() {
  return folders().find((folder) => {
    try {
      fs.mkdirSync(folder, { recursive: true });
      fs.accessSync(folder, fs.constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What was kept under this name, wherever that is: a cache that can only be read is read. */
export const cached = (name) =>
  folders()
    .map((folder) => path.join(folder, name))
    .find((folder) => fs.existsSync(folder));

/** A folder that `make` was filling and that is older than this was given up: nothing takes that long. In ms. */
const GIVEN_UP = 3_600_000;

/**
 * A folder of the cache, which `make` fills once. It does so in another folder that is then renamed: what was interrupted is
 * made anew.
 *
 * @param {string} name says all that its content depends on
 * @param {(folder: string) => void} make
 */
export function kept(name, make) {
  const before = cached(name);
  if (before) return before;
  const cache = cacheFolder() ?? fail(`found no folder to keep ${name} in.`);
  const folder = path.join(cache, name);
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const making = `${folder}.making-`;
  for (const other of fs.readdirSync(path.dirname(folder)).map((each) => path.join(path.dirname(folder), each))) {
    if (!other.startsWith(making) || Date.now() - fs.statSync(other).mtimeMs < GIVEN_UP) continue;
    fs.rmSync(other, { recursive: true, force: true });
  }
  const own = fs.mkdtempSync(making);
  try {
    make(own);
    // Another process may have been quicker.
    if (!fs.existsSync(folder)) fs.renameSync(own, folder);
  } finally {
    fs.rmSync(own, { recursive: true, force: true });
  }
  return folder;
}
