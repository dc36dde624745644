// Brings a checkout up to date: packages, native addon, dist. Each step runs only when what it is made from changed.
// Imports nothing but Node itself: it runs before anything is installed.
//
//   node scripts/setup.mjs [--force] [modules|native|ledger|dist]...

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LOADER, mendLoader } from './loader.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** The addon with the handle ledger and the load generator compiled in; `__test__/support` has `ledger.ts` and `load.mjs`, which
 * say how it is loaded. */
export const ledgerAddon = path.join(root, 'target', 'ledger', 'narrowcast.node');

const inRoot = (...parts) => path.join(root, ...parts);

/** Standard output belongs to the program that runs afterwards. */
export const say = (message) => process.stderr.write(`narrowcast: ${message}\n`);

/** Exit status of a command that needs something that can't be had here. */
export const UNAVAILABLE = 3;

export function fail(message, status = 1) {
  say(message);
  process.exit(status);
}

/** Runs a command to its end; a failure ends this process with the same status. */
export function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) fail(`${what} could not be started: ${result.error.message}`);
  if (result.signal) process.kill(process.pid, result.signal);
  if (result.status !== 0) fail(`${what} failed.`, result.status ?? 1);
}

/** The JavaScript file behind a command of an installed package: no shell, so the same on every platform. */
export function bin(packageName, command = packageName) {
  const folder = inRoot('node_modules', packageName);
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return path.join(folder, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command]);
}

/** What programs can import, by its file in dist without its ending: `livekit/index`. */
export function entries() {
  const { exports } = JSON.parse(fs.readFileSync(inRoot('package.json'), 'utf8'));
  return Object.values(exports).flatMap((each) => /^\.\/dist\/(.+)\.cjs$/.exec(each.require?.default)?.[1] ?? []);
}

// ── what a step was made from ────────────────────────────────────────────────────────────────────────────────────

function* filesUnder(entry, skip) {
  const full = inRoot(entry);
  const stat = fs.statSync(full, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) return yield entry;
  for (const name of fs.readdirSync(full).toSorted()) {
    const child = path.join(entry, name);
    if (!skip.test(child)) yield* filesUnder(child, skip);
  }
}

function hashOf(entries, { skip = /(?!)/, extra = [] } = {}) {
  const hash = createHash('sha256').update(JSON.stringify(extra));
  for (const entry of entries) {
    for (const file of filesUnder(entry, skip)) hash.update(`\0${file}\0`).update(fs.readFileSync(inRoot(file)));
  }
  return hash.digest('hex');
}

const stampFile = (step) => inRoot('target', `setup-${step}.json`);

/** Runs `make` unless its inputs' hash and its outputs are those of the last time. `make` returns its outputs. */
function once(step, hash, force, make) {
  if (prebuilt) return;
  try {
    const last = JSON.parse(fs.readFileSync(stampFile(step), 'utf8'));
    if (!force && last.hash === hash && last.outputs.every((file) => fs.existsSync(inRoot(file)))) return;
  } catch {
    // never made
  }
  fs.rmSync(stampFile(step), { force: true });
  const outputs = make();
  fs.mkdirSync(inRoot('target'), { recursive: true });
  fs.writeFileSync(stampFile(step), JSON.stringify({ hash, outputs }));
}

// ── the steps ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whether what was built is to be taken as it is: on another platform than the one that built it, scripts/platforms. */
const prebuilt = process.env.NARROWCAST_PREBUILT === '1';

const modified = (file) => fs.statSync(inRoot(file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Runs npm in the checkout, to its end. */
export function npm(...args) {
  const options = { cwd: root, encoding: 'utf8' };
  return process.env.npm_execpath
    ? spawnSync(process.execPath, [process.env.npm_execpath, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

export function ensureModules({ force = false } = {}) {
  if (prebuilt) return;
  const mark = 'node_modules/.narrowcast-installed';
  const installed = Math.max(modified(mark), modified('node_modules/.package-lock.json'));
  if (!force && installed >= modified('package-lock.json')) return;

  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`building needs Node 20.19 or newer, and this is ${process.version}.`);
  }
  say('installing npm packages …');
  const quiet = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const clean = npm('ci', ...quiet);
  if (clean.status !== 0) {
    // A registry mirror without every platform's optional packages makes `npm ci` refuse a correct lock file.
    say('`npm ci` did not work; trying `npm install` …');
    const install = npm('install', '--no-save', ...quiet);
    if (install.status !== 0) {
      process.stderr.write(`${clean.stderr ?? clean.error}\n${install.stderr ?? install.error}\n`);
      fail('the npm packages could not be installed.');
    }
  }
  fs.writeFileSync(inRoot(mark), '');
}

const cargoVersion = () => spawnSync('cargo', ['--version'], { cwd: root, encoding: 'utf8' });

export function requireRust() {
  const wanted = /^rust-version = "(\d+)\.(\d+)/m.exec(fs.readFileSync(inRoot('Cargo.toml'), 'utf8'));
  const needed = `the native addon needs Rust ${wanted[1]}.${wanted[2]} or newer`;
  let cargo = cargoVersion();
  if (cargo.error) {
    // rustup's default place, not yet in the PATH of a shell opened before it was installed
    process.env.PATH = `${process.env.PATH}${path.delimiter}${path.join(homedir(), '.cargo', 'bin')}`;
    cargo = cargoVersion();
  }
  if (cargo.error) fail(`${needed}, and there is no cargo in the PATH. Install Rust with rustup, then try again.`);
  if (cargo.status !== 0) fail(`${needed}, and cargo does not start: ${cargo.stderr.trim()}`);
  const found = /(\d+)\.(\d+)/.exec(cargo.stdout);
  if (found && (Number(found[1]) - wanted[1] || Number(found[2]) - wanted[2]) < 0) {
    fail(`${needed}, and this is ${cargo.stdout.trim()}. Run \`rustup update\`, then try again.`);
  }
  const linker = process.env.CC?.split(' ')[0] || 'cc';
  if (process.platform !== 'win32' && spawnSync(linker, ['--version']).error) {
    fail(
      `the native addon needs a C compiler and linker, and there is no \`${linker}\` in the PATH. ` +
        'Install one (Debian, Ubuntu: build-essential; Fedora: gcc; macOS: xcode-select --install), then try again.',
    );
  }
}

const rustSources = (extra) =>
  hashOf(['Cargo.toml', 'Cargo.lock', '.cargo', 'rust-toolchain.toml', 'crates'], {
    skip: /^crates[\\/](fuzz|[^\\/]+[\\/](tests|benches|target))$/,
    extra: [process.platform, process.arch, process.env.RUSTFLAGS ?? '', ...extra],
  });

export function ensureNative({ force = false } = {}) {
  ensureModules();
  const { version, napi } = JSON.parse(fs.readFileSync(inRoot('package.json'), 'utf8'));
  const flags = '--platform --release -p narrowcast-node --js index.cjs --dts index.d.ts --no-const-enum -o .'.split(
    ' ',
  );
  const loader = fs.readFileSync(LOADER, 'utf8');
  once('native', rustSources([version, napi, flags, loader]), force, () => {
    requireRust();
    say('building the native addon (release) …');
    run('the native build', process.execPath, [bin('@napi-rs/cli', 'napi'), 'build', ...flags]);
    mendLoader(inRoot('index.cjs'), inRoot('index.d.ts'));
    const addons = fs.readdirSync(root).filter((name) => name.startsWith('narrowcast.') && name.endsWith('.node'));
    return ['index.cjs', 'index.d.ts', ...addons];
  });
}

export function ensureLedger({ force = false } = {}) {
  once('ledger', rustSources(['ledger,load']), force, () => {
    requireRust();
    say('building the native addon with the handle ledger and the load generator, for tests …');
    const folder = path.dirname(ledgerAddon);
    // A target folder of its own: in the plain build's, each of the two would undo the other.
    const flags = ['--release', '-p', 'narrowcast-node', '--features', 'ledger,load', '--target-dir', folder];
    run('the native build', 'cargo', ['build', ...flags]);
    const built = { win32: 'narrowcast_node.dll', darwin: 'libnarrowcast_node.dylib' }[process.platform];
    // Renamed into place: writing into a file that a running test has loaded would crash it.
    fs.copyFileSync(path.join(folder, 'release', built ?? 'libnarrowcast_node.so'), `${ledgerAddon}.new`);
    fs.renameSync(`${ledgerAddon}.new`, ledgerAddon);
    return [path.relative(root, ledgerAddon)];
  });
}

export function ensureDist({ force = false } = {}) {
  ensureModules();
  const made = ['src', 'index.d.ts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  once('dist', hashOf([...made, 'tsdown.config.ts', 'scripts/build-dist.mjs']), force, () => {
    say('building dist …');
    fs.rmSync(inRoot('dist'), { recursive: true, force: true });
    run('the TypeScript build', process.execPath, [inRoot('scripts', 'build-dist.mjs')]);
    return ['dist/index.js', 'dist/index.cjs', 'dist/webrtc/index.js', 'dist/cli/main.cjs'];
  });
}

const steps = { modules: ensureModules, native: ensureNative, ledger: ensureLedger, dist: ensureDist };

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => arg !== '--force');
  const unknown = names.find((name) => !Object.hasOwn(steps, name));
  if (unknown !== undefined) fail(`setup: no step is called ${unknown}; there are ${Object.keys(steps).join(', ')}.`);
  for (const name of names.length > 0 ? names : ['modules', 'native', 'dist']) {
    steps[name]({ force: names.length < args.length });
  }
}
