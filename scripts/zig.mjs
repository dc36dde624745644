// A C compiler and linker for other platforms than this one, for any glibc: Zig, and cargo's way to it. Both come from PyPI,
// once for all checkouts, into the user's cache folder.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pythonWith } from './python.mjs';
import { fail, UNAVAILABLE } from './setup.mjs';

const PACKAGES = ['cargo-zigbuild==0.24.0', 'ziglang==0.17.1'];

/** The oldest glibc that what is built runs with; Node itself needs a newer one. */
export const GLIBC = '2.17';

/** An environment in which `cargo zigbuild` works. Ends the process with {@link UNAVAILABLE} where it can't be had. */
export function zigEnvironment() {
  return { ...process.env, PATH: `${pythonWith(PACKAGES)}${path.delimiter}${process.env.PATH}` };
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
