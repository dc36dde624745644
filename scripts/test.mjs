// node scripts/test.mjs PART... [-- ARGS...]
// Parts: rust, loom, js, livekit, conformance, versions, browser, install, types. ARGS go to vitest when js is among the parts, else to the part's own tool.

import fs from 'node:fs';
import path from 'node:path';
import {
  bin,
  ensureDist,
  ensureLedger,
  ensureModules,
  ensureNative,
  fail,
  requireRust,
  root,
  run,
  say,
} from './setup.mjs';
import { checkoutWith, otherVersions, testsWith } from './versions.mjs';

const inherit = { stdio: 'inherit' };
const node = (what, file, args) => run(what, process.execPath, [file, ...args], inherit);

/** Ends this process with status 3 where a server can't be had. */
function prepareServer() {
  const server = path.join(root, 'scripts', 'livekit-server.mjs');
  run('preparing the server', process.execPath, [server, '--build'], inherit);
}

const parts = {
  rust(args) {
    requireRust();
    say('Rust tests …');
    run('cargo test', 'cargo', ['test', '--workspace', ...args], inherit);
  },

  loom(args) {
    const crates = ['core', 'audio', 'livekit'].filter((name) =>
      fs.existsSync(path.join(root, 'crates', name, 'tests', 'loom.rs')),
    );
    if (crates.length === 0) return;
    requireRust();
    say(`loom tests: ${crates.join(', ')} …`);
    const packages = crates.flatMap((name) => ['-p', `narrowcast-${name}`]);
    run('loom', 'cargo', ['test', '--release', ...packages, '--test', 'loom', ...args], {
      ...inherit,
      env: {
        ...process.env,
        RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} --cfg loom`.trim(),
        CARGO_TARGET_DIR: path.join(root, 'target', 'loom'), // other flags: sharing a folder would rebuild everything
        LOOM_MAX_PREEMPTIONS: process.env.LOOM_MAX_PREEMPTIONS ?? '3',
      },
    });
  },

  js(args) {
    ensureLedger();
    ensureNative();
    ensureDist();
    say('JavaScript tests …');
    node('vitest', bin('vitest'), ['run', ...args]);
  },

  browser(args) {
    say('tests in a browser …');
    node('vitest', bin('vitest'), ['run', '--config', 'vitest.browser.config.ts', ...args]);
  },

  livekit(args) {
    ensureLedger();
    ensureNative();
    ensureDist();
    prepareServer();
    say('tests with a LiveKit server …');
    node('vitest', bin('vitest'), ['run', '--config', 'vitest.livekit.config.ts', ...args]);
  },

  conformance(args) {
    ensureNative();
    ensureDist();
    prepareServer();
    say('the same programs with rtc-node alone and with narrowcast …');
    node('vitest', bin('vitest'), ['run', '--config', 'vitest.conformance.config.ts', ...args]);
  },

  versions(args) {
    ensureLedger();
    ensureNative();
    ensureDist();
    const folders = new Map(otherVersions.map((version) => [version, checkoutWith(version)]));
    const vitest = (version, ...options) => {
      say(`tests with ${version} …`);
      const given = [bin('vitest'), 'run', ...options, ...args];
      run('vitest', process.execPath, given, { ...inherit, cwd: folders.get(version) });
    };
    for (const version of otherVersions) vitest(version, ...testsWith(version));
    prepareServer();
    for (const version of otherVersions) {
      vitest(version, '--config', 'vitest.livekit.config.ts', ...testsWith(version, 'server'));
      const programs = testsWith(version, 'conformance');
      if (programs.length > 0) vitest(version, '--config', 'vitest.conformance.config.ts', ...programs);
    }
  },

  install(args) {
    ensureNative();
    ensureDist();
    say('tests of an installation …');
    node('vitest', bin('vitest'), ['run', '--config', 'vitest.install.config.ts', ...args]);
  },

  types(args) {
    ensureNative();
    ensureDist(); // type tests import 'narrowcast' and see the types that users get
    say('types …');
    node('tsc', bin('typescript', 'tsc'), ['--noEmit', ...args]);
    node('tsc', bin('typescript', 'tsc'), ['--noEmit', '--project', 'tsconfig.browser.json', ...args]);
  },
};

const end = process.argv.indexOf('--');
const names = process.argv.slice(2, end === -1 ? undefined : end);
const args = end === -1 ? [] : process.argv.slice(end + 1);
const unknown = names.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) fail(`test: no part is called ${unknown}; there are ${Object.keys(parts).join(', ')}.`);

ensureModules();
for (const name of names) parts[name](names.length === 1 || name === 'js' ? args : []);
