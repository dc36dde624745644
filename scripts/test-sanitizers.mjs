// `npm run test:sanitizers [-- thread miri]`: the Rust tests under what finds data races and undefined behaviour.
//
//   thread   ThreadSanitizer, on the tests in which threads meet. std is built with it, so its atomics are no noise.
//   miri     Miri, on tests of core and audio that it gets through in minutes: no model test, no C code, no mapped memory
//
// Neither has a list of findings to leave out. AddressSanitizer is not part of this: it would have to be loaded into Node before
// the addon. Needs rustup; the toolchain below is installed the first time. Exit status 3: it can't be had here.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fail, root, run, say } from './setup.mjs';

/** A nightly, for sanitizers are not stable: pinned, as its findings are. */
const TOOLCHAIN = 'nightly-2026-05-20';
const UNAVAILABLE = 3;

const parts = {
  thread() {
    const host = /^host: (.*)$/m.exec(spawnSync('rustc', [`+${TOOLCHAIN}`, '-vV'], { encoding: 'utf8' }).stdout)?.[1];
    const tests = ['threads', 'broadcast', 'pcm_ring_threads', 'pcm_stream', 'pcm_track'];
    cargo(
      'thread',
      ['test', '-Zbuild-std', '--target', host, ...packages, ...tests.flatMap((name) => ['--test', name])],
      {
        RUSTFLAGS: '-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer',
        // The C code is not built with the sanitizer, and has no threads.
        CFLAGS: '',
      },
    );
  },
  miri() {
    const env = { MIRIFLAGS: '-Zmiri-disable-isolation', PROPTEST_CASES: '2' };
    cargo('miri', ['miri', 'test', '--package', 'narrowcast-core', '--lib', '--test', 'broadcast', '--', ...slow], env);
    cargo('miri', ['miri', 'test', '--package', 'narrowcast-audio', '--test', 'pcm_ring'], env);
  },
};
const packages = ['core', 'audio'].flatMap((name) => ['--package', `narrowcast-${name}`]);
/** Tests of thousands of steps, which Miri takes an hour for. */
const slow = ['misses_nothing', 'ten_thousand', 'behaves_like', 'spreads'].flatMap((name) => ['--skip', name]);

const given = process.argv.slice(2);
const unknown = given.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) fail(`test:sanitizers: ${unknown} is none of ${Object.keys(parts).join(', ')}.`, 2);
requireToolchain();
for (const name of given.length > 0 ? given : Object.keys(parts)) parts[name]();

function cargo(name, args, env) {
  say(`${name}: ${args.filter((arg) => !arg.startsWith('-')).join(' ')} …`);
  run(`test:sanitizers ${name}`, 'cargo', [`+${TOOLCHAIN}`, ...args], {
    stdio: 'inherit',
    // Other flags: sharing a folder would rebuild everything.
    env: { ...process.env, ...env, CARGO_TARGET_DIR: path.join(root, 'target', 'sanitizers', name) },
  });
}

function requireToolchain() {
  const add = [
    'toolchain',
    'install',
    TOOLCHAIN,
    '--profile',
    'minimal',
    '--component',
    'miri',
    '--component',
    'rust-src',
  ];
  const { error, status } = spawnSync('rustup', add, { stdio: ['ignore', 2, 2] });
  if (error || status !== 0) {
    fail(`test:sanitizers: Rust's ${TOOLCHAIN} with miri and rust-src could not be installed by rustup.`, UNAVAILABLE);
  }
}
