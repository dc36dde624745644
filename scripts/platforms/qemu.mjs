// What runs aarch64 programs on this machine: qemu, and the libraries that such programs load. Taken from the system, or,
// on Debian, from packages that are unpacked into the user's cache folder: it takes no root.

import fs from 'node:fs';
import path from 'node:path';
import { kept } from '../cache-folder.mjs';
import { say } from '../setup.mjs';
import { unpackDebian } from './debian.mjs';

const PROGRAMS = ['qemu-aarch64-static', 'qemu-aarch64'];
const SUITE = 'bookworm';

/** qemu's program. */
export function qemu() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const found = folders
    .flatMap((folder) => PROGRAMS.map((name) => path.join(folder, name)))
    .find((file) => fs.existsSync(file));
  if (found) return found;
  const folder = kept(`qemu-user-${SUITE}`, (making) => {
    say('fetching qemu from Debian, once …');
    unpackDebian(making, { suite: SUITE, architecture: 'amd64', packages: ['qemu-user-static'] });
  });
  return path.join(folder, 'usr', 'bin', PROGRAMS[0]);
}

/** The folder that has glibc's libraries for aarch64, as `QEMU_LD_PREFIX`. */
export function arm64Libraries() {
  const system = '/usr/aarch64-linux-gnu';
  if (fs.existsSync(path.join(system, 'lib', 'libstdc++.so.6'))) return system;
  return kept(`arm64-libraries-${SUITE}`, (making) => {
    say('fetching the libraries of aarch64 from Debian, once …');
    unpackDebian(making, { suite: SUITE, architecture: 'arm64', packages: ['libc6', 'libgcc-s1', 'libstdc++6'] });
  });
}
