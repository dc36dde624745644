// Builds the two addons into build/: sender-c.node with the C compiler, sender-rust.node with cargo, where there is one.
//
//   node build.mjs [c] [rust]
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const { resolve } = createRequire(import.meta.url);

/** Node-API's headers: of the npm package that package.json names, or those that came with Node. */
export function nodeHeaders() {
  const beside = path.resolve(process.execPath, '../../include/node');
  try {
    return path.join(path.dirname(resolve('node-api-headers/package.json')), 'include');
  } catch {
    if (existsSync(path.join(beside, 'node_api.h'))) return beside;
    throw new Error('there are no headers of Node-API: run `npm install` in this folder');
  }
}

/** Builds one C file into an addon. */
export function compile(source, target, ...flags) {
  const narrowcast = path.join(here, '../../include');
  const platform = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,-z,nodelete']; // see narrowcast.h
  const warnings = ['-std=c11', '-D_POSIX_C_SOURCE=200809L', '-Wall', '-Wextra', '-Werror'];
  const includes = ['-I', narrowcast, '-I', nodeHeaders()];
  mkdirSync(path.dirname(target), { recursive: true });
  const options = ['-O2', '-shared', '-fPIC', '-pthread', ...warnings, ...includes];
  run(process.env.CC ?? 'cc', [...options, source, '-o', target, '-lm', ...platform, ...flags]);
}

/** Builds the crate in rust/. */
export function compileRust(target) {
  const manifest = path.join(here, 'rust/Cargo.toml');
  const folder = path.join(here, '../../target/native-events');
  run('cargo', ['build', '--release', '--locked', '--manifest-path', manifest, '--target-dir', folder]);
  const file = process.platform === 'darwin' ? 'libsender.dylib' : 'libsender.so';
  mkdirSync(path.dirname(target), { recursive: true });
  copyFileSync(path.join(folder, 'release', file), target);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`${command} failed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : ['c', 'rust'];
  if (wanted.includes('c')) compile(path.join(here, 'c/sender.c'), path.join(here, 'build/sender-c.node'));
  if (wanted.includes('rust')) compileRust(path.join(here, 'build/sender-rust.node'));
}
