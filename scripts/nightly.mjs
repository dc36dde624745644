// The nightly of Rust that sanitizers need. Pinned, as their findings are.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail, root, UNAVAILABLE } from './setup.mjs';

export const TOOLCHAIN = 'nightly-2026-05-20';

/** Installs it where it is missing, or ends the process. */
export function requireNightly(command) {
  const components = ['miri', 'rust-src'].flatMap((name) => ['--component', name]);
  const add = ['toolchain', 'install', TOOLCHAIN, '--profile', 'minimal', ...components];
  const { error, status } = spawnSync('rustup', add, { stdio: ['ignore', 2, 2] });
  if (error || status !== 0) {
    fail(`${command}: Rust's ${TOOLCHAIN} with miri and rust-src could not be installed by rustup.`, UNAVAILABLE);
  }
}

/** This machine's target. */
export function host() {
  return /^host: (.*)$/m.exec(spawnSync('rustc', [`+${TOOLCHAIN}`, '-vV'], { encoding: 'utf8' }).stdout)?.[1];
}

/** A folder for what is built with other flags: sharing one would rebuild everything. */
export function targetFolder(name) {
  return path.join(root, 'target', 'sanitizers', name);
}
