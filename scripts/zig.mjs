// A C compiler and linker for other platforms than this one, for any glibc: Zig, and cargo's way to it. Both come from PyPI,
// once for all checkouts, into the user's cache folder.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder } from './cache-folder.mjs';
import { fail, say } from './setup.mjs';

const PACKAGES = ['cargo-zigbuild==0.24.0', 'ziglang==0.17.1'];

/** The oldest glibc that what is built runs with; Node itself needs a newer one. */
export const GLIBC = '2.17';

/** Exit status of a command whose tools can't be had here. */
export const UNAVAILABLE = 3;

/** An environment in which `cargo zigbuild` works. Ends the process with {@link UNAVAILABLE} where it can't be had. */
export function zigEnvironment() {
  const cache = cacheFolder() ?? fail('zig: found no folder to keep it in.');
  const folder = path.join(cache, PACKAGES.join('-').replaceAll('==', '-'));
  if (!fs.existsSync(path.join(folder, 'ready'))) install(folder);
  return { ...process.env, PATH: `${path.join(folder, 'bin')}${path.delimiter}${process.env.PATH}` };
}

function install(folder) {
  say(`installing ${PACKAGES.join(' and ')}, once …`);
  const python = (...args) => spawnSync('python3', args, { stdio: ['ignore', 'ignore', 2] }).status === 0;
  const made = python('-m', 'venv', '--clear', folder);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  const installed =
    made && spawnSync(path.join(folder, 'bin', 'python3'), [...pip, ...PACKAGES], { stdio: ['ignore', 2, 2] });
  if (!made || installed.status !== 0) {
    fail('zig: building for another platform needs Python 3 with venv, and PyPI; see above what failed.', UNAVAILABLE);
  }
  fs.writeFileSync(path.join(folder, 'ready'), '');
}

/** Lets `rustc` compile for `triple`. Ends the process with {@link UNAVAILABLE} where it can't. */
export function requireTarget(triple) {
  const compiles = () => {
    const { stdout, status } = spawnSync('rustc', ['--print', 'target-libdir', '--target', triple], {
      encoding: 'utf8',
    });
    const folder = status === 0 ? stdout.trim() : '';
    return fs.existsSync(folder) && fs.readdirSync(folder).some((name) => /^libstd-.*\.rlib$/.test(name));
  };
  if (compiles()) return;
  spawnSync('rustup', ['target', 'add', triple], { stdio: ['ignore', 2, 2], timeout: 300_000 });
  if (!compiles()) {
    fail(`Rust can't compile for ${triple} here, and \`rustup target add ${triple}\` did not help.`, UNAVAILABLE);
  }
}
