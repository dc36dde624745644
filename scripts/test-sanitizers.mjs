// `npm run test:sanitizers [-- thread miri address]`: tests under what finds data races, undefined behaviour and wrong memory.
//
//   thread   ThreadSanitizer, on the tests in which threads meet. std is built with it, so its atomics are no noise.
//   miri     Miri, on tests of core and audio that it gets through in minutes: no model test, no C code, no mapped memory
//   address  AddressSanitizer, on the addon in Node, with the JavaScript tests that need no LiveKit engine. Linux, with gcc
//
// None has a list of findings to leave out; `address` does not look for leaks, for Node and V8 leave memory behind at their
// end. Needs rustup; the toolchain below is installed the first time. Exit status 3: it can't be had here.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { host, requireNightly, targetFolder, TOOLCHAIN } from './nightly.mjs';
import { bin, ensureModules, fail, run, say, UNAVAILABLE } from './setup.mjs';

const parts = {
  thread() {
    const tests = ['threads', 'broadcast', 'pcm_ring_threads', 'pcm_stream', 'pcm_track'];
    cargo(
      'thread',
      ['test', '-Zbuild-std', '--target', host(), ...packages, ...tests.flatMap((name) => ['--test', name])],
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
  address() {
    // Node is not built with the sanitizer, whose library must come first: the one of gcc, which LLVM's calls fit.
    const { stdout } = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
    const library = stdout?.trim() ?? '';
    if (process.platform !== 'linux' || !path.isAbsolute(library)) {
      fail('test:sanitizers: address needs Linux and the libasan of gcc: install gcc.', UNAVAILABLE);
    }
    cargo('address', ['build', '--package', 'narrowcast-node', '--target', host()], {
      RUSTFLAGS: '-Zsanitizer=address -Zexternal-clangrt -Cunsafe-allow-abi-mismatch=sanitizer',
      // An hour of audio goes through a neural network.
      CARGO_PROFILE_DEV_OPT_LEVEL: '2',
    });
    const addon = path.join(targetFolder('address'), host(), 'debug', 'libnarrowcast_node.so');
    const copy = path.join(targetFolder('address'), 'narrowcast.node'); // Node loads no other ending as an addon
    fs.copyFileSync(addon, copy);
    ensureModules();
    say(`address: ${nativeTests.join(', ')} …`);
    const files = nativeTests.map((name) => `__test__/${name}.test.ts`);
    run('test:sanitizers address', process.execPath, [bin('vitest'), 'run', '--testTimeout=300000', ...files], {
      stdio: 'inherit',
      env: {
        ...process.env,
        LD_PRELOAD: library,
        ASAN_OPTIONS: 'detect_leaks=0',
        NARROWCAST_TEST_ADDON: copy,
      },
    });
  },
};
/** JavaScript tests of the addon in one process: a child or the engine would not be under the sanitizer's eyes. */
const nativeTests = ['ffi-queue', 'for-each', 'gc', 'ring-buffer', 'speech-detector', 'subscription', 'threads'];
const packages = ['core', 'audio'].flatMap((name) => ['--package', `narrowcast-${name}`]);
/** Tests of thousands of steps, which Miri takes an hour for. */
const slow = ['misses_nothing', 'ten_thousand', 'behaves_like', 'spreads'].flatMap((name) => ['--skip', name]);

const given = process.argv.slice(2);
const unknown = given.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) fail(`test:sanitizers: ${unknown} is none of ${Object.keys(parts).join(', ')}.`, 2);
requireNightly('test:sanitizers');
for (const name of given.length > 0 ? given : Object.keys(parts)) parts[name]();

function cargo(name, args, env) {
  say(`${name}: ${args.filter((arg) => !arg.startsWith('-')).join(' ')} …`);
  run(`test:sanitizers ${name}`, 'cargo', [`+${TOOLCHAIN}`, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env, CARGO_TARGET_DIR: targetFolder(name) },
  });
}
