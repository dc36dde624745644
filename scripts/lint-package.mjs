// `npm run lint:package`: what is published, as others will see it. publint and are-the-types-wrong look at the packed root,
// knip at unused code, npm at known vulnerabilities of what users get, and the list of Rust licences must be current. The
// crates that are published alone are packed and built from what was packed, as `cargo publish` does before it uploads them.
//
// `npm run lint:package -- FOLDER`: the platform packages there instead, as `npm run pack:all -- --all` leaves them in target/packed.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LIMITS, pack } from './pack.mjs';
import { requireGoodPackages } from './platforms/packages.mjs';
import { bin, entries, fail, npm, requireRust, root, run, say } from './setup.mjs';

const [given] = process.argv.slice(2);
if (given !== undefined) {
  const packages = requireGoodPackages(path.resolve(given));
  if (packages === 0) fail(`lint:package: ${given} has no platform packages of this version.`);
  say(`${packages} platform packages are as they must be.`);
  process.exit();
}

/** Bytes of JavaScript in dist that programs load which import narrowcast: not what only the command loads. */
function libraryBytes() {
  const dist = path.join(root, 'dist');
  const found = new Set();
  const visit = (file) => {
    if (found.has(file) || !fs.existsSync(file)) return;
    found.add(file);
    const text = fs.readFileSync(file, 'utf8');
    for (const [, name] of text.matchAll(/(?:require\(|import\(|from ?|import ?)["'`](\.{1,2}\/[^"'`]+)["'`]/g)) {
      visit(path.resolve(path.dirname(file), name));
    }
  };
  for (const entry of entries()) for (const ext of ['js', 'cjs']) visit(path.join(dist, `${entry}.${ext}`));
  visit(path.join(dist, 'livekit', 'register-hooks.js'));
  const scripts = [...found].filter((file) => file.startsWith(dist) && /\.c?js$/.test(file));
  return scripts.reduce((sum, file) => sum + fs.statSync(file).size, 0);
}

const node = (what, file, ...args) => run(what, process.execPath, [file, ...args], { stdio: 'inherit' });

say('licences …');
node('the list of licences', path.join(root, 'scripts', 'licences.mjs'), '--check');

say('knip …');
node('knip', bin('knip'), '--no-progress');

say('crates …');
requireRust();
const crates = ['abi', 'core', 'audio'].flatMap((name) => ['--package', `narrowcast-${name}`]);
// Resampling needs a libsoxr on the system, where the crate is not part of this workspace.
const alone = ['--no-default-features', '--quiet'];
run('cargo test', 'cargo', ['test', '--package', 'narrowcast-audio', '--lib', ...alone], { stdio: 'inherit' });

const out = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-lint-'));
try {
  // In a new folder each time: cargo takes a version that it has unpacked and built from the same folder for unchanged.
  const publish = ['publish', '--dry-run', '--allow-dirty', '--target-dir', path.join(out, 'crates')];
  run('cargo publish', 'cargo', [...publish, ...crates, ...alone], { stdio: 'inherit' });

  const packed = pack({ out });
  const whole = packed.at(-1);
  for (const { name, size, unpackedSize } of packed) say(`${name}: ${size} bytes, ${unpackedSize} unpacked`);
  if (whole.size > LIMITS.rootPacked) fail(`the root package is larger than ${LIMITS.rootPacked} bytes.`);

  const library = libraryBytes();
  say(`the library's JavaScript, without the command: ${library} bytes`);
  if (library > LIMITS.library) fail(`the library's JavaScript is larger than ${LIMITS.library} bytes.`);

  say('publint …');
  node('publint', bin('publint'), 'run', '--strict', whole.file);

  say('are the types wrong? …');
  // Without node10, which knows nothing of `exports`.
  node('attw', bin('@arethetypeswrong/cli', 'attw'), whole.file, '--profile', 'node16', '--format', 'ascii');
} finally {
  fs.rmSync(out, { recursive: true, force: true });
}

say('npm audit …');
const audit = npm('audit', '--omit=dev', '--audit=true');
if (audit.status !== 0) {
  const said = `${audit.stdout}${audit.stderr}`;
  // A mirror may have no such service: that says nothing about the package.
  if (!/audit endpoint returned an error|ENOAUDIT|404|405|501/.test(said)) fail(`npm audit: ${said}`);
  say('SKIPPED: the registry that npm is configured with does not answer audits.');
}
