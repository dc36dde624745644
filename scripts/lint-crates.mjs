// `npm run lint:crates`: what `cargo deny check licenses bans sources` asks, for machines without cargo-deny: every crate in
// Cargo.lock has a licence that deny.toml allows, comes from crates.io or this repository, and is there in one version.
// Advisories need their database: CI asks cargo-deny.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import satisfies from 'spdx-satisfies';
import { ensureModules, fail, requireRust, root, say } from './setup.mjs';

ensureModules();
requireRust();
const policy = fs.readFileSync(path.join(root, 'deny.toml'), 'utf8');
const list = (text) => [...text.matchAll(/"([^"]+)"/g)].map(([, each]) => each);
const allowed = list(/^allow = \[(.*)\]$/m.exec(policy)[1]);
const exceptions = new Map(
  [.../^exceptions = \[(.*)\]$/m.exec(policy)[1].matchAll(/crate = "([^"]+)", allow = (\[[^\]]*\])/g)].map(
    ([, crate, licences]) => [crate, list(licences)],
  ),
);

const metadata = spawnSync('cargo', ['metadata', '--format-version=1', '--all-features', '--locked'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 100e6,
});
if (metadata.status !== 0) fail(`lint:crates: cargo metadata failed:\n${metadata.stderr ?? metadata.error}`);
const { packages } = JSON.parse(metadata.stdout);

const complaints = packages.flatMap(({ name, version, license, source }) => {
  const found = [];
  // Before SPDX had expressions, crates wrote MIT/Apache-2.0.
  const expression = license?.replaceAll('/', ' OR ');
  const licences = [...allowed, ...(exceptions.get(name) ?? [])];
  if (!expression || !satisfies(expression, licences)) found.push(`its licence is ${license ?? 'not named'}`);
  if (source !== null && !source.endsWith('crates.io-index')) found.push(`it comes from ${source}`);
  const others = packages.filter((each) => each.name === name && each.version !== version);
  if (others.length > 0) found.push(`${others.map((each) => each.version).join(', ')} is there, too`);
  return found.map((what) => `${name} ${version}: ${what}`);
});
if (complaints.length > 0) fail(`lint:crates: against deny.toml:\n  ${complaints.join('\n  ')}`);
say(`${packages.length} crates are as deny.toml wants them.`);
