// The platforms that the package names, and how each one's addon is built on any Linux machine: with Zig.

import fs from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fail, requireRust, root, run, say } from '../setup.mjs';
import { GLIBC, requireTarget, zigEnvironment } from '../zig.mjs';

/** The oldest macOS that addons are for: Node 20's. */
export const MACOS = '11.0';

/** napi-rs' names of the platforms, by the triples of package.json. */
export const PLATFORMS = {
  'x86_64-unknown-linux-gnu': 'linux-x64-gnu',
  'aarch64-unknown-linux-gnu': 'linux-arm64-gnu',
  'x86_64-unknown-linux-musl': 'linux-x64-musl',
  'aarch64-unknown-linux-musl': 'linux-arm64-musl',
  'x86_64-apple-darwin': 'darwin-x64',
  'aarch64-apple-darwin': 'darwin-arm64',
  'x86_64-pc-windows-msvc': 'win32-x64-msvc',
  'aarch64-pc-windows-msvc': 'win32-arm64-msvc',
};

/** What Zig builds in place of MSVC's target: it loads no library but Windows' own, as that does. */
const WITHOUT_MSVC = {
  'x86_64-pc-windows-msvc': 'x86_64-pc-windows-gnu',
  'aarch64-pc-windows-msvc': 'aarch64-pc-windows-gnullvm',
};

const LIBRARIES = { win32: 'narrowcast_node.dll', darwin: 'libnarrowcast_node.dylib', linux: 'libnarrowcast_node.so' };

/** Whether addons are built with Zig here. */
const zig = process.platform === 'linux';

/** The target that cargo builds for here, to get the addon for `triple`. */
const rustTarget = (triple) => (zig ? (WITHOUT_MSVC[triple] ?? triple) : triple);

/**
 * The program that runs cargo's commands for `triple`, what its target is called, and its environment; for tests, which are
 * programs and no libraries, with `tests`.
 */
export function cargoFor(triple, { tests = false } = {}) {
  const target = rustTarget(triple);
  requireTarget(target);
  const env = zig ? zigEnvironment() : { ...process.env };
  const home = env.CARGO_HOME ?? path.join(homedir(), '.cargo');
  // The folder that it was built in is private: panics tell the file of a crate.
  const flags = [`--remap-path-prefix=${home}=cargo`, `--remap-path-prefix=${root}=narrowcast`];
  // A library that Node loads can't bring a C library of its own.
  if (triple.endsWith('musl') && !tests) flags.push('-Ctarget-feature=-crt-static');
  // No library of Visual C++ that a machine may lack.
  if (!zig && triple.endsWith('msvc')) flags.push('-Ctarget-feature=+crt-static');
  env.CARGO_ENCODED_RUSTFLAGS = [...(env.RUSTFLAGS?.split(' ').filter(Boolean) ?? []), ...flags].join('\x1f');
  if (triple.includes('darwin')) env.MACOSX_DEPLOYMENT_TARGET = MACOS;
  if (zig && triple.includes('windows')) env.LIBNODE_PATH = emptyLibnode();
  const program = zig ? 'cargo-zigbuild' : 'cargo';
  const named = zig && triple.endsWith('linux-gnu') ? `${target}.${GLIBC}` : target;
  return { program, build: zig ? 'zigbuild' : 'build', target: named, env };
}

/** napi-rs wants to link with Node's import library. Nothing of it is used: the addon looks Node's functions up when it loads. */
function emptyLibnode() {
  const folder = path.join(root, 'target', 'libnode');
  fs.mkdirSync(folder, { recursive: true });
  for (const name of ['libnode.dll', 'libnode.dll.a', 'libnode.a']) {
    fs.writeFileSync(path.join(folder, name), name === 'libnode.dll' ? '' : '!<arch>\n');
  }
  return folder;
}

/**
 * Builds the addon for one of package.json's targets, and returns its file.
 *
 * @param {string} triple
 * @param {{ ledger?: boolean }} options with `ledger`, the one that tests load beside it: it counts handles, and generates load
 */
export function buildAddon(triple, { ledger = false } = {}) {
  const platform = PLATFORMS[triple] ?? fail(`there is no platform package for ${triple}.`);
  say(`building the native addon for ${platform}${ledger ? ', with the handle ledger' : ''} …`);
  const { program, build, target, env } = cargoFor(triple);
  const folder = path.join(root, 'target', ledger ? 'ledger' : '');
  const features = ledger ? ['--features', 'ledger,load'] : [];
  const args = ['--release', '--package', 'narrowcast-node', ...features, '--target-dir', folder, '--target', target];
  run('the native build', program, [build, ...args], { env });
  return path.join(folder, rustTarget(triple), 'release', LIBRARIES[platform.split('-')[0]]);
}

/** Builds the addons of `triples`, by default all eight, into target/addons, and returns that folder. */
export function buildAll(triples = Object.keys(PLATFORMS)) {
  requireRust();
  const folder = path.join(root, 'target', 'addons');
  fs.mkdirSync(folder, { recursive: true });
  for (const triple of triples) {
    const built = buildAddon(triple);
    const file = path.join(folder, `narrowcast.${PLATFORMS[triple]}.node`);
    fs.copyFileSync(built, file);
    say(`${path.relative(root, file)}: ${(fs.statSync(file).size / 1e6).toFixed(2)} MB`);
  }
  return folder;
}
