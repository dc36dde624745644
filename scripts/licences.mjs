// Writes licenses/RUST.txt: the licences of the Rust crates that are linked into the addon, on any platform, by what cargo
// knows of them and by the files they bring.
//
//   node scripts/licences.mjs [--check]     --check: fails if the file is not what it would write

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fail, requireRust, root } from './setup.mjs';

const file = path.join(root, 'licenses', 'RUST.txt');

function cargo(...args) {
  const { status, stdout, stderr } = spawnSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) fail(`licences: cargo ${args[0]} failed: ${stderr}`);
  return stdout;
}

const { napi } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));

/** Crates in the addon, on any platform, without those that only work at compile time. */
function linkedCrates() {
  const targets = napi.targets.flatMap((target) => ['--target', target]);
  const edges = ['--edges', 'normal,no-proc-macro', '--prefix', 'none', '--format', '{p}'];
  const tree = cargo('tree', '--locked', '--package', 'narrowcast-node', ...targets, ...edges);
  const linked = new Set(tree.split('\n').map((line) => line.split(' ', 2).join(' ')));
  const { packages } = JSON.parse(cargo('metadata', '--locked', '--format-version', '1'));
  // Those without a source are our own.
  const crates = packages.filter(({ name, version, source }) => source !== null && linked.has(`${name} v${version}`));
  return crates.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Licences that narrowcast may take a crate under, the shortest text first. */
const ACCEPTED = { '0BSD': /0bsd/i, MIT: /mit/i, ISC: /isc/i, 'Apache-2.0': /apache/i, 'LGPL-2.1': /lgpl/i };

/** Texts that the package of a crate lacks and its repository has, in licenses/. */
const BY_HAND = { earshot: 'EARSHOT.txt' };

/** Under which licence narrowcast uses a crate, and the text that the crate brings, if it does. */
function licenceOf({ name, license, manifest_path: manifest }) {
  const offered = (license ?? '').split(/ OR |\//);
  const id = Object.keys(ACCEPTED).find((each) => offered.includes(each));
  if (id === undefined) fail(`licences: ${name} is ${license}: see whether it may be linked in, and say so here.`);
  const byHand = BY_HAND[name];
  if (byHand) return { id, text: fs.readFileSync(path.join(root, 'licenses', byHand), 'utf8').trim() };
  const folder = path.dirname(manifest);
  const files = fs.readdirSync(folder).filter((each) => /^(licen[cs]e|copying)/i.test(each));
  const chosen = files.find((each) => ACCEPTED[id].test(each)) ?? (offered.length === 1 ? files[0] : undefined);
  return { id, text: chosen && fs.readFileSync(path.join(folder, chosen), 'utf8').replaceAll('\r\n', '\n').trim() };
}

/** Crates with the same text are named together, above it. */
function report() {
  const groups = new Map();
  for (const crate of linkedCrates()) {
    const { id, text } = licenceOf(crate);
    // LGPL-2.1.txt is there already.
    const body =
      id === 'LGPL-2.1'
        ? 'See LGPL-2.1.txt.'
        : (text ?? `No text is in the package; its authors: ${crate.authors.join(', ') || 'unnamed'}.`);
    const key = `${id}\n\n${body}`;
    groups.set(key, [...(groups.get(key) ?? []), `${crate.name} ${crate.version}`]);
  }
  const head =
    'Rust crates in the native addon, and the licences that it contains them under. Made by scripts/licences.mjs.\n' +
    "Rust's standard library is in it, too: Copyright (c) The Rust Project Contributors, MIT.\n";
  const parts = [...groups].map(([text, crates]) => `${'-'.repeat(80)}\n${crates.join(', ')}\n${text}\n`);
  return [head, ...parts].join('\n');
}

requireRust();
const text = report();
if (!process.argv.includes('--check')) fs.writeFileSync(file, text);
else if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text) {
  fail('licenses/RUST.txt is stale: run `node scripts/licences.mjs` and commit it.');
}
