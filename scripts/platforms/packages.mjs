// What platform packages must be, as they were packed: looked at before they are published.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LIMITS, NOTICES } from '../pack.mjs';
import { fail, root } from '../setup.mjs';
import { faultsOf } from './addons.mjs';
import { PLATFORMS } from './targets.mjs';

/**
 * Whatever is wrong with the platform packages in `folder`, as `npm run pack:all` leaves them there, a line each.
 *
 * @param {string} folder
 * @returns {{ packages: number, faults: string[] }}
 */
function faultsOfPackages(folder) {
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const names = new Set(Object.values(PLATFORMS).map((platform) => `narrowcast-${platform}-${version}.tgz`));
  const files = fs.readdirSync(folder).filter((name) => names.has(name));
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'narrowcast-packages-'));
  try {
    const addons = [];
    const faults = files.flatMap((name) => {
      const platform = name.slice('narrowcast-'.length, -`-${version}.tgz`.length);
      const at = path.join(scratch, platform);
      fs.mkdirSync(at);
      const { status } = spawnSync('tar', ['-xzf', path.resolve(folder, name), '--strip-components=1'], { cwd: at });
      if (status !== 0) return [`${name}: can't be unpacked`];
      const main = path.join(at, `narrowcast.${platform}.node`);
      if (fs.existsSync(main)) addons.push({ platform, file: main });
      return faultsIn(at, platform, version).map((fault) => `${name}: ${fault}`);
    });
    if (addons.length > 0) faults.push(...faultsOf(addons));
    return { packages: files.length, faults };
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}

/** Of one that is unpacked, all but what is in its addon. */
function faultsIn(folder, platform, version) {
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const [os, cpu, abi] = platform.split('-');
  const libc = os === 'linux' ? [abi === 'gnu' ? 'glibc' : 'musl'] : undefined;
  const main = `narrowcast.${platform}.node`;
  const bytes = fs.statSync(path.join(folder, main), { throwIfNoEntry: false })?.size;
  const wanted = { name: `narrowcast-${platform}`, version, os: [os], cpu: [cpu], libc, main, addonBytes: bytes };
  const faults = Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(manifest[key]) !== JSON.stringify(value))
    .map(([key, value]) => `says ${key} ${JSON.stringify(manifest[key])}, and is for ${JSON.stringify(value)}`);
  if (bytes === undefined) faults.push(`has no ${main}`);
  const missing = NOTICES.filter((name) => !fs.existsSync(path.join(folder, name)));
  if (missing.length > 0) faults.push(`lacks ${missing.join(', ')}`);
  const all = fs.readdirSync(folder, { recursive: true }).map((name) => fs.statSync(path.join(folder, name)));
  const unpacked = all.filter((each) => each.isFile()).reduce((sum, { size }) => sum + size, 0);
  if (unpacked > LIMITS.platformUnpacked)
    faults.push(`has ${unpacked} bytes unpacked, and may have ${LIMITS.platformUnpacked}`);
  return faults;
}

/** The same, and ends the process where something is wrong. */
export function requireGoodPackages(folder) {
  const { packages, faults } = faultsOfPackages(folder);
  if (faults.length > 0) fail(faults.join('\n'));
  return packages;
}
