// How long a first build takes here: what the registries send apart from what this machine does. In a copy of the checkout, so
// that nothing made before helps; npm's and cargo's caches may.
//
//   node scripts/build-time.mjs

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fail, root } from './setup.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-build-'));

function seconds(what, command, ...args) {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) fail(`${what} failed: ${stdout}${stderr}`);
  const spent = (performance.now() - began) / 1000;
  console.log(`${what.padEnd(28)} ${spent.toFixed(1).padStart(6)} s`);
  return spent;
}

try {
  const cores = os.availableParallelism();
  console.log(`${cores} cores, load ${os.loadavg()[0].toFixed(1)} before`);
  const { stdout } = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  for (const file of stdout.split('\0').filter(Boolean)) {
    if (fs.existsSync(path.join(root, file))) fs.cpSync(path.join(root, file), path.join(folder, file));
  }
  seconds('npm packages', process.execPath, 'scripts/setup.mjs', 'modules');
  seconds('Rust crates', 'cargo', 'fetch', '--locked');
  const native = seconds('building the addon', process.execPath, 'scripts/setup.mjs', 'native');
  const dist = seconds('building dist', process.execPath, 'scripts/setup.mjs', 'dist');
  console.log(`built in ${(native + dist).toFixed(1)} s, without what came from registries`);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
