// Programs and libraries from PyPI, in a Python of their own in the user's cache folder.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cached, cacheFolder } from './cache-folder.mjs';
import { fail, say, UNAVAILABLE } from './setup.mjs';

/**
 * The folder that has the packages' programs, and `python3` with their libraries. Ends the process with {@link UNAVAILABLE}
 * where it can't be made. A Python can't be moved, so its last file says that it is whole.
 *
 * @param {readonly string[]} packages each `NAME==VERSION`
 */
export function pythonWith(packages) {
  const name = packages.join('-').replaceAll('==', '-');
  const programs = (folder) => path.join(folder, process.platform === 'win32' ? 'Scripts' : 'bin');
  const before = cached(path.join(name, 'ready'));
  if (before) return programs(path.dirname(before));
  const cache = cacheFolder() ?? fail('found no folder to keep Python packages in.');
  const folder = path.join(cache, name);
  const bin = programs(folder);
  say(`installing ${packages.join(' and ')}, once …`);
  const made = spawnSync('python3', ['-m', 'venv', '--clear', folder], { stdio: ['ignore', 'ignore', 2] });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  const installed =
    made.status === 0 && spawnSync(path.join(bin, 'python3'), [...pip, ...packages], { stdio: ['ignore', 2, 2] });
  if (!installed || installed.status !== 0) {
    fail(`${packages.join(' and ')} need Python 3 with venv, and PyPI; see above what failed.`, UNAVAILABLE);
  }
  fs.writeFileSync(path.join(folder, 'ready'), '');
  return bin;
}
