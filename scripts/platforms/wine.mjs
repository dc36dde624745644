// Windows x64 programs on this machine: Wine 10 from Debian 13, in a root of its own in the user's cache folder. Older ones
// lack what Rust's library and Node 24 need.
//
//   node scripts/platforms/wine.mjs PROGRAM.exe ARGS…
//
// Standard output and error must be files or inherited ones: Node for Windows does not write to a pipe of Linux.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, kept } from '../cache-folder.mjs';
import { fail, root, say, UNAVAILABLE } from '../setup.mjs';
import { unpackDebian } from './debian.mjs';
import { namespaces } from './musl.mjs';

const SUITE = 'trixie';
const WINE = '/usr/lib/wine/wine64';

/** The root, in which Wine was started once. */
export function wineRoot() {
  namespaces();
  return kept(`wine-${SUITE}-2`, (making) => {
    say('fetching Wine from Debian, once; it takes a minute and 1.8 GB …');
    const packages = ['base-files', 'coreutils', 'dash', 'libc-bin', 'wine64'];
    unpackDebian(making, { suite: SUITE, architecture: 'amd64', packages, dependencies: true, scripts: ['libwine'] });
    for (const each of ['dev', 'proc', 'sys', 'tmp', 'root']) {
      fs.mkdirSync(path.join(making, each), { recursive: true });
    }
    fs.writeFileSync(path.join(making, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\n');
    fs.writeFileSync(path.join(making, 'etc', 'hosts'), '127.0.0.1 localhost\n');
    // Puts zlib's DLL among Wine's own.
    const set = inRoot(making, ['/bin/sh', '/libwine.postinst', 'configure'], { cwd: '/' });
    const boot =
      set.status === 0 && inRoot(making, [WINE, 'wineboot', '--init'], { cwd: '/', last: 'wineserver64 -w' });
    const kernel = path.join(making, 'root', '.wine', 'drive_c', 'windows', 'system32', 'kernel32.dll');
    // On the drive that has all other files: Wine makes no links between drives.
    for (const name of ['TEMP', 'TMP']) {
      inRoot(making, [WINE, 'reg', 'add', 'HKCU\\Environment', '/v', name, '/d', 'Z:\\tmp', '/f'], {
        cwd: '/',
        last: 'wineserver64 -w',
      });
    }
    if (!boot || !fs.existsSync(kernel)) fail('Wine did not start.', UNAVAILABLE);
  });
}

/** Variables of this process that a Windows program may see. */
const PASSED = /^(CARGO|RUST|SOXR|NARROWCAST|CI$)/;

/**
 * Runs a Windows program to its end; nothing that it started stays.
 *
 * @param {readonly string[]} command the program, by its path on this machine or by Wine's name, and its arguments
 * @param {import('node:child_process').SpawnSyncOptions} options
 */
export function wine(command, { cwd = process.cwd(), env = {}, ...options } = {}) {
  return inRoot(wineRoot(), [WINE, ...command], { cwd, env, ...options });
}

function inRoot(folder, command, { cwd, env = {}, last = '', ...options }) {
  // What Windows programs may see of this machine, each under the same path as here.
  const shown = [...new Set([root, cacheFolder()])];
  const mounts = [
    'mount -t proc proc "$R/proc"',
    'mount -t tmpfs tmpfs "$R/tmp"',
    ...['/dev', '/sys'].map((each) => `mount --rbind ${each} "$R${each}"`),
    ...shown.map((each) => `mkdir -p "$R${each}" && mount --bind "${each}" "$R${each}"`),
  ];
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name)));
  const variables = {
    ...own,
    PATH: '/usr/bin',
    HOME: '/root',
    USER: 'root',
    LC_ALL: 'C.UTF-8',
    WINEDEBUG: '-all',
    WINEPREFIX: '/root/.wine',
    XDG_RUNTIME_DIR: '/tmp',
    ...env,
  };
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const inside = `/usr/bin/env -i --chdir="$D" "$@"`;
  const script = `${mounts.join('\n')}\nchroot "$R" ${inside}\nstatus=$?\n${last && `chroot "$R" /usr/bin/env WINEPREFIX=/root/.wine /usr/lib/wine/${last}`}\nexit $status`;
  // In a process namespace of its own: Wine's services end with the program.
  const unshare = [...namespaces(), '--pid', '--fork', '--kill-child'];
  return spawnSync('unshare', [...unshare, 'sh', '-c', script, 'sh', ...set, ...command], {
    stdio: ['ignore', 2, 2],
    ...options,
    env: { ...process.env, R: folder, D: cwd },
  });
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { status, signal } = wine(process.argv.slice(2), { stdio: ['ignore', 'inherit', 'inherit'] });
  process.exitCode = status ?? (say(`ended with ${signal}`), 1);
}
