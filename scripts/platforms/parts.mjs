// The parts of `npm run test:platform`. Each returns how many tests passed, failed and were skipped.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { bin, ensureDist, fail, npm, root, run, say, UNAVAILABLE } from '../setup.mjs';
import { pathFor } from './machines.mjs';
import { none } from './results.mjs';
import { whySkipped } from './skips.mjs';
import { buildAddon, cargoFor, PLATFORMS } from './targets.mjs';

const VITEST_LIMIT_MS = 40 * 60_000;

/** Test files at a time. */
const WORKERS = 3;

/** Runs one of the platform's programs with its output in `log`, and ends this process if it can't be started. */
function logged(runs, command, log, options = {}) {
  const out = fs.openSync(log, 'w');
  try {
    const ended = runs(command, { ...options, stdio: ['ignore', out, out] });
    if (ended.error?.code === 'ENOENT') fail(`${command[0]} could not be started: ${ended.error.message}`);
    return ended;
  } finally {
    fs.closeSync(out);
  }
}

const shown = (log) => path.relative(root, log);

/** What a failed part printed last. */
function tell(what, log) {
  const lines = fs.readFileSync(log, 'utf8').trimEnd().split('\n');
  say(`${what} failed; the end of ${shown(log)}:\n${lines.slice(-40).join('\n')}`);
}

// ── Rust ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** PCM, resampling and events, in debug builds: there arithmetic is checked. */
export function rustTests(machine, folder) {
  const { program, target, env } = cargoFor(machine.triple, { tests: true });
  const packages = ['core', 'audio'].flatMap((name) => ['--package', `narrowcast-${name}`]);
  // Without those that compile an engine to load.
  const livekit = ['--lib', ...['capture', 'engine', 'wire', 'wire_no_alloc'].flatMap((name) => ['--test', name])];
  const resampler = ['--package', 'narrowcast-audio', '--test', 'resampler', '--test', 'resampler_threads'];
  const skipped = machine.rustSkipped.flatMap((name) => ['--skip', name]);
  // Optimized a little, for qemu is slow.
  const given = { ...env, CARGO_PROFILE_DEV_OPT_LEVEL: '1', CARGO_PROFILE_DEV_DEBUG: '0' };
  const runner = `CARGO_TARGET_${target
    .replace(/\.\d.*$/, '')
    .toUpperCase()
    .replaceAll('-', '_')}_RUNNER`;
  if (machine.runner) given[runner] = machine.runner;
  const counts = none();
  const cargo = (name, args, more) => {
    const log = path.join(folder, `rust-${name}.log`);
    const command = [program, 'test', '--no-fail-fast', '--target', target, ...args];
    const { status } = logged(([first, ...rest], options) => spawnSync(first, rest, options), command, log, {
      cwd: root,
      env: { ...given, ...more },
    });
    const results = [
      ...fs
        .readFileSync(log, 'utf8')
        .matchAll(/^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored; .* (\d+) filtered/gm),
    ];
    for (const [, ...numbers] of results) {
      const [passed, failed, ignored, filtered] = numbers.map(Number);
      counts.passed += passed;
      counts.failed += failed;
      counts.skipped += ignored + filtered;
    }
    if (status !== 0) {
      // A program that did not end well counts, too.
      if (!results.some(([, , failed]) => failed !== '0')) counts.failed++;
      tell('cargo test', log);
    }
  };
  say('Rust tests …');
  cargo('core', [...packages, '--lib', '--tests', '--', ...skipped]);
  cargo('livekit', ['--package', 'narrowcast-livekit', ...livekit]);
  say('the resampler without SIMD …');
  cargo('without-simd', [...resampler, '--', ...skipped], { SOXR_USE_SIMD: '0' });
  return counts;
}

// ── the package, as it is installed ──────────────────────────────────────────────────────────────────────────────

/** A name that paths of users have: spaces, and letters beyond ASCII. */
const APP = 'späces and 日本語';

/** Packs what is published, with one platform's addon: the files, by their packages' names. */
export async function packFor(machine, addon, folder) {
  ensureDist();
  const { pack } = await import('../pack.mjs');
  const platform = PLATFORMS[machine.triple];
  const addons = path.join(folder, 'addons');
  fs.rmSync(addons, { recursive: true, force: true });
  fs.mkdirSync(addons, { recursive: true });
  fs.copyFileSync(addon, path.join(addons, `narrowcast.${platform}.node`));
  const packed = pack({ out: path.join(folder, 'packed'), addons });
  return Object.fromEntries(packed.map(({ name, file }) => [name, file]));
}

/** The same of what was packed before, as \`npm run pack:all\` leaves it. */
export function packedIn(folder, machine) {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const names = ['narrowcast', `narrowcast-${PLATFORMS[machine.triple]}`];
  const files = Object.fromEntries(names.map((name) => [name, path.join(folder, `${name}-${version}.tgz`)]));
  const missing = Object.values(files).find((file) => !fs.existsSync(file));
  if (missing) fail(`there is no ${missing}: \`npm run pack:all -- --all --out FOLDER\` makes it.`);
  return files;
}

/** Installs what was packed in an application, with rtc-node and the engine of that platform. */
export function installApp(machine, packed, folder) {
  const app = path.join(folder, APP);
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  installRtcNode(app, machine, devDependencies['@livekit/rtc-node']);
  const modules = path.join(app, 'node_modules');
  for (const [name, file] of Object.entries(packed)) {
    fs.rmSync(path.join(modules, name), { recursive: true, force: true });
    fs.mkdirSync(path.join(modules, name));
    run('unpacking', 'tar', [
      '-xzf',
      path.relative(root, file),
      '--strip-components=1',
      '-C',
      path.join(modules, name),
    ]);
  }
  fs.copyFileSync(path.join(root, '__test__', 'platform', 'smoke.mjs'), path.join(app, 'smoke.mjs'));
  return app;
}

function installRtcNode(app, machine, version) {
  const manifest = JSON.stringify({ private: true, dependencies: { '@livekit/rtc-node': version } });
  const file = path.join(app, 'package.json');
  if (fs.existsSync(path.join(app, 'ready')) && fs.readFileSync(file, 'utf8') === manifest) return;
  say('installing rtc-node, with its engine for that platform if there is one …');
  fs.rmSync(app, { recursive: true, force: true });
  fs.mkdirSync(app, { recursive: true });
  fs.writeFileSync(file, manifest);
  npmInstall('install', app, machine.npm);
  fs.writeFileSync(path.join(app, 'ready'), '');
}

function npmInstall(command, cwd, names) {
  const platform = Object.entries(names).map(([key, value]) => `--${key}=${value}`);
  const flags = ['--force', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr } = npm(command, '--prefix', cwd, ...platform, ...flags);
  if (status !== 0) fail(`npm could not install what runs there: ${stderr}`, UNAVAILABLE);
}

/** Each part of the package once: __test__/platform/smoke.mjs. */
export function smokeTests(machine, app, folder, line) {
  const log = path.join(folder, `smoke-${line}.log`);
  say(`the package in Node ${machine.version(line)}, by ${machine.by} …`);
  // Under qemu a program can't start another one by itself.
  const RUNNER = machine.by === 'qemu' ? machine.runner : '';
  const env = { PLATFORM: PLATFORMS[machine.triple], ENGINE: machine.engine ? '1' : '', RUNNER };
  const { status } = logged(machine.run, [machine.node(line), 'smoke.mjs'], log, { cwd: app, env });
  const text = fs.readFileSync(log, 'utf8');
  const count = (word) => Number(new RegExp(`^(?:#|ℹ) ${word} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const counts = { passed: count('pass'), failed: count('fail') + count('cancelled'), skipped: count('skipped') };
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.failed > 0) tell(`Node ${machine.version(line)}`, log);
  return counts;
}

/** The `narrowcast` command on the real engine: `doctor`, and a meeting with rtc-node beside it. */
export function engineTests(machine, app, folder, line) {
  const counts = none();
  const command = path.join(app, 'node_modules', 'narrowcast', 'dist', 'cli', 'main.cjs');
  for (const [name, args, wanted] of [
    ['doctor', ['doctor'], /^ok +engine/m],
    // Not the agent's meeting: its voice must have no gap, which a machine that does other things can't promise.
    [
      'meeting',
      ['meeting', '--scenario', 'crowd', '--seconds', '5', '--participants', '3'],
      /every\s+recording\s+in\s+recordings\s+is\s+bit\s+for\s+bit/,
    ],
  ]) {
    const log = path.join(folder, `${name}-${line}.log`);
    say(`narrowcast ${args.join(' ')} …`);
    const { status } = logged(machine.run, [machine.node(line), pathFor(machine, command), ...args], log, { cwd: app });
    const good = status === 0 && wanted.test(fs.readFileSync(log, 'utf8'));
    counts[good ? 'passed' : 'failed']++;
    if (!good) tell(`narrowcast ${name}`, log);
  }
  return counts;
}

// ── the whole suite ──────────────────────────────────────────────────────────────────────────────────────────────

/** A copy of this checkout, with that platform's addons and packages. */
export function copyCheckout(machine, addons, folder) {
  ensureDist();
  const copy = path.join(folder, 'checkout');
  const lock = fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const mark = path.join(folder, 'installed');
  if (!fs.existsSync(mark) || fs.readFileSync(mark, 'utf8') !== lock) fs.rmSync(copy, { recursive: true, force: true });
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  fs.mkdirSync(copy, { recursive: true });
  for (const name of fs.readdirSync(copy).filter((each) => each !== 'node_modules')) {
    fs.rmSync(path.join(copy, name), { recursive: true });
  }
  const files = stdout.split('\0').filter((name) => name !== '' && fs.existsSync(path.join(root, name)));
  for (const name of [...files, 'dist']) fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  fs.copyFileSync(addons.plain, path.join(copy, `narrowcast.${PLATFORMS[machine.triple]}.node`));
  fs.mkdirSync(path.join(copy, 'target', 'ledger'), { recursive: true });
  fs.copyFileSync(addons.ledger, path.join(copy, 'target', 'ledger', 'narrowcast.node'));
  if (!fs.existsSync(path.join(copy, 'node_modules'))) {
    say('installing the packages of the checkout for that platform …');
    npmInstall('ci', copy, machine.npm);
    fs.writeFileSync(mark, lock);
  }
  if (!machine.engine) standIn(copy, machine);
  return copy;
}

/** An engine that refuses everything, for tests that import rtc-node's classes and need no engine. */
function standIn(copy, { triple }) {
  const name = `@livekit/rtc-ffi-bindings-${PLATFORMS[triple]}`;
  const folder = path.join(copy, 'node_modules', name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name, version: '0.0.0', main: 'index.js' }));
  const functions = [
    'livekitCopyBuffer',
    'livekitDispose',
    'livekitFfiRequest',
    'livekitInitialize',
    'livekitRetrievePtr',
  ];
  fs.writeFileSync(
    path.join(folder, 'index.js'),
    `const refuse = () => { throw new Error('LiveKit has no engine for this platform'); };
exports.FfiHandle = class FfiHandle { constructor() { refuse(); } };
for (const name of ${JSON.stringify(functions)}) exports[name] = refuse;
`,
  );
}

/** As below `__test__`, on whatever system. */
const below = (file) => file.replaceAll('\\', '/').replace(/^.*?__test__\//, '');

/** The tests of files that were not run. */
function leftOut(testResults) {
  const ran = new Set(testResults.map(({ name }) => below(name)));
  const { stdout, stderr, status } = spawnSync(process.execPath, [bin('vitest'), 'list', '--json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1e8,
    env: { ...process.env, NARROWCAST_NO_ENGINE: '' },
  });
  if (status !== 0) fail(`the tests that were left out can't be counted: ${stderr}`);
  const all = JSON.parse(stdout).map(({ file, name }) => ({ file: below(file), name }));
  return all.filter(({ file }) => !ran.has(file));
}

/**
 * All of vitest's tests that need no server; with `files`, those alone.
 *
 * @returns {{ passed: number, failed: number, skipped: number, reasons?: Record<string, number> }}
 */
export function wholeSuite(machine, copy, folder, line, files = []) {
  const log = path.join(folder, `suite-${line}.log`);
  const json = path.join(folder, `suite-${line}.json`);
  fs.rmSync(json, { force: true });
  say(`${files.join(', ') || 'the whole suite'} in Node ${machine.version(line)}, by ${machine.by}: ${shown(log)} …`);
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${pathFor(machine, json)}`];
  // Slower than a machine of its own, and beside what else runs here: more time, and a second try. Much of it is waiting.
  const patience = ['--testTimeout=180000', '--hookTimeout=180000', '--retry=1', `--maxWorkers=${WORKERS}`];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...files, '--no-color', ...patience, ...reporters];
  // What was built is here: nothing is to be built there. Shims find this Node, as an installed one would be found.
  const env = { NARROWCAST_PREBUILT: '1', NARROWCAST_NO_ENGINE: machine.engine ? '' : '1' };
  if (machine.npm.os !== 'win32') env.PATH = `${path.dirname(machine.node(line))}${path.delimiter}${process.env.PATH}`;
  const runs = machine.runTests ?? machine.run;
  const flags = ['--expose-gc', ...(machine.flags?.(line) ?? [])];
  const options = { cwd: copy, env, timeout: VITEST_LIMIT_MS };
  const { signal } = logged(runs, [machine.node(line), ...flags, ...vitest], log, options);
  if (!fs.existsSync(json)) {
    tell(signal ? `the suite, ended after ${VITEST_LIMIT_MS / 60_000} minutes,` : 'the suite', log);
    return { ...none(), failed: 1 };
  }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(fs.readFileSync(json, 'utf8'));
  // Files that could not be loaded have no tests.
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const skipped = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => !['passed', 'failed'].includes(status))
      .map(({ fullName }) => ({ file: below(name), name: fullName })),
  );
  // Counting them takes minutes, for it imports each file: all are run where there is an engine.
  if (files.length === 0 && !machine.engine) skipped.push(...leftOut(testResults));
  const { reasons, unexplained } = whySkipped(PLATFORMS[machine.triple], skipped);
  for (const [why, count] of Object.entries(reasons)) say(`skipped: ${count}, for ${why}`);
  if (unexplained.length > 0) say(`skipped for no reason of scripts/platforms/skips.mjs:\n${unexplained.join('\n')}`);
  const failed = numFailedTests + broken.length + unexplained.length;
  if (failed > 0) tell('the suite', log);
  return { passed: numPassedTests, failed, skipped: skipped.length - unexplained.length, reasons };
}

export const buildFor = (machine, options) => buildAddon(machine.triple, options);
