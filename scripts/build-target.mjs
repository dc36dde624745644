// `npm run build:target -- TRIPLE`: the addon for one of the platforms in package.json, as it is published, into
// target/addons. For Linux on any Linux machine, with Zig: glibc ones run with the oldest glibc that scripts/zig.mjs names. For
// macOS and Windows on such machines.

import fs from 'node:fs';
import path from 'node:path';
import { ensureModules, fail, requireRust, root, run, say } from './setup.mjs';
import { GLIBC, requireTarget, zigEnvironment } from './zig.mjs';

const [triple, ...others] = process.argv.slice(2);
const { napi } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
if (others.length > 0 || !napi.targets.includes(triple)) {
  fail(`build:target: \`npm run build:target -- TRIPLE\`; TRIPLE is one of ${napi.targets.join(', ')}.`, 2);
}
ensureModules();
requireRust();
requireTarget(triple);
const { parseTriple } = await import('@napi-rs/cli');
const { platformArchABI: platform } = parseTriple(triple);

say(`building the native addon for ${platform} …`);
const release = ['--release', '--package', 'narrowcast-node', '--target'];
if (triple.includes('linux')) {
  const target = triple.endsWith('gnu') ? `${triple}.${GLIBC}` : triple;
  const env = zigEnvironment();
  // A library that Node loads can't bring a C library of its own.
  if (triple.endsWith('musl')) env.RUSTFLAGS = `${env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim();
  run('the native build', 'cargo-zigbuild', ['zigbuild', ...release, target], { env });
} else {
  run('the native build', 'cargo', ['build', ...release, triple]);
}

const built = { win32: 'narrowcast_node.dll', darwin: 'libnarrowcast_node.dylib', linux: 'libnarrowcast_node.so' };
const folder = path.join(root, 'target', 'addons');
fs.mkdirSync(folder, { recursive: true });
const file = path.join(folder, `narrowcast.${platform}.node`);
fs.copyFileSync(path.join(root, 'target', triple, 'release', built[platform.split('-')[0]]), file);
say(`${path.relative(root, file)}: ${(fs.statSync(file).size / 1e6).toFixed(2)} MB`);
