// `npm run fuzz [-- TARGET… --seconds 60]`: what reads bytes and samples from outside, with arbitrary ones. Without a name
// each target of crates/fuzz has its turn. What it finds is kept in target/fuzz, and tried again the next time.
//
// The flags are those of cargo-fuzz, which a fresh machine would compile for minutes. Needs rustup. Exit status 3: it can't be
// had here.

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { host, requireNightly, targetFolder, TOOLCHAIN } from './nightly.mjs';
import { fail, root, run, say } from './setup.mjs';

const folder = path.join(root, 'crates', 'fuzz');
const targets = fs.readdirSync(path.join(folder, 'targets')).map((file) => path.basename(file, '.rs'));
const FLAGS = [
  '--cfg fuzzing -Zsanitizer=address -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module',
  ...['level=4', 'inline-8bit-counters', 'pc-table'].map((each) => `-Cllvm-args=-sanitizer-coverage-${each}`),
];

const { names, seconds } = given();
requireNightly('fuzz');
const build = targetFolder('fuzz');
const manifest = path.join(folder, 'Cargo.toml');
say('building the fuzz targets …');
run('fuzz', 'cargo', [`+${TOOLCHAIN}`, 'build', '--release', '--manifest-path', manifest, '--target', host()], {
  stdio: 'inherit',
  env: { ...process.env, RUSTFLAGS: FLAGS.join(' '), CARGO_TARGET_DIR: build },
});
for (const name of names) {
  const found = path.join(root, 'target', 'fuzz', name);
  fs.mkdirSync(found, { recursive: true });
  const seeds = path.join(folder, 'seeds', name);
  say(`${name}: ${seconds} s …`);
  run(
    `fuzz ${name}`,
    path.join(build, host(), 'release', name),
    [
      `-max_total_time=${seconds}`,
      '-print_final_stats=1',
      `-artifact_prefix=${found}-`,
      found,
      ...(fs.existsSync(seeds) ? [seeds] : []),
    ],
    { stdio: 'inherit' },
  );
}

function given() {
  try {
    const options = { seconds: { type: 'string', default: '60' } };
    const { positionals, values } = parseArgs({ options, allowPositionals: true });
    const unknown = positionals.find((name) => !targets.includes(name));
    if (unknown !== undefined) throw new Error(`${unknown} is none of ${targets.join(', ')}`);
    if (!/^[1-9]\d*$/.test(values.seconds)) throw new Error(`--seconds is ${values.seconds}: pass a whole number`);
    return { names: positionals.length > 0 ? positionals : targets, seconds: values.seconds };
  } catch (error) {
    fail(`fuzz: ${error.message}.`, 2);
  }
}
