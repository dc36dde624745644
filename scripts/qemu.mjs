// What runs aarch64 programs on this machine: qemu, and the libraries that such programs load. Taken from the system, or,
// on Debian, from packages that are unpacked into the user's cache folder: nothing is installed, and nobody has to be root.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder } from './cache-folder.mjs';
import { fail, say } from './setup.mjs';
import { UNAVAILABLE } from './zig.mjs';

const PROGRAMS = ['qemu-aarch64-static', 'qemu-aarch64'];
const LIBRARIES = ['libc6:arm64', 'libgcc-s1:arm64', 'libstdc++6:arm64'];

/** The program, and the folder that has aarch64's libraries. Ends the process with status 3 where there is none. */
export function qemu() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const program = folders
    .flatMap((folder) => PROGRAMS.map((name) => path.join(folder, name)))
    .find((file) => fs.existsSync(file));
  const hasLibraries = (folder) => fs.existsSync(path.join(folder, 'lib', 'libstdc++.so.6'));
  if (program && hasLibraries('/usr/aarch64-linux-gnu')) return { program, libraries: '/usr/aarch64-linux-gnu' };

  const cache = cacheFolder() ?? fail('qemu: found no folder to keep it in.');
  const folder = path.join(cache, 'qemu-aarch64');
  if (!fs.existsSync(path.join(folder, 'ready'))) unpack(folder);
  return { program: path.join(folder, 'host', 'usr', 'bin', PROGRAMS[0]), libraries: path.join(folder, 'libraries') };
}

function unpack(folder) {
  say('fetching qemu and the libraries of aarch64 from Debian, once …');
  fs.rmSync(folder, { recursive: true, force: true });
  const inFolder = (...parts) => path.join(folder, ...parts);
  for (const each of ['lists/partial', 'cache/archives/partial', 'host', 'libraries']) {
    fs.mkdirSync(inFolder(each), { recursive: true });
  }
  // Lists of its own, which have aarch64, too: those of the system stay as they are.
  const settings = {
    'Dir::State::lists': inFolder('lists'),
    'Dir::Cache': inFolder('cache'),
    'APT::Architecture': 'amd64',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).map(([name, value]) => `--option=${name}=${value}`);
  const architectures = ['amd64', 'arm64'].map((name) => `--option=APT::Architectures::=${name}`);
  const apt = (...args) => work('apt-get', ['--quiet=2', ...options, ...architectures, ...args]);
  apt('update');
  for (const [packages, to] of [
    [['qemu-user-static'], 'host'],
    [LIBRARIES, 'libraries'],
  ]) {
    apt('download', ...packages);
    for (const name of fs.readdirSync(folder).filter((each) => each.endsWith('.deb'))) {
      work('dpkg', ['--extract', name, to]);
      fs.rmSync(inFolder(name));
    }
  }
  for (const each of ['lists', 'cache']) fs.rmSync(inFolder(each), { recursive: true });
  fs.writeFileSync(inFolder('ready'), '');

  function work(command, args) {
    if (spawnSync(command, args, { cwd: folder, stdio: ['ignore', 2, 2] }).status === 0) return;
    const wanted = 'qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross';
    fail(`qemu: running aarch64's programs needs ${wanted}, or Debian's package servers.`, UNAVAILABLE);
  }
}
